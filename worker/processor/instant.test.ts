import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readInstant } from "./instant.ts";

const AT_MS = Date.UTC(2026, 10, 27, 20, 31, 11, 779);

test.each([
  "2026-11-27T20:31:11.779Z",
  "2026-11-27T20:31:11.779",
  "2026-11-27T20:31:11.7790000",
  "2026-11-27T20:31:11.779999999Z",
  "2026-11-27T17:31:11.779-03:00",
  "2026-11-28T02:16:11.779+05:45",
  "2026-11-27T20:31:11.779+00:00",
])("%s is the same instant", (text) => {
  expect(readInstant(text)).toBe(AT_MS);
});

test("a fraction may be short or left out", () => {
  expect(readInstant("2026-11-27T20:31:11.7")).toBe(AT_MS - 79);
  expect(readInstant("2026-11-27T20:31:11Z")).toBe(AT_MS - 779);
  expect(readInstant("0001-01-01T00:00:00")).toBe(Date.parse("0001-01-01T00:00:00Z"));
});

describe("no instant is read from", () => {
  test.each([
    "",
    "yesterday",
    "2026-11-27",
    "20:31:11",
    "2026-11-27T20:31",
    "2026-11-27 20:31:11.779",
    "2026-02-30T20:31:11.779Z",
    "2026-13-01T00:00:00Z",
    "2026-11-27T24:00:00Z",
    "2026-11-27T20:60:11Z",
    "2026-11-27T20:31:60Z",
    "2026-11-27T20:31:11.Z",
    "2026-11-27T20:31:11.779z",
    "2026-11-27T20:31:11.779+3",
    "2026-11-27T20:31:11.779+24:00",
    "2026-11-27T20:31:11.779 GMT",
    " 2026-11-27T20:31:11.779Z",
    "+002026-11-27T20:31:11.779Z",
    AT_MS,
    null,
    undefined,
    [["2026-11-27T20:31:11.779Z"]],
  ])("%p", (value) => {
    expect(readInstant(value)).toBeNull();
  });
});

test("every instant, however it is written and whatever zone this machine is in", () => {
  const zones = fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 });
  const instants = fc.integer({ min: Date.UTC(1000), max: Date.UTC(9000) });
  fc.assert(
    fc.property(instants, zones, fc.stringMatching(/^\d{0,6}$/), (atMs, minutes, finer) => {
      const utc = new Date(atMs).toISOString().slice(0, -1);
      expect(readInstant(utc + finer)).toBe(atMs);
      expect(readInstant(`${utc}${finer}Z`)).toBe(atMs);
      const there = new Date(atMs + minutes * 60_000).toISOString().slice(0, -1);
      const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
      const offset = [hours, rest].map((part) => String(part).padStart(2, "0")).join(":");
      expect(readInstant(`${there}${finer}${minutes < 0 ? "-" : "+"}${offset}`)).toBe(atMs);
    }),
  );
});
