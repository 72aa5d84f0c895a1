/** Changes how the processors behave while a storm lasts, drawn from its seed. */
import { setTimeout } from "node:timers/promises";
import type { Faults } from "../../../simulator/processor/faults.ts";
import type { ProcessorAdmin } from "../../../testing/processor-admin.ts";
import { integerFrom, pick } from "../../../testing/random.ts";

const DELAYS_MS = [0, 0, 5, 20, 100, 500, 1_000, 2_000];
const STEP_MS = { min: 300, max: 2_500 };
const FAILING_SHARE = 0.3;
const DOWN_SHARE = 0.08;
/** Chances of single faults; drawn anew at every step. */
const FAULT_MAX = 0.12;
const HANG_MAX = 0.03;

/** A processor as an audit and its weather see it, whoever wrote it. */
export type Processor = Pick<ProcessorAdmin, keyof ProcessorAdmin>;

type Switches = {
  readonly delayMs: number;
  readonly failing: boolean;
  readonly down: boolean;
  readonly faults: Partial<Faults>;
};

/** Changes one processor after the other until `signal` is aborted, then heals all of them. */
export async function runWeather(
  processors: readonly Processor[],
  { random, faults }: { random: () => number; faults: boolean },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await apply(pick(random, processors), drawSwitches(random, faults));
    await pause(integerFrom(random, STEP_MS.min, STEP_MS.max), signal);
  }
  for (const processor of processors) await processor.heal();
}

function drawSwitches(random: () => number, withFaults: boolean): Switches {
  const delayMs = pick(random, DELAYS_MS);
  const failing = random() < FAILING_SHARE;
  if (!withFaults) return { delayMs, failing, down: false, faults: {} };
  const chance = (max: number) => Math.round(random() * max * 1_000) / 1_000;
  const faults = {
    answerLost: chance(FAULT_MAX),
    resetBefore: chance(FAULT_MAX),
    errorWithInsert: chance(FAULT_MAX),
    errorWithoutInsert: chance(FAULT_MAX),
    truncated: chance(FAULT_MAX),
    hang: chance(HANG_MAX),
    hangInserts: random() < 0.5,
  };
  return { delayMs, failing, down: random() < DOWN_SHARE, faults };
}

async function apply(processor: Processor, switches: Switches): Promise<void> {
  // The processor answers again before anything else: one that is down takes no administrative
  // calls.
  await processor.setDown(false);
  await processor.setDelay(switches.delayMs);
  await processor.setFailure(switches.failing);
  await processor.setFaults(switches.faults);
  if (switches.down) await processor.setDown(true);
}

/**
 * Has all of them forget what they have charged. A call that was given up may still wait out its delay there, and
 * would be recorded afterwards: a processor that dies takes it with it.
 */
export async function purgeAll(processors: readonly Processor[]): Promise<void> {
  for (const processor of processors) {
    await processor.setDown(true);
    await processor.setDown(false);
    await processor.purge();
  }
}

export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, null, { signal }).catch(() => {});
}
