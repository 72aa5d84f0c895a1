import { expect, test } from "bun:test";
import { object, oneOf, orNull, text } from "./schema.ts";

test("null is let in beside a text, a list of words, and an object", () => {
  expect(orNull(text)).toEqual({ type: ["string", "null"] });
  const nothing = { type: "null" };
  expect(orNull(oneOf("a"))).toEqual({ anyOf: [{ type: "string", enum: ["a"] }, nothing] });
  const fields = object({ a: text }, { b: text });
  expect(fields["required"]).toEqual(["a"]);
  expect(orNull(fields)).toEqual({ anyOf: [fields, nothing] });
});
