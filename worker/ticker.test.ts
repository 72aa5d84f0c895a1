import { expect, test } from "bun:test";
import { Ticker, TICK_MS } from "./ticker.ts";

/** Time that a test moves, and what a ticker does in it; `dueAtMs` is what it is told. */
class Site {
  nowMs = 0;
  dueAtMs = Number.POSITIVE_INFINITY;
  readonly tickedAtMs: number[] = [];
  /** Something else wakes the thread each millisecond. */
  isAwake = false;
  /** A tick that takes any time asks for another in it. */
  tookMs = 0;
  readonly #timers = new Set<{
    readonly atMs: number;
    readonly byMs: number;
    readonly call: () => void;
  }>();
  readonly ticker = new Ticker({
    clock: { steadyMs: () => this.nowMs },
    tick: () => {
      if (this.tookMs > 0) this.ticker.soon();
      this.nowMs += this.tookMs;
      this.tickedAtMs.push(this.nowMs);
    },
    nextAtMs: () => this.dueAtMs,
    after: (ms, call, slackMs) => {
      const timer = { atMs: this.nowMs + ms, byMs: this.nowMs + ms + slackMs, call };
      this.#timers.add(timer);
      return () => void this.#timers.delete(timer);
    },
  });

  get timers(): number {
    return this.#timers.size;
  }

  /** Lets time pass, millisecond by millisecond. */
  pass(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.nowMs++;
      for (const timer of this.#timers) {
        if ((this.isAwake ? timer.atMs : timer.byMs) > this.nowMs) continue;
        this.#timers.delete(timer);
        timer.call();
      }
    }
  }
}

test("it ticks when something is due, and sleeps until then", () => {
  const site = new Site();
  site.dueAtMs = 400;
  site.ticker.soon();
  site.pass(399);
  expect(site.tickedAtMs).toEqual([10, 20]); // The second looks at what the event has led to.
  site.dueAtMs = 1_000;
  site.pass(601);
  expect(site.tickedAtMs).toEqual([10, 20, 400, 1_000]);
});

test("an event has it tick within 10 ms, and events one after the other every 10 ms, on one timer", () => {
  const site = new Site();
  site.dueAtMs = 5_000;
  site.ticker.soon();
  site.pass(1_000);
  site.tickedAtMs.length = 0;
  for (let i = 0; i < 50; i++) {
    site.ticker.soon();
    site.ticker.soon();
    expect(site.timers).toBe(1);
    site.pass(1);
  }
  expect(site.tickedAtMs).toEqual([1_010, 1_020, 1_030, 1_040, 1_050]);
});

test("events at different instants have two tickers of a thread tick at the same", () => {
  const site = new Site();
  const other = new Site();
  for (let ms = 0; ms < 100; ms++) {
    if (ms % 3 === 0) site.ticker.soon();
    if (ms % 7 === 4) other.ticker.soon();
    site.pass(1);
    other.pass(1);
  }
  expect(site.tickedAtMs).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  expect(other.tickedAtMs).toEqual(site.tickedAtMs);
});

test("what is due and cannot be done yet is looked at every 10 ms", () => {
  const site = new Site();
  site.dueAtMs = Number.NEGATIVE_INFINITY;
  site.ticker.soon();
  site.pass(5 * TICK_MS);
  expect(site.tickedAtMs).toEqual([10, 20, 30, 40, 50]);
});

test("an event comes before what is due later, and not after what is due sooner", () => {
  const site = new Site();
  site.dueAtMs = 35;
  site.ticker.soon();
  site.pass(30);
  site.ticker.soon();
  site.pass(5);
  expect(site.tickedAtMs).toEqual([10, 20, 35]);
});

test("after a tick that took long it rests for as long, whatever happens in it and after it", () => {
  const site = new Site();
  site.tookMs = 9;
  site.ticker.soon();
  site.pass(10);
  site.ticker.soon();
  site.pass(100);
  // The first began at 10 and ended at 19.
  expect(site.tickedAtMs.slice(0, 3)).toEqual([19, 39, 59]);
  expect(site.timers).toBe(1);
});

test("once stopped it never ticks again", () => {
  const site = new Site();
  site.ticker.soon();
  site.ticker.stop();
  site.ticker.soon();
  site.pass(100);
  expect(site.tickedAtMs).toEqual([]);
});

test("a tick that is due far away comes sooner when the thread is awake, and not soon after another", () => {
  const site = new Site();
  site.dueAtMs = 5_000;
  site.ticker.soon();
  site.pass(20);
  site.isAwake = true;
  site.pass(1_000);
  expect(site.tickedAtMs).toEqual([10, 20, 820]);
  site.isAwake = false;
  site.pass(3_980);
  expect(site.tickedAtMs).toEqual([10, 20, 820, 5_000]);
});

test("one that is due soon is not put off by that", () => {
  const site = new Site();
  site.dueAtMs = 100;
  site.ticker.soon();
  site.pass(120);
  expect(site.tickedAtMs).toEqual([10, 20, 100, 110, 120]);
});
