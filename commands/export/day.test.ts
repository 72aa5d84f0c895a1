import { expect, test } from "bun:test";
import { instantsOfDay, isTimeZone } from "./day.ts";

const hours = (day: string, zone: string) => {
  const found = instantsOfDay(day, zone);
  return (
    found && [new Date(found.fromMs).toISOString(), (found.toMs + 1 - found.fromMs) / 3_600_000]
  );
};

test.each([
  ["2026-11-27", "UTC", "2026-11-27T00:00:00.000Z", 24],
  ["2026-11-27", "America/Sao_Paulo", "2026-11-27T03:00:00.000Z", 24],
  // Clocks were put forward at midnight, and back at midnight.
  ["2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00.000Z", 23],
  ["2019-02-16", "America/Sao_Paulo", "2019-02-16T02:00:00.000Z", 25],
  ["2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00.000Z", 23],
  ["2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00.000Z", 25],
  ["2026-01-01", "Pacific/Kiritimati", "2025-12-31T10:00:00.000Z", 24],
  ["2024-02-29", "Asia/Kathmandu", "2024-02-28T18:15:00.000Z", 24],
])("%s in %s", (day, zone, from, count) => {
  expect(hours(day, zone)).toEqual([from, count]);
});

test("days follow each other without a gap", () => {
  for (const zone of ["America/Sao_Paulo", "Europe/Berlin", "Australia/Lord_Howe"]) {
    let next: number | null = null;
    for (let n = 0; n < 800; n++) {
      const day = new Date(Date.UTC(2018, 0, 1 + n)).toISOString().slice(0, 10);
      const found = instantsOfDay(day, zone)!;
      if (next !== null) expect([zone, day, found.fromMs]).toEqual([zone, day, next]);
      next = found.toMs + 1;
    }
  }
});

test.each(["2026-02-30", "2026-13-01", "26-01-01", "", "2026-01-01T00:00:00Z"])(
  "%p is no day",
  (day) => expect(instantsOfDay(day, "UTC")).toBeNull(),
);

test("a day that a zone has left out is none", () => {
  expect(instantsOfDay("2011-12-30", "Pacific/Apia")).toBeNull();
});

test("a zone is known by its name", () => {
  expect(["America/Sao_Paulo", "UTC", "", "Mars"].map(isTimeZone)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
