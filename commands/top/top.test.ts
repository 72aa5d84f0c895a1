import { expect, test } from "bun:test";
import type { ToldIncident } from "../../shared/http-api/incident.ts";
import type { LaneChange, LiveLane, LiveSecond, LiveSnapshot } from "../../shared/http-api/live.ts";
import { decimalOf, shareOf, shareOfSum } from "../../shared/tariff.ts";
import { EventReader } from "./events.ts";
import { fitted, lineOf, screenOf, sortedBy, UNSORTED, type SortKey } from "./screen.ts";
import { View, type Figures } from "./view.ts";

/** Words that come from a processor or a disk may hold anything. */
const STANDS_BADLY: LiveSnapshot["standing"] = {
  kind: "bad",
  text: "The journal\u0007 fails.",
  brief: "journal fails",
  facts: [{ code: "journal-fails", kind: "bad", text: "The journal\u0007 fails.", brief: "" }],
};
const AT = "2026-01-05T12:00:10.000Z";
const URL = "http://127.0.0.1:9995";

function lane(name: string, more: Partial<LiveLane> = {}): LiveLane {
  return {
    name,
    fee: 0.05,
    tariff: shareOf(more.fee ?? 0.05),
    mode: "auto",
    moved: false,
    unreachable: null,
    unasked: 0,
    lacks: [],
    breaker: "closed",
    latencyMs: 1.5,
    inFlight: 3,
    limit: 40.7,
    settled: { count: 10, cents: 19_900 },
    ...more,
  };
}

function second(number: number, accepted: number, settled: number[]): LiveSecond {
  const at = "2026-01-05T12:00:00.000Z";
  const counts = { accepted, settled, p50Ms: 1, p99Ms: 2, open: 0, unknown: 0 };
  return { number, at, upMs: 1_000 * number, spanMs: 1_000, ...counts };
}

function opened(number: number, processor: string, cause: string): LaneChange {
  return { number, at: AT, upMs: 0, processor, cause, kind: "breaker", from: "closed", to: "open" };
}

/** Fees as the worker adds them up, for lanes that charge a share. */
function moneyOf(lanes: readonly LiveLane[]): LiveSnapshot["money"] {
  const each = lanes.map(({ name, tariff, settled }, i) => {
    const paid = decimalOf(shareOfSum(tariff, settled.cents));
    return { name, tariff: i + 1, terms: tariff, ...settled, paid };
  });
  return { total: "0.00", paid: "0.00", avoided: "0.00", left: "0.00", each };
}

function snapshot(more: Partial<LiveSnapshot> = {}): LiveSnapshot {
  const lanes = [lane("default"), lane("fallback", { fee: 0.15, latencyMs: 250, inFlight: 0 })];
  return {
    at: AT,
    startedAt: "2026-01-05T11:00:00.000Z",
    upMs: 3_600_000,
    notReady: null,
    standing: { kind: "good", text: "All is well.", brief: "", facts: [] },
    untilDurable: { p50Ms: 0.4, p99Ms: 2.25, payments: 100 },
    backlog: {
      open: 7,
      max: 1_000,
      oldestSeconds: 1.25,
      states: { accepting: 0, queued: 4, assigned: 2, unknown: 1, held: 0 },
      rejected: 5,
      conflict: 0,
    },
    journal: { trouble: null, queued: 0, restored: false },
    link: { strangers: 0 },
    clockStepMs: null,
    lanes,
    money: moneyOf(more.lanes ?? lanes),
    gone: [],
    seconds: [second(1, 100, [90, 10]), second(2, 200, [190, 10])],
    changes: [],
    incidents: [],
    ...more,
  };
}

function figuresOf(...snapshots: LiveSnapshot[]): Figures {
  const view = new View();
  for (const each of snapshots) view.apply(each);
  return view.figures() as Figures;
}

const screen = (figures: Figures, sorting = UNSORTED) =>
  screenOf(URL, figures, sorting, null, 0).join("\n");

test("rates are of the last seconds, however often they were told", () => {
  const figures = figuresOf(
    snapshot(),
    snapshot({ seconds: [second(3, 300, [0, 0])] }),
    // A stream that has started again tells everything again.
    snapshot({
      seconds: [second(1, 100, [90, 10]), second(2, 200, [190, 10]), second(3, 300, [0, 0])],
    }),
  );
  expect(figures.acceptedRate).toBe(200);
  expect(figures.rows.map(({ rate }) => Math.round(rate * 3))).toEqual([280, 20]);
});

test("a worker that was started anew begins with its own seconds", () => {
  const figures = figuresOf(
    snapshot(),
    snapshot({ startedAt: "2026-01-05T12:00:05.000Z", seconds: [second(1, 7, [7, 0])] }),
  );
  expect(figures.acceptedRate).toBe(7);
});

test("the screen shows what there is of payments, and a row for each processor", () => {
  const text = screen(figuresOf(snapshot()));
  expect(text).toContain("taken 150/s   settled 150/s   on disk in p99 2.3 ms");
  expect(text).toContain("open 7 of 1000   oldest 1.3 s");
  expect(text).toContain("queued 4   assigned 2   unknown 1   held 0   rejected 5   conflict 0");
  expect(text).toMatch(/default +5 % +closed +1\.5 ms +3\/40 +140\/s +10 +199\.00 +9\.95/);
  expect(text).toMatch(/fallback +15 % +closed +250 ms +0\/40 +10\.0\/s +10 +199\.00 +29\.85/);
});

test("a breaker is shown with the cause of its last change, and what an operator has set", () => {
  const figures = figuresOf(
    snapshot({
      standing: STANDS_BADLY,
      lanes: [lane("default", { breaker: "open", mode: "drained" }), lane("fallback")],
      changes: [
        opened(1, "default", "5 failures in a row"),
        opened(2, "default", "health says so"),
      ],
    }),
  );
  const text = screen(figures);
  expect(text).toMatch(/default .*open, drained .* health says so\n/);
  expect(text.split("\n")[1]).toBe("The journal? fails.");
  expect(text).toContain("12:00:10  default  closed → open: 5 failures in a row");
});

test("incidents are told with how long they lasted and what they cost, over a restart too", () => {
  const began = "2026-01-05T11:59:01.000Z";
  const one: ToldIncident = {
    incident: "breaker-open",
    message: "the breaker is open",
    level: "warn",
    processor: "default",
    reason: "500\u0007",
    began,
    ended: null,
    cutShort: false,
    durationMs: 61_240,
    times: 1,
    cost: { refused: 4, unknown: 0 },
  };
  const more = { ended: began, times: 3, reason: null };
  const text = screen(
    figuresOf(
      snapshot({
        incidents: [
          one,
          { ...one, ...more, processor: null, cost: {} },
          { ...one, ...more, times: 1, cutShort: true },
        ],
      }),
    ),
  );
  expect(text).toContain(
    [
      "Incidents, the last one first",
      "11:59:01  default: the breaker is open (500?): 61.2 s, lasts; refused 4",
      "11:59:01  the breaker is open: 61.2 s, over; 3 times",
      "11:59:01  default: the breaker is open: 61.2 s, until the worker ended; refused 4",
    ].join("\n"),
  );
  expect(screen(figuresOf(snapshot()))).not.toContain("Incidents");
});

test("nothing that a processor says speaks to the terminal", () => {
  const evil = opened(1, "default", "\x1b[2Jgone\r\n");
  expect(screen(figuresOf(snapshot({ changes: [evil] })))).not.toContain("\x1b");
});

test("keys sort: numbers the largest first, fees the smallest, again turns round", () => {
  const figures = figuresOf(
    snapshot({
      lanes: [
        lane("b", { fee: 0.2, latencyMs: 9, settled: { count: 1, cents: 900 } }),
        lane("a", { fee: 0.1, latencyMs: 1, settled: { count: 5, cents: 100 }, breaker: "open" }),
        lane("c", { fee: 0.3, latencyMs: 5, settled: { count: 3, cents: 500 }, inFlight: 9 }),
      ],
      seconds: [second(1, 0, [1, 2, 3])],
    }),
  );
  const order = (...keys: SortKey[]) => {
    const sorting = keys.reduce(sortedBy, UNSORTED);
    return Array.from(screen(figures, sorting).matchAll(/^([abc]) /gm), ([, name]) => name).join(
      "",
    );
  };
  expect(order()).toBe("abc");
  expect(order("n")).toBe("abc");
  expect(order("n", "n")).toBe("cba");
  expect(order("l")).toBe("bca");
  expect(order("l", "l")).toBe("acb");
  expect(order("s")).toBe("acb");
  expect(order("a")).toBe("bca");
  expect(order("r")).toBe("cab");
  expect(order("b")[0]).toBe("a");
  expect(order("i")[0]).toBe("c");
});

test("a lost connection is said, with what was known before", () => {
  const loss = { sinceMs: 1_000, reason: "ECONNREFUSED" };
  const text = screenOf(URL, figuresOf(snapshot()), UNSORTED, loss, 8_000).join("\n");
  expect(text).toContain("NO CONNECTION for 7 s: ECONNREFUSED; trying again");
  expect(text).toContain("open 7 of 1000");
  expect(screenOf(URL, null, UNSORTED, null, 0).join("\n")).toContain("Waiting");
});

test("a screen is as large as the terminal, whatever that is", () => {
  const lines = screenOf(URL, figuresOf(snapshot()), UNSORTED, null, 0);
  for (const size of [
    { columns: 200, rows: 60 },
    { columns: 40, rows: 10 },
    { columns: 5, rows: 2 },
    { columns: 1, rows: 1 },
  ]) {
    const shown = fitted(lines, size);
    expect(shown).toHaveLength(size.rows);
    expect(Math.max(...shown.map((line) => [...line].length))).toBeLessThanOrEqual(size.columns);
  }
});

test("without a screen it is one line", () => {
  const line = lineOf(figuresOf(snapshot()));
  expect(line).not.toContain("\n");
  expect(line).toContain("taken 150/s  settled 150/s  open 7  unknown 1  oldest 1.3 s");
  expect(line).toContain("default closed 3/40 1.5 ms 140/s");
  expect(line).not.toContain("All is well");
  const loud = lineOf(figuresOf(snapshot({ standing: STANDS_BADLY })));
  expect(loud).toEndWith("  |  The journal? fails.");
});

test("events are read however the bytes are cut", () => {
  const text = 'retry: 1000\n\nevent: live\ndata: {"a":"é"}\n\n: comment\n\ndata: 1\ndata: 2\n\nda';
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size <= bytes.length; size++) {
    const reader = new EventReader();
    const events: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      events.push(...reader.push(bytes.subarray(at, at + size)));
    }
    expect(events).toEqual(['{"a":"é"}', "1\n2"]);
  }
});

test("a long event is read in time that grows with its length, in however small pieces it comes", () => {
  const reader = new EventReader();
  const piece = Buffer.from("xy");
  reader.push(Buffer.from("data:"));
  for (let n = 0; n < 200_000; n++) expect(reader.push(piece)).toHaveLength(0);
  expect(reader.push(Buffer.from("\n\n"))[0]).toHaveLength(400_000);
});
