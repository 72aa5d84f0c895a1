import { expect, test } from "bun:test";
import { Alarms } from "./alarms.ts";

/** A thread whose time a test moves, and whose timers have whole milliseconds. */
class Thread {
  nowMs = 0;
  wakes = 0;
  isKept = false;
  #timer: { readonly atMs: number; readonly call: () => void } | null = null;
  readonly alarms = new Alarms({
    nowMs: () => this.nowMs,
    set: (ms, call) => {
      expect(ms).toBe(Math.round(ms));
      this.#timer = { atMs: this.nowMs + ms, call };
      this.isKept = true;
      return { ref: () => (this.isKept = true), unref: () => (this.isKept = false) };
    },
    clear: () => (this.#timer = null),
  });

  loseTimer(): void {
    this.#timer = null;
  }

  passUntil(untilMs: number): void {
    while (this.#timer !== null && this.#timer.atMs <= untilMs) {
      const { atMs, call } = this.#timer;
      this.#timer = null;
      this.nowMs = atMs;
      this.wakes++;
      call();
    }
    this.nowMs = untilMs;
  }
}

test("alarms for one instant, set at moments of their own, wake their thread once", () => {
  const thread = new Thread();
  const rang: [string, number][] = [];
  for (const [name, atMs] of [
    ["a", 0.3],
    ["b", 7.9],
    ["c", 140.25],
  ] as const) {
    thread.passUntil(atMs);
    thread.alarms.at(500, () => rang.push([name, thread.nowMs]));
  }
  thread.passUntil(2_000);
  expect(rang.map(([name]) => name)).toEqual(["a", "b", "c"]);
  for (const [, atMs] of rang) {
    expect(atMs).toBeGreaterThanOrEqual(500);
    expect(atMs).toBeLessThan(501);
  }
  expect(thread.wakes).toBe(1);
});

test("the soonest comes first, whenever it was set, and nothing comes twice", () => {
  const thread = new Thread();
  const rang: number[] = [];
  for (const atMs of [900, 300, 600, 300]) thread.alarms.at(atMs, () => rang.push(atMs));
  thread.passUntil(299);
  expect(rang).toEqual([]);
  thread.passUntil(600);
  expect(rang).toEqual([300, 300, 600]);
  thread.passUntil(5_000);
  expect(rang).toEqual([300, 300, 600, 900]);
  expect(thread.wakes).toBe(3);
});

test("one that is called off does not come, not even in the turn in which it was due", () => {
  const thread = new Thread();
  const rang: string[] = [];
  const off = thread.alarms.at(100, () => rang.push("never"));
  let alsoOff = () => {};
  thread.alarms.at(200, () => {
    rang.push("first");
    alsoOff();
  });
  alsoOff = thread.alarms.at(200, () => rang.push("not any more"));
  off();
  thread.passUntil(1_000);
  expect(rang).toEqual(["first"]);
});

test("an alarm may set the next one, which has a turn of its own", () => {
  const thread = new Thread();
  const rang: number[] = [];
  const ring = () => {
    rang.push(thread.nowMs);
    if (rang.length < 4) thread.alarms.at(thread.nowMs + 10, ring);
  };
  thread.alarms.at(0, ring);
  thread.passUntil(1_000);
  expect(rang).toEqual([0, 10, 20, 30]);
});

test("a timer that was lost costs no alarm, and one that is late none of its instant", () => {
  const thread = new Thread();
  const rang: string[] = [];
  thread.alarms.at(100, () => rang.push("lost"));
  thread.loseTimer();
  thread.nowMs = 150;
  thread.alarms.at(400, () => rang.push("later"));
  thread.passUntil(151);
  expect(rang).toEqual(["lost"]);
  thread.passUntil(1_000);
  expect(rang).toEqual(["lost", "later"]);
});

test("one that throws keeps no other from its turn", () => {
  const thread = new Thread();
  const rang: string[] = [];
  thread.alarms.at(100, () => {
    throw new Error("broken");
  });
  thread.alarms.at(100, () => rang.push("same instant"));
  thread.alarms.at(200, () => rang.push("later"));
  expect(() => thread.passUntil(100)).toThrow("broken");
  thread.passUntil(300);
  expect(rang).toEqual(["same instant", "later"]);
});

test("the end of the process waits for those that it shall wait for, and for no other", () => {
  const thread = new Thread();
  thread.alarms.at(100, () => {});
  expect(thread.isKept).toBe(false);
  const off = thread.alarms.at(300, () => {}, true);
  expect(thread.isKept).toBe(true);
  thread.passUntil(200);
  expect(thread.isKept).toBe(true);
  thread.alarms.at(250, () => {});
  off();
  off();
  expect(thread.isKept).toBe(false);
  thread.alarms.at(400, () => {}, true);
  thread.passUntil(350);
  expect(thread.isKept).toBe(true);
});

test("one with slack comes with the next wake from its instant on, or alone when the slack is over", () => {
  const thread = new Thread();
  const rang: [string, number][] = [];
  const ring = (name: string) => () => void rang.push([name, thread.nowMs]);
  thread.alarms.at(800, ring("beside another"), false, 200);
  thread.alarms.at(850, ring("another"));
  thread.alarms.at(1_800, ring("beside a datagram"), false, 200);
  thread.alarms.at(2_800, ring("alone"), false, 200);
  thread.passUntil(1_799);
  thread.alarms.pass();
  thread.passUntil(1_900);
  thread.alarms.pass();
  thread.alarms.pass();
  thread.passUntil(5_000);
  expect(rang).toEqual([
    ["beside another", 850],
    ["another", 850],
    ["beside a datagram", 1_900],
    ["alone", 3_000],
  ]);
  expect(thread.wakes).toBe(2);
});

test("what wakes the thread in the turn of an alarm gives no other its turn twice", () => {
  const thread = new Thread();
  const rang: string[] = [];
  thread.alarms.at(100, () => {
    rang.push("first");
    thread.alarms.pass();
  });
  thread.alarms.at(100, () => rang.push("second"));
  thread.passUntil(1_000);
  expect(rang).toEqual(["first", "second"]);
});
