import { expect, test } from "bun:test";
import { dependsOnZone, ZONES } from "./zones.ts";

test("a test that writes an instant out is run in every zone", () => {
  const of = (text: string, path = "worker/audit/theirs.test.ts") => dependsOnZone(path, text);
  expect(of("const at = new Date(atMs).toISOString();")).toBe(true);
  expect(of("const AT_MS = Date.UTC(2026, 0, 1);")).toBe(true);
  expect(of('read("2026-11-27T20:31:11.779")')).toBe(true);
  expect(of("expect(limit.value).toBe(8);")).toBe(false);
  expect(of("Date.UTC(2026, 0, 1)", "tests/system/drift.test.ts")).toBe(false);
});

test("the zones are known here, and are neither this machine's nor UTC", () => {
  for (const timeZone of ZONES) {
    const noon = new Date("2026-01-01T12:00:00Z");
    const hour = new Intl.DateTimeFormat("en", { timeZone, hour: "numeric", hourCycle: "h23" });
    expect(hour.format(noon)).not.toBe("12");
  }
});
