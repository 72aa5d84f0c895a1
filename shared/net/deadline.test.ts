import { expect, test } from "bun:test";
import { Deadline } from "./deadline.ts";

/** Gives a deadline, and how often it was missed. */
function watched() {
  let missed = Promise.withResolvers<void>();
  let count = 0;
  const deadline = new Deadline(() => {
    count++;
    missed.resolve();
    missed = Promise.withResolvers<void>();
  });
  return { deadline, count: () => count, nextMiss: () => missed.promise };
}

test("one that is not ended is missed, once, and so is the next", async () => {
  const { deadline, count, nextMiss } = watched();
  for (const nth of [1, 2]) {
    const miss = nextMiss();
    deadline.begin(performance.now(), 5);
    await miss;
    await Bun.sleep(10);
    expect(count()).toBe(nth);
  }
});

test("one that is ended is not missed, and one after it has all of its own time", async () => {
  const { deadline, count, nextMiss } = watched();
  deadline.begin(performance.now(), 20);
  deadline.end();
  await Bun.sleep(10);
  const beganAtMs = performance.now();
  const miss = nextMiss();
  deadline.begin(beganAtMs, 40);
  await miss;
  expect(performance.now() - beganAtMs).toBeGreaterThanOrEqual(40);
  expect(count()).toBe(1);
});

test("one with less time than the one before it is missed in its own", async () => {
  const { deadline, nextMiss } = watched();
  deadline.begin(performance.now(), 3_600_000);
  deadline.end();
  const miss = nextMiss();
  deadline.begin(performance.now(), 5);
  await miss;
  deadline.stop();
});

test("one after another takes one timer, and the last that was stopped takes none", async () => {
  const { deadline, count } = watched();
  const { setTimeout: set } = globalThis;
  let timers = 0;
  globalThis.setTimeout = Object.assign((...given: Parameters<typeof set>) => {
    timers++;
    return set(...given);
  }, set);
  try {
    for (let call = 0; call < 1_000; call++) {
      deadline.begin(performance.now(), 10_000);
      deadline.end();
    }
  } finally {
    globalThis.setTimeout = set;
  }
  expect(timers).toBe(1);
  deadline.begin(performance.now(), 5);
  deadline.stop();
  await Bun.sleep(20);
  expect(count()).toBe(0);
});

test("one that is never due has no timer that would keep a process", () => {
  const { deadline, count } = watched();
  deadline.begin(performance.now(), Number.POSITIVE_INFINITY);
  deadline.stop();
  expect(count()).toBe(0);
});
