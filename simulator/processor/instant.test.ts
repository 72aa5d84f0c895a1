import { expect, test } from "bun:test";
import fc from "fast-check";
import { DATE_MIN_MS, instantMs } from "./instant.ts";

const AT_MS = Date.UTC(2025, 6, 15, 12, 34, 56);

test.each([
  ["2025-07-15T12:34:56Z", AT_MS],
  ["2025-07-15T12:34:56", AT_MS],
  ["2025-07-15T12:34:56.7Z", AT_MS + 700],
  ["2025-07-15T12:34:56.789Z", AT_MS + 789],
  ["2025-07-15T12:34:56.789000Z", AT_MS + 789],
  ["2025-07-15T12:34:56.7890001Z", AT_MS + 789.5],
  ["2025-07-15T12:34:56.999999999Z", AT_MS + 999.5],
  ["2025-07-15T15:34:56+03:00", AT_MS],
  ["2025-07-15T12:34Z", AT_MS - 56_000],
  ["2025-07-15", Date.UTC(2025, 6, 15)],
  ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29)],
  ["0001-01-01T00:00:00Z", DATE_MIN_MS],
])("%s is %p", (text, ms) => {
  expect(instantMs(text)).toBe(ms);
});

test.each([
  "",
  "yesterday",
  "2025-02-29T00:00:00Z",
  "2025-02-30T00:00:00Z",
  "2025-13-01T00:00:00Z",
  "2025-07-15T24:00:00Z",
  "2025-07-15T12:60:00Z",
  "2025-07-15T12:34:60Z",
  "2025-07-15T12:34:56 00:00",
  "1752582896000",
  " 2025-07-15T12:34:56Z",
])("%p is no instant", (text) => {
  expect(instantMs(text)).toBeNull();
});

test("every instant written in ISO is read back", () => {
  const min = DATE_MIN_MS;
  const max = Date.parse("9999-12-31T23:59:59.999Z");
  fc.assert(
    fc.property(fc.integer({ min, max }), (ms) => {
      expect(instantMs(new Date(ms).toISOString())).toBe(ms);
    }),
  );
});
