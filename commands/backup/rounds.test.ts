import { describe, expect, test } from "bun:test";
import { atMsOf, copiesAmong, firstDueMs, nameOf, nextDueMs, periodMsOf } from "./rounds.ts";
import { Progress } from "./progress.ts";

const JOURNAL = "/var/lib/papa-leguas/payments.db";
const AT_MS = Date.UTC(2026, 0, 31, 6, 30, 5);
const [SECOND_MS, MINUTE_MS] = [1_000, 60_000];

test.each([
  ["30s", 30 * SECOND_MS],
  ["15m", 15 * MINUTE_MS],
  ["6h", 360 * MINUTE_MS],
  ["7d", 7 * 1_440 * MINUTE_MS],
  ["0m", null],
  ["8d", null],
  ["15", null],
  ["1.5h", null],
  ["15M", null],
])("%s is a period of %p ms", (text, periodMs) => expect(periodMsOf(text)).toBe(periodMs));

describe("copies", () => {
  test("are named by the journal and the second in UTC", () => {
    const name = nameOf(JOURNAL, AT_MS + 999);
    expect(name).toBe("payments-20260131T063005Z.db");
    expect(atMsOf(JOURNAL, name)).toBe(AT_MS);
  });

  test("are told from everything else, and sorted by age", () => {
    const names = [
      "payments-20260131T063005Z.db",
      "payments-20251231T235959Z.db",
      "payments-20260131T063006Z.db",
      "payments-20260230T063005Z.db",
      "payments-20260131T063005Z.db.partial",
      "payments-20260131T063005Z.db-wal",
      "payments-monday.db",
      "other-20260131T063005Z.db",
      "payments.db",
    ];
    expect(copiesAmong(JOURNAL, names)).toEqual([names[2]!, names[0]!, names[1]!]);
  });
});

describe("a round is due", () => {
  test("at once when there is no copy, or one of the future", () => {
    expect(firstDueMs(null, AT_MS, MINUTE_MS)).toBe(AT_MS);
    expect(firstDueMs(AT_MS + 1, AT_MS, MINUTE_MS)).toBe(AT_MS);
  });

  test("when the newest copy is old enough, however often it is started", () => {
    expect(firstDueMs(AT_MS - 10 * SECOND_MS, AT_MS, MINUTE_MS)).toBe(AT_MS + 50 * SECOND_MS);
    expect(firstDueMs(AT_MS - 2 * MINUTE_MS, AT_MS, MINUTE_MS)).toBe(AT_MS);
  });

  test("a period after the last one began, or at once when that took longer", () => {
    expect(nextDueMs(AT_MS, AT_MS + 9, MINUTE_MS, false)).toBe(AT_MS + MINUTE_MS);
    expect(nextDueMs(AT_MS, AT_MS + 2 * MINUTE_MS, MINUTE_MS, false)).toBe(AT_MS + 2 * MINUTE_MS);
  });

  test("a minute after a failure, or sooner when the period is shorter", () => {
    expect(nextDueMs(AT_MS, AT_MS + 9, 15 * MINUTE_MS, true)).toBe(AT_MS + 9 + MINUTE_MS);
    expect(nextDueMs(AT_MS, AT_MS + 9, SECOND_MS, true)).toBe(AT_MS + 9 + SECOND_MS);
  });
});

test("progress has a rate and the rest, once a second at most, and says what comes then", () => {
  const lines: string[] = [];
  const progress = new Progress(200_000_000, 0, (line) => lines.push(line));
  progress.at(500, 20_000_000);
  progress.at(1_000, 50_000_000);
  progress.at(1_900, 90_000_000);
  progress.at(2_000, 100_000_000);
  progress.at(2_100, null);
  expect(lines.slice(0, 2)).toEqual([
    "50 of 200 MB, 50 MB/s, 3 s left",
    "100 of 200 MB, 50 MB/s, 2 s left",
  ]);
  expect(lines.slice(2)).toEqual([expect.stringMatching(/^all is written; looking/)]);
});
