import { describe, expect, test } from "bun:test";
import type { Sum } from "../../shared/http-api/audit.ts";
import type { SummaryWindow } from "../summary.ts";
import type { Ours, OurPayment, SettledHere } from "./ours.ts";
import { BEGIN_MS, NoAnswer, type Found, type Theirs } from "./theirs.ts";
import { Watch } from "./watch.ts";

const LAG_MS = 1_000;
const START_MS = 1_700_000_000_000;
const MINUTE_MS = 60_000;

type Row = { readonly cents: number; readonly requestedAtMs: number };

/** Both sides as maps, so that a test says what each has and when. */
class Side implements Theirs {
  readonly rows = new Map<string, Row>();
  calls = 0;
  trouble: NoAnswer | null = null;

  sum({ fromMs, toMs }: SummaryWindow): Sum {
    const inside = [...this.rows.values()].filter(
      ({ requestedAtMs: at }) => at >= fromMs && at <= toMs,
    );
    return { count: inside.length, cents: inside.reduce((sum, { cents }) => sum + cents, 0) };
  }

  async totals(window: SummaryWindow): Promise<Sum> {
    this.#call();
    return this.sum(window);
  }

  async find(correlationId: string): Promise<Found | null> {
    this.#call();
    return this.rows.get(correlationId) ?? null;
  }

  #call(): void {
    this.calls++;
    if (this.trouble !== null) throw this.trouble;
  }
}

class World {
  nowMs = START_MS;
  /** Lead of the wall clock over the steady one. */
  stepMs = 0;
  purgedAtMs: number | null = null;
  movedFrom: string | null = null;
  readonly here = new Side();
  readonly there = new Side();
  readonly open = new Map<string, Row>();
  readonly watch: Watch;
  /** Number of the call to the journal that fails; they are counted down. */
  failing = Number.POSITIVE_INFINITY;
  #ids = 0;

  constructor() {
    const ours = new Proxy(this.#ours(), {
      get:
        (target, name) =>
        async (...args: unknown[]) => {
          if (--this.failing === 0) throw new Error("the journal cannot be asked");
          return (target as unknown as Record<string | symbol, Function>)[name]!(...args);
        },
    });
    const sides = { ours, theirs: this.there, names: ["default"], processor: 0 };
    const file = { purgedAtMs: async () => this.purgedAtMs, movedFrom: async () => this.movedFrom };
    this.watch = new Watch({ name: "default", sides, lagMs: LAG_MS, ...file });
  }

  /** A payment that both sides have, requested now. */
  pay(cents = 100): string {
    const id = `id-${this.#ids++}`;
    const row = { cents, requestedAtMs: this.nowMs };
    this.here.rows.set(id, row);
    this.there.rows.set(id, row);
    this.nowMs += 10;
    return id;
  }

  /** Moves the wall clock only. */
  step(byMs: number): void {
    this.nowMs += byMs;
    this.stepMs += byMs;
  }

  async round(afterMs = 5_000) {
    this.nowMs += afterMs;
    await this.watch.round(this.nowMs, this.nowMs - this.stepMs);
    return this.watch.report();
  }

  #ours(): Ours {
    const asPayment = ([correlationId, row]: [string, Row], status: OurPayment["status"]) =>
      ({ correlationId, ...row, status, processor: 0 }) as SettledHere;
    const within = (rows: Map<string, Row>, { fromMs, toMs }: SummaryWindow) =>
      [...rows].filter(([, { requestedAtMs: at }]) => at >= fromMs && at <= toMs);
    return {
      totals: async (window) => this.here.sum(window),
      settled: async (window, limit) =>
        within(this.here.rows, window)
          .slice(0, limit)
          .map((entry) => asPayment(entry, "settled")),
      middle: async ({ fromMs, toMs }) => fromMs + Math.floor((toMs - fromMs - 1) / 2),
      open: async (window, limit) =>
        within(this.open, window)
          .slice(0, limit)
          .map((entry) => asPayment(entry, "unknown")),
      isOpen: async (id) => this.open.has(id),
      suspects: async () => [],
    };
  }
}

test("nothing is compared before it is closed; then a round costs one call", async () => {
  const world = new World();
  expect(await world.watch.report()).toMatchObject({ state: "waiting", to: null, equalUpTo: null });
  world.pay();
  expect(await world.round()).toMatchObject({ state: "equal", ours: { count: 1, cents: 100 } });
  const { calls } = world.there;
  world.pay(250);
  // The call of the second payment may still be under way.
  const early = await world.round(LAG_MS / 2);
  expect(early.ours).toEqual({ count: 1, cents: 100 });
  const report = await world.round();
  expect(report).toMatchObject({ state: "equal", ours: { count: 2, cents: 350 }, error: null });
  expect(report.theirs).toEqual(report.ours);
  expect(report.equalUpTo).toBe(new Date(world.nowMs - LAG_MS).toISOString());
  expect(world.there.calls - calls).toBe(2);
});

test("one that has moved is not asked, until an operator says that it is the same", async () => {
  const world = new World();
  world.pay();
  world.movedFrom = "http://before";
  const moved = await world.round();
  expect(moved).toMatchObject({
    state: "moved",
    checkedAt: null,
    error:
      "its payments belong to http://before: nothing is asked until an operator says that it has moved",
  });
  expect(world.there.calls).toBe(0);
  world.movedFrom = null;
  expect(await world.round()).toMatchObject({ state: "equal", ours: { count: 1 }, error: null });
});

test("a difference stays known at two calls a round, and ends when it is mended", async () => {
  const world = new World();
  world.pay();
  await world.round();
  const lost = world.pay(700);
  const row = world.there.rows.get(lost) as Row;
  world.there.rows.delete(lost);
  const found = await world.round();
  expect(found).toMatchObject({ state: "drift", differing: [{ correlationId: lost }] });
  expect(found.equalUpTo).toBe(new Date(row.requestedAtMs - 1).toISOString());
  expect(world.watch.gauges()).toMatchObject({ driftPayments: 1, driftCents: -700 });
  const { calls } = world.there;
  world.pay();
  const later = await world.round();
  expect(later).toMatchObject({ state: "drift", differing: [{ kind: "missing" }] });
  expect([later.ours.cents - later.theirs.cents, world.there.calls - calls]).toEqual([700, 2]);
  world.there.rows.set(lost, row);
  expect(await world.round()).toMatchObject({ state: "equal", differing: [] });
  expect(world.watch.gauges()).toMatchObject({ driftPayments: 0, driftCents: 0 });
});

test("differences of two rounds do not cancel each other out", async () => {
  const world = new World();
  await world.round();
  const lost = world.pay(500);
  world.there.rows.delete(lost);
  await world.round();
  world.there.rows.set("a stranger", { cents: 500, requestedAtMs: world.nowMs });
  await world.round();
  for (let round = 0; round < 3; round++) {
    const report = await world.round();
    expect(report.state).toBe("drift");
    expect(report.differing).toMatchObject([{ correlationId: lost, kind: "missing" }]);
    expect(report.windows).toHaveLength(1);
    expect(report.theirs).toEqual(report.ours);
  }
});

test("what is open here and recorded there is pending, and equal", async () => {
  const world = new World();
  const id = world.pay();
  const row = world.here.rows.get(id) as Row;
  world.here.rows.delete(id);
  world.open.set(id, row);
  expect(await world.round()).toMatchObject({ state: "equal", pending: 1, differing: [] });
  world.open.delete(id);
  world.here.rows.set(id, row);
  const settled = await world.round();
  expect(settled).toMatchObject({ state: "equal", pending: 0, ours: { count: 1 } });
  expect(settled.theirs).toEqual(settled.ours);
});

test("the first millisecond of all, of a round and after a purge is compared", async () => {
  const world = new World();
  const stranger = (requestedAtMs: number) =>
    world.there.rows.set(`at ${requestedAtMs}`, { cents: 1, requestedAtMs });
  const differing = async () =>
    (await world.round()).windows.map(({ from }) => (from === null ? BEGIN_MS : Date.parse(from)));
  stranger(BEGIN_MS);
  expect(await differing()).toEqual([BEGIN_MS]);
  const checkedUpToMs = world.nowMs - LAG_MS;
  stranger(checkedUpToMs + 1);
  expect(await differing()).toEqual([BEGIN_MS, checkedUpToMs + 1]);
  world.there.rows.clear();
  world.purgedAtMs = world.nowMs;
  stranger(world.purgedAtMs + 1);
  expect(await differing()).toEqual([world.purgedAtMs + 1]);
});

test("the millisecond of a purge is not compared", async () => {
  const world = new World();
  world.purgedAtMs = world.nowMs;
  world.there.rows.set("before", { cents: 1, requestedAtMs: world.purgedAtMs });
  expect(await world.round()).toMatchObject({ state: "equal", windows: [], differing: [] });
});

test("no answer is no news; a refused token is a failure until it is taken", async () => {
  const world = new World();
  world.pay();
  world.there.trouble = new NoAnswer("status 503", false);
  expect(await world.round()).toMatchObject({ state: "waiting", error: "status 503" });
  world.there.trouble = null;
  expect(await world.round()).toMatchObject({ state: "equal", error: null });
  const lost = world.pay();
  world.there.rows.delete(lost);
  world.there.trouble = new NoAnswer("status 429", false);
  expect(await world.round()).toMatchObject({ state: "equal", error: "status 429" });
  world.there.trouble = new NoAnswer("401: it does not take the audit-token", true);
  expect(await world.round()).toMatchObject({ state: "failed" });
  world.there.trouble = null;
  expect(await world.round()).toMatchObject({ state: "drift", error: null });
});

test("a journal that cannot be asked ends the round, and changes nothing that is known", async () => {
  const roundsWith = async (failing: number) => {
    const world = new World();
    for (let n = 0; n < 5; n++) world.pay();
    await world.round();
    world.there.rows.delete(world.pay());
    world.open.set("id-open", { cents: 7, requestedAtMs: world.nowMs });
    world.there.rows.set("id-open", { cents: 7, requestedAtMs: world.nowMs });
    await world.round();
    world.step(-2_000);
    world.there.rows.delete("id-1");
    world.failing = failing;
    const during = await world.round().catch(() => null);
    const isOver = world.failing > 0;
    world.failing = Number.POSITIVE_INFINITY;
    return { isOver, during, after: await world.round(601_000) };
  };
  const { during: usual, after: wanted } = await roundsWith(Number.POSITIVE_INFINITY);
  expect(wanted).toMatchObject({ state: "drift", pending: 1, differing: [{}, {}] });
  let failed = 0;
  for (let failing = 1; ; failing++) {
    const { isOver, during, after } = await roundsWith(failing);
    expect(after).toEqual(wanted);
    if (isOver) break;
    if (during !== null && !Bun.deepEquals(during, usual)) failed++;
  }
  expect(failed).toBeGreaterThan(5);
});

test("what changes later in windows that were equal is found within ten minutes", async () => {
  const world = new World();
  const id = world.pay(300);
  world.pay();
  await world.round();
  world.there.rows.delete(id);
  expect(await world.round()).toMatchObject({ state: "equal" });
  const report = await world.round(10 * MINUTE_MS);
  expect(report).toMatchObject({ state: "drift", differing: [{ correlationId: id }] });
  expect(report.ours.cents - report.theirs.cents).toBe(300);
  expect(await world.round()).toMatchObject({ state: "drift", differing: [{ kind: "missing" }] });
});

test("after a purge the comparison begins anew", async () => {
  const world = new World();
  world.pay();
  await world.round();
  world.here.rows.clear();
  world.purgedAtMs = world.nowMs;
  world.nowMs += 10;
  world.pay(900);
  const report = await world.round();
  expect(report).toMatchObject({ state: "equal", ours: { count: 1, cents: 900 } });
  expect(report.from).toBe(new Date(world.purgedAtMs + 1).toISOString());
});

describe("when the clock is three hours ahead and set right again", () => {
  const AHEAD_MS = 180 * MINUTE_MS;

  async function setRight() {
    const world = new World();
    world.pay(100);
    await world.round();
    world.step(AHEAD_MS);
    world.pay(200);
    expect(await world.round()).toMatchObject({ state: "equal", ours: { count: 2, cents: 300 } });
    return world;
  }

  test("it says what it has compared since, and nothing that lies in the future", async () => {
    const world = await setRight();
    world.step(-AHEAD_MS);
    world.pay(400);
    const report = await world.round();
    expect(report).toMatchObject({ state: "equal", ours: { count: 2, cents: 500 } });
    expect(report.theirs).toEqual(report.ours);
    for (const iso of [report.to, report.equalUpTo, report.checkedAt]) {
      expect(Date.parse(String(iso))).toBeLessThanOrEqual(world.nowMs);
      expect(Date.parse(String(iso))).toBeGreaterThanOrEqual(world.nowMs - LAG_MS);
    }
    expect(world.watch.gauges().checkedAtMs).toBe(world.nowMs);
  });

  test("a difference is found in the round after, as at any other time", async () => {
    const world = await setRight();
    world.step(-AHEAD_MS);
    const lost = world.pay(400);
    world.there.rows.delete(lost);
    expect(await world.round()).toMatchObject({
      state: "drift",
      differing: [{ correlationId: lost }],
    });
  });

  test("while the processor does not answer, it claims nothing from the future either", async () => {
    const world = await setRight();
    world.step(-AHEAD_MS);
    world.there.trouble = new NoAnswer("status 503", false);
    const { to, equalUpTo, checkedAt, error } = await world.round();
    expect(error).toBe("status 503");
    for (const iso of [to, equalUpTo]) {
      expect(Date.parse(String(iso))).toBeLessThan(world.nowMs - LAG_MS);
    }
    expect(Date.parse(String(checkedAt))).toBe(world.nowMs - 5_000);
  });

  test("what differed there stays known until it is compared again", async () => {
    const world = await setRight();
    const lost = world.pay(700);
    world.there.rows.delete(lost);
    await world.round();
    world.step(-AHEAD_MS);
    for (let round = 0; round < 3; round++) {
      expect(await world.round()).toMatchObject({
        state: "drift",
        differing: [{ correlationId: lost }],
      });
    }
    expect(world.watch.gauges()).toMatchObject({ driftPayments: 1, driftCents: -700 });
    const after = await world.round(AHEAD_MS);
    expect(after).toMatchObject({ state: "drift", differing: [{ correlationId: lost }] });
    expect(after.differing).toHaveLength(1);
  });
});

test("payments that come into a window that was compared before the clock was set back are compared", async () => {
  const world = new World();
  for (let n = 0; n < 20; n++) {
    world.pay();
    await world.round();
  }
  // The step is less than a round, and more than the lag.
  world.step(-4_000);
  const lost = world.pay(900);
  world.there.rows.delete(lost);
  expect(await world.round(1_500)).toMatchObject({
    state: "drift",
    differing: [{ correlationId: lost }],
  });
});

test("a clock that is slowed down is not one that was set back", async () => {
  const world = new World();
  world.pay();
  await world.round();
  const { calls } = world.there;
  for (let round = 0; round < 10; round++) {
    world.step(-100);
    await world.round();
  }
  expect(world.there.calls - calls).toBe(10);
});
