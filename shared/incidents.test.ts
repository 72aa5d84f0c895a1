import { expect, test } from "bun:test";
import { Incidents } from "./incidents.ts";

const WALL_MS = 1_800_000_000_000;

/** Site with a clock that a test moves, and the lines that were logged. */
class Site {
  nowMs = 0;
  refused = 0;
  readonly lines: unknown[][] = [];
  readonly incidents = new Incidents(
    { steadyMs: () => this.nowMs, wallMs: () => WALL_MS + this.nowMs },
    {
      info: (...line: unknown[]) => void this.lines.push(["info", ...line]),
      warn: (...line: unknown[]) => void this.lines.push(["warn", ...line]),
      error: (...line: unknown[]) => void this.lines.push(["error", ...line]),
    } as never,
  );
  readonly counts = () => ({ refused: this.refused });

  pass(ms: number): void {
    this.nowMs += ms;
    this.incidents.tick();
  }

  get messages(): unknown[] {
    return this.lines.map((line) => line.at(-1));
  }
}

const FAILS = "the journal fails";
const OVER = `over: ${FAILS}`;

test("one line when it begins and one when it is over, with its duration and what it cost", () => {
  const site = new Site();
  site.refused = 5;
  const now = { details: { reason: "full" }, counts: site.counts };
  for (let n = 0; n < 3; n++) site.incidents.begin("journal-fails", null, now);
  site.pass(90_000);
  site.refused = 1_205;
  site.incidents.end("journal-fails", null);
  site.refused = 9_999;
  for (let n = 0; n < 40; n++) {
    site.incidents.end("journal-fails", null);
    site.pass(100);
  }
  const about = { incident: "journal-fails", reason: "full" };
  expect(site.lines).toEqual([
    ["error", about, FAILS],
    ["info", { ...about, refused: 1_200, durationMs: 90_000, times: 1 }, OVER],
  ]);
});

test("the newest details are those of the end, and costs may begin before it was noticed", () => {
  const site = new Site();
  site.refused = 500;
  const now = { counts: site.counts, from: { refused: 480 } };
  site.incidents.begin("audit-drift", "default", { ...now, details: { cents: 1 } });
  site.incidents.begin("audit-drift", "default", { details: { cents: 40_000 } });
  site.refused = 510;
  site.incidents.end("audit-drift", "default");
  site.incidents.close();
  const about = { incident: "audit-drift", processor: "default" };
  expect(site.lines).toEqual([
    ["error", { ...about, cents: 1 }, "audit: drift"],
    [
      "info",
      { ...about, cents: 40_000, refused: 30, durationMs: 0, times: 1 },
      "over: audit: drift",
    ],
  ]);
});

test("it is over for readers at once, and the same one again when it comes back", () => {
  const site = new Site();
  site.incidents.begin("breaker-open", "default", { counts: site.counts });
  site.incidents.begin("breaker-open", "fallback");
  site.refused = 3;
  const about = { kind: "breaker-open", subject: "default", sinceMs: WALL_MS, details: {} };
  const [first, ...others] = site.incidents.open();
  expect(first).toEqual({ ...about, endedMs: null, times: 1, cost: { refused: 3 } } as never);
  expect(others).toMatchObject([{ subject: "fallback" }]);

  site.pass(1_000);
  site.incidents.end("breaker-open", "default");
  expect(site.incidents.open()).toMatchObject([{ subject: "fallback" }]);
  expect(site.incidents.recent()).toMatchObject([{ ...about, endedMs: WALL_MS + 1_000 }]);
  site.pass(1_000);
  site.incidents.begin("breaker-open", "default");
  expect(site.incidents.open()).toMatchObject([{ ...about, times: 2 }, { subject: "fallback" }]);
  expect(site.incidents.recent()).toEqual([]);
  expect(site.messages).toEqual(["the breaker is open", "the breaker is open"]);
});

test.each([100, 1_500, 10_000, 40_000])(
  "one that comes and goes every %d ms fills no log",
  (ms) => {
    const site = new Site();
    for (let n = 0; n < 500; n++) {
      site.incidents.begin("journal-fails", null);
      site.pass(ms / 2);
      site.incidents.end("journal-fails", null);
      site.pass(ms / 2);
    }
    expect(site.lines.length).toBeLessThan(16);
    expect(site.messages.slice(0, 1)).toEqual([FAILS]);
    site.pass(60_000);
    const began = site.messages.filter((message) => message === FAILS).length;
    expect(site.messages.filter((message) => message === OVER)).toHaveLength(began);
    const times = site.lines.map(([, fields]) => (fields as { times?: number }).times ?? 0);
    expect(times.reduce((sum, count) => sum + count, 0)).toBe(500);
  },
);

test("each return doubles the time for which it has to stay away", () => {
  const site = new Site();
  for (const awayMs of [1_999, 3_999, 7_999]) {
    site.incidents.begin("journal-fails", null);
    site.incidents.end("journal-fails", null);
    site.pass(awayMs);
    expect(site.messages).toEqual([FAILS]);
  }
  site.pass(1);
  expect(site.messages).toEqual([FAILS, OVER]);
});

test("after a quiet while the end is said as soon as the first time", () => {
  const site = new Site();
  for (let n = 0; n < 2; n++) {
    site.incidents.begin("journal-fails", null);
    site.incidents.end("journal-fails", null);
    site.pass(1_999);
    expect(site.messages).toHaveLength(2 * n + 1);
    site.pass(1);
    expect(site.messages).toHaveLength(2 * n + 2);
    site.pass(600_000);
  }
});

test("the newest hundred that are over are kept", () => {
  const site = new Site();
  for (let n = 1; n <= 150; n++) {
    site.incidents.begin("link-secret", `10.0.0.${n}`);
    site.incidents.end("link-secret", `10.0.0.${n}`);
    site.incidents.close();
  }
  const subjects = site.incidents.recent().map(({ subject }) => subject);
  expect(subjects).toHaveLength(100);
  expect([subjects[0], subjects.at(-1)]).toEqual(["10.0.0.51", "10.0.0.150"]);
});
