import { expect, test } from "bun:test";
import fc from "fast-check";
import { canonicalCorrelationId } from "./payment.ts";

const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";

test("a UUID of any version, in any case, has one canonical form", () => {
  expect(canonicalCorrelationId(ID)).toBe(ID);
  expect(canonicalCorrelationId(ID.toUpperCase())).toBe(ID);
  expect(canonicalCorrelationId("00000000-0000-0000-0000-000000000000")).not.toBeNull();
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      expect(canonicalCorrelationId(id.toUpperCase())).toBe(id.toLowerCase());
    }),
    { seed: 1 },
  );
});

test.each([
  "",
  ID.slice(1),
  `${ID}0`,
  ` ${ID.slice(1)}`,
  `${ID.slice(0, 35)}\n`,
  `{${ID}}`,
  ID.replaceAll("-", ""),
  ID.replace("4a79", "4-79"),
  ID.replace("b", "g"),
  // Some letters are longer in lower case, or another letter's.
  ID.replace("b", "\u0130"),
  ID.replace("b", "\uff42"),
  null,
  undefined,
  7,
  {},
  [[ID]],
])("%p is none", (value) => {
  expect(canonicalCorrelationId(value)).toBeNull();
});
