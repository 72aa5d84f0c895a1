import { describe, expect, test } from "bun:test";
import { parseWindow } from "./window.ts";

const AT = Date.UTC(2025, 6, 15, 12, 30, 45);
const EXAMPLE = "2026-01-31T09:30:00Z or 2026-01-31T06:30:00-03:00";

function windowOf(from?: string, to?: string) {
  const query = new URLSearchParams();
  if (from !== undefined) query.set("from", from);
  if (to !== undefined) query.set("to", to);
  const parsed = parseWindow(query);
  return parsed.ok ? [parsed.window.fromMs, parsed.window.toMs] : parsed.reason;
}

describe("a window", () => {
  test("is open where a bound is absent or empty", () => {
    expect(windowOf()).toEqual([-Infinity, Infinity]);
    expect(windowOf("", "")).toEqual([-Infinity, Infinity]);
    expect(windowOf("2025-07-15T12:30:45Z")).toEqual([AT, Infinity]);
    expect(windowOf(undefined, "2025-07-15T12:30:45Z")).toEqual([-Infinity, AT]);
  });

  test.each([
    ["2025-07-15T12:30:45Z", 0],
    ["2025-07-15T12:30:45", 0],
    ["2025-07-15T12:30:45+00:00", 0],
    ["2025-07-15T12:30:45-00:00", 0],
    ["2025-07-15T09:30:45-03:00", 0],
    ["2025-07-15T14:30:45+02:00", 0],
    ["2025-07-15T18:15:45.25+05:45", 250],
    ["2025-07-14T13:30:45.123-23:00", 123],
    // From a query with a plus that nobody has escaped.
    ["2025-07-15T14:30:45 02:00", 0],
    ["2025-07-15T12:30:45.1Z", 100],
    ["2025-07-15T12:30:45.12Z", 120],
    ["2025-07-15T12:30:45.123Z", 123],
    ["2025-07-15T12:30:45.999Z", 999],
    ["2025-07-15T12:30:45.123000Z", 123],
    ["2025-07-15T12:30:45.123000000", 123],
  ])("begins and ends at %s", (text, ms) => {
    expect(windowOf(text, text)).toEqual([AT + ms, AT + ms]);
  });

  test.each([
    ["1234", 124, 123],
    ["1230001", 124, 123],
    ["123000001", 124, 123],
    ["123999999", 124, 123],
    ["000000001", 1, 0],
    ["999999999", 1000, 999],
  ])("with the bound .%s is rounded inwards", (fraction, from, to) => {
    const text = `2025-07-15T12:30:45.${fraction}Z`;
    expect(windowOf(text)).toEqual([AT + from, Infinity]);
    expect(windowOf(undefined, text)).toEqual([-Infinity, AT + to]);
  });

  test("between two milliseconds holds nothing, and is no error", () => {
    expect(windowOf("2025-07-15T12:30:45.1231Z", "2025-07-15T12:30:45.1239Z")).toEqual([
      AT + 124,
      AT + 123,
    ]);
  });

  test.each([
    ["2025-07-15T12:30:46Z", "2025-07-15T12:30:45Z"],
    ["2025-07-15T12:30:45-03:00", "2025-07-15T15:30:44Z"],
    ["2025-07-15T12:30:45.124Z", "2025-07-15T12:30:45.123Z"],
    ["2025-07-15T12:30:45.000000002Z", "2025-07-15T12:30:45.000000001Z"],
  ])("from %s to %s is refused", (from, to) => {
    expect(windowOf(from, to)).toBe("from is later than to");
  });

  test.each([
    "2025-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2025-13-01T00:00:00Z",
    "2025-00-01T00:00:00Z",
    "2025-07-15T24:00:00Z",
    "2025-07-15T12:60:00Z",
    "2025-07-15T12:30:60Z",
    "2025-07-15T12:30:45+24:00",
    "9999-12-31T23:59:59-00:01",
    "0000-01-01T00:00:00+00:01",
    "2025-07-15T12:30:45+02:60",
    "2025-07-15T12:30:45+0200",
    "2025-07-15T12:30:45+02",
    "2025-07-15T12:30:45 ",
    "2025-07-15T12:30:45Z+02:00",
    "2025-02-30T00:00:00-03:00",
    "2025-07-15T12:30:45 -03:00",
    "2025-07-15T12:30:45 BRT",
    "2025-07-15T12:30:45.Z",
    "2025-07-15T12:30:45.1234567890Z",
    "2025-07-15T12:30Z",
    "2025-07-15",
    "2025-07-15 12:30:45Z",
    "20250715T123045Z",
    "15/07/2025",
    "1752582645000",
    "now",
    "+002025-07-15T12:30:45Z",
    " 2025-07-15T12:30:45Z",
    "2025-07-15T12:30:45Z\n",
    "\u0662025-07-15T12:30:45Z",
  ])("with the bound %p is refused", (text) => {
    expect(windowOf(text)).toBe(
      `from is not an ISO 8601 instant such as ${EXAMPLE}: ${JSON.stringify(text)}`,
    );
    expect(windowOf(undefined, text)).toStartWith("to is not an ISO 8601 instant such as ");
  });

  test("in a leap year has its day", () => {
    expect(windowOf("2024-02-29T00:00:00Z")).toEqual([Date.UTC(2024, 1, 29), Infinity]);
  });
});

test.each(["from", "to"])("a window whose %s is given twice is refused", (name) => {
  const at = "2025-07-15T12:30:45Z";
  const parsed = parseWindow(new URLSearchParams(`${name}=${at}&${name}=${at}`));
  expect(parsed).toEqual({ ok: false, reason: `${name} is given more than once` });
});
