import { expect, test } from "bun:test";
import { AT_MS, changeOf, incidentOf, iso, minuteOf, newsOf } from "./history.fixture.ts";
import { CHANGES_MAX, History, INCIDENTS_MAX, MINUTES_MAX } from "./history.ts";

const HOUR_MS = 3_600_000;
/** Leaves what a worker knows when it is killed, as its file has it. */
const leftBy = (history: History, nowMs: number) =>
  JSON.parse(JSON.stringify(history.tell(nowMs))) as ReturnType<History["tell"]>;

test("a minute that goes on takes the place of what was told of it, by names of processors", () => {
  const history = new History();
  history.take(AT_MS, newsOf({ minutes: [minuteOf(1, { accepted: 1 })] }));
  history.take(AT_MS, newsOf({ minutes: [minuteOf(1), minuteOf(2, { settled: [0, 7] })] }));
  const { minutes } = history.tell(AT_MS);
  expect(minutes).toEqual([
    expect.objectContaining({ at: iso(AT_MS + 60_000), accepted: 5, settled: { default: 3 } }),
    expect.objectContaining({ at: iso(AT_MS + 120_000), settled: { fallback: 7 } }),
  ]);
  expect(minutes[0]).not.toHaveProperty("number");
});

test("incidents of both threads are one list, the newest first, with what they last and cost", () => {
  const history = new History();
  const ended = incidentOf(AT_MS, { endedMs: AT_MS + 1_500, times: 3 });
  history.take(AT_MS, newsOf({ incidents: [ended] }));
  const drift = {
    kind: "audit-drift",
    subject: "fallback",
    details: { cents: 4 },
    cost: {},
  } as const;
  history.note(AT_MS, "http", [incidentOf(AT_MS + 2_000, drift)]);
  expect(history.incidents(AT_MS + 9_000)).toEqual([
    {
      incident: "audit-drift",
      message: "audit: drift",
      level: "error",
      processor: "fallback",
      reason: null,
      began: iso(AT_MS + 2_000),
      ended: null,
      cutShort: false,
      durationMs: 7_000,
      times: 1,
      cost: {},
    },
    {
      incident: "breaker-open",
      message: "the breaker is open",
      level: "warn",
      processor: "default",
      reason: "500",
      began: iso(AT_MS),
      ended: iso(AT_MS + 1_500),
      cutShort: false,
      durationMs: 1_500,
      times: 3,
      cost: { refused: 4 },
    },
  ]);
  expect(history.incidents(AT_MS, 1)).toHaveLength(1);
});

test("no address is told", () => {
  const history = new History();
  const details = { from: "http://10.0.0.1:8001", to: "http://10.0.0.2:8001", wayOut: "10.0.0.2" };
  history.note(AT_MS, "http", [
    incidentOf(AT_MS, { kind: "link-secret", subject: "10.0.0.9", details: {} }),
    incidentOf(AT_MS, { kind: "processor-moved", details }),
  ]);
  expect(JSON.stringify(history.tell(AT_MS))).not.toContain("10.0.0");
});

test("an incident that ended unseen, since others pushed it out, does not last for ever", () => {
  const history = new History();
  history.take(AT_MS, newsOf({ incidents: [incidentOf(AT_MS)] }));
  history.note(AT_MS + 1_000, "http", []);
  expect(history.incidents(AT_MS)).toMatchObject([{ ended: null }]);
  history.take(AT_MS + 5_000, newsOf());
  expect(history.incidents(AT_MS + 9_000)).toMatchObject([
    { ended: iso(AT_MS + 5_000), durationMs: 5_000, cost: { refused: 4 } },
  ]);
});

test("another worker goes on from what was left; what lasted then ended with its worker", () => {
  const first = new History();
  const over = incidentOf(AT_MS, { endedMs: AT_MS + 1_000 });
  const minutes = [minuteOf(1), minuteOf(2)];
  first.take(AT_MS, newsOf({ minutes, changes: [changeOf(1, AT_MS)], incidents: [over] }));
  first.note(AT_MS, "http", [incidentOf(AT_MS + 2_000)]);
  const second = new History(leftBy(first, AT_MS + 5_000));
  // The minutes and changes of the second worker have the same numbers.
  const nowMs = AT_MS + 10 * 60_000;
  const news = { minutes: [minuteOf(1, { at: iso(nowMs) })], changes: [changeOf(1, nowMs)] };
  second.take(nowMs, newsOf({ ...news, incidents: [incidentOf(nowMs)] }));
  const told = second.tell(nowMs);
  expect(told.minutes.map(({ at }) => at)).toEqual([
    iso(AT_MS + 60_000),
    iso(AT_MS + 120_000),
    iso(nowMs),
  ]);
  expect(told.changes.map(({ at }) => at)).toEqual([iso(AT_MS), iso(nowMs)]);
  expect(told.incidents).toMatchObject([
    { began: iso(nowMs), ended: null, cutShort: false },
    { began: iso(AT_MS + 2_000), ended: iso(AT_MS + 5_000), cutShort: true, durationMs: 3_000 },
    { began: iso(AT_MS), ended: iso(AT_MS + 1_000), cutShort: false },
  ]);
  const third = new History(leftBy(second, nowMs + 1_000));
  expect(third.incidents(nowMs)).toMatchObject([{ cutShort: true }, { cutShort: true }, {}]);
});

test("after a day it is forgotten, whoever has left it; what lasts is not", () => {
  const first = new History();
  const over = incidentOf(AT_MS, { endedMs: AT_MS + 1_000 });
  const all = { minutes: [minuteOf(1)], changes: [changeOf(1, AT_MS)], incidents: [over] };
  first.take(AT_MS, newsOf(all));
  for (const history of [first, new History(leftBy(first, AT_MS))]) {
    history.note(AT_MS, "http", [incidentOf(AT_MS, { kind: "audit-drift" })]);
    history.take(AT_MS + 23 * HOUR_MS, newsOf());
    expect(history.tell(AT_MS)).toMatchObject({
      minutes: [{}],
      changes: [{}],
      incidents: [{}, {}],
    });
    history.take(AT_MS + 25 * HOUR_MS, newsOf());
    const { minutes, changes, incidents } = history.tell(AT_MS);
    expect({ minutes, changes }).toEqual({ minutes: [], changes: [] });
    expect(incidents).toMatchObject([{ incident: "audit-drift", ended: null }]);
  }
});

test("no more is kept than there is room for: the oldest goes, but for what lasts", () => {
  let history = new History();
  const lasting = incidentOf(AT_MS, { kind: "audit-drift" });
  for (let worker = 0; worker < 2; worker++) {
    const count = (max: number) => Array.from({ length: max + 10 }, (_, i) => i + 1);
    const minutes = count(MINUTES_MAX).map((n) => minuteOf(n, { at: iso(AT_MS + n) }));
    const changes = count(CHANGES_MAX).map((n) => changeOf(n, AT_MS + n));
    const incidents = count(INCIDENTS_MAX).map((n) =>
      incidentOf(AT_MS + n, { endedMs: AT_MS + n }),
    );
    history.take(AT_MS, newsOf({ minutes, changes, incidents: [lasting, ...incidents] }));
    const told = history.tell(AT_MS);
    expect(told.minutes).toHaveLength(MINUTES_MAX);
    expect(told.minutes.at(-1)!.at).toBe(iso(AT_MS + MINUTES_MAX + 10));
    expect(told.changes).toHaveLength(CHANGES_MAX);
    expect(told.incidents).toHaveLength(INCIDENTS_MAX);
    expect(told.incidents[0]!.began).toBe(iso(AT_MS + INCIDENTS_MAX + 10));
    expect(told.incidents.at(-1)).toMatchObject({ incident: "audit-drift", ended: null });
    history = new History(leftBy(history, AT_MS));
  }
});

test("rows are in order where the clock was set back", () => {
  const history = new History();
  const at = (ms: number) => ({ at: iso(AT_MS + ms) });
  history.take(AT_MS, newsOf({ minutes: [minuteOf(1, at(60_000)), minuteOf(2, at(20_000))] }));
  expect(history.tell(AT_MS).minutes.map((row) => row.at)).toEqual([
    iso(AT_MS + 20_000),
    iso(AT_MS + 60_000),
  ]);
});

test("what is worth writing down is a minute that begins, and whatever begins, ends or changes", () => {
  const history = new History();
  const news = (told: Parameters<typeof newsOf>[0]) => {
    const before = history.news;
    history.take(AT_MS, newsOf(told));
    return history.news - before;
  };
  const lasts = incidentOf(AT_MS);
  expect(news({ minutes: [minuteOf(1)] })).toBe(1);
  expect(news({ minutes: [minuteOf(1, { accepted: 9 })] })).toBe(0);
  expect(news({ changes: [changeOf(1, AT_MS)], incidents: [lasts] })).toBe(2);
  expect(news({ incidents: [{ ...lasts, cost: { refused: 9 } }] })).toBe(0);
  expect(news({ incidents: [{ ...lasts, endedMs: AT_MS + 1 }] })).toBe(1);
});
