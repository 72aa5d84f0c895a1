import { expect, test } from "bun:test";
import { systemClock } from "../../shared/clock.ts";
import { Incidents } from "../../shared/incidents.ts";
import { createLog } from "../../shared/log.ts";
import { allocatePulse, Pulse } from "../pulse.ts";
import { JournalInDoubt, watchPulse } from "./standstill.ts";

const nothing = () => Promise.withResolvers<void>().promise;

/** Makes a pipeline that has just ticked, and beats as a test says when it is asked, and a clock that a test moves. */
function site(answer: (pulse: Pulse, nowMs: number) => Promise<void> = nothing) {
  const memory = allocatePulse();
  const pulse = new Pulse(memory);
  const clock = { nowMs: 1_000 };
  const standstill = watchPulse(
    memory,
    new Incidents(systemClock, createLog("worker-http", "silent")),
    () => answer(pulse, clock.nowMs),
    () => clock.nowMs,
  );
  pulse.beat(clock.nowMs);
  standstill.isInDoubt();
  return { pulse, clock, standstill };
}

/** True when the promise has resolved by now. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), Bun.sleep(5).then(() => false)]);
}

test("after a young beat, with no commit under way, the journal is read at once", async () => {
  const { clock, standstill } = site();
  clock.nowMs += 49;
  expect(await isDone(standstill.untilFresh())).toBe(true);
});

test("a pipeline that sleeps is asked for a beat, once for all who wait", async () => {
  const answers = Promise.withResolvers<void>();
  let asked = 0;
  const { clock, standstill } = site(async (pulse) => {
    asked++;
    await answers.promise;
    pulse.beat(clock.nowMs);
  });
  answers.resolve();
  await Bun.sleep(0);
  clock.nowMs += 200;
  const both = Promise.all([standstill.untilFresh(), standstill.untilFresh()]);
  await both;
  expect(asked).toBe(2); // The first was at the start, to compare the clocks.
});

test("while a commit is under way a reader waits for its end, or for a beat", async () => {
  for (const end of [
    ({ pulse, clock }: ReturnType<typeof site>) => pulse.committing(false, clock.nowMs),
    ({ pulse, clock }: ReturnType<typeof site>) => pulse.beat((clock.nowMs += 1)),
  ]) {
    const one = site();
    one.pulse.committing(true, one.clock.nowMs);
    const fresh = one.standstill.untilFresh();
    expect(await isDone(fresh)).toBe(false);
    end(one);
    await fresh;
  }
});

test("while a commit has been under way for a second it is not read", async () => {
  const { pulse, clock, standstill } = site();
  clock.nowMs += 950;
  pulse.committing(true, clock.nowMs);
  clock.nowMs += 999;
  expect(standstill.isInDoubt()).toBe(false);
  clock.nowMs += 1;
  expect(standstill.isInDoubt()).toBe(true);
  pulse.committing(false, clock.nowMs);
  expect(standstill.isInDoubt()).toBe(false);
});

test("when a beat is half a second late it is not read", async () => {
  const { clock, standstill } = site();
  clock.nowMs += 50;
  const fresh = standstill.untilFresh();
  expect(await isDone(fresh)).toBe(false);
  expect(standstill.isInDoubt()).toBe(false);
  clock.nowMs += 1_449;
  expect(standstill.isInDoubt()).toBe(false);
  clock.nowMs += 1;
  expect(standstill.isInDoubt()).toBe(true);
  expect(await fresh.catch((error: unknown) => error)).toBeInstanceOf(JournalInDoubt);
  expect(standstill.reason()).toBeNull();
  clock.nowMs += 1_000;
  expect(standstill.reason()).toBe("the pipeline has stood still for 2 s");
});
