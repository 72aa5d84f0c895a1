/**
 * Protects the http thread from a pipeline that stands still: the thread says so, once in the log, and
 * keeps away from the journal's file meanwhile. A reader too would have to wait for a disk that does
 * not answer, and then nothing would be left to tell that anything is wrong.
 */
import { alarms } from "../../shared/alarms.ts";
import { nextMultipleMs } from "../../shared/clock.ts";
import type { Incidents } from "../../shared/incidents.ts";
import { JournalUnreachable } from "../journal-reader.ts";
import { PulseWatch, type PulseMemory } from "../pulse.ts";

/** Looks, which are for the log, come at multiples of it, not before it can stand still: whoever asks is told at once. */
const LOOK_MS = 500;
/** Age at which a beat is still young; one comes every 10 ms while anything happens. */
const FRESH_MS = 50;
const WAIT_MS = 1;

export type Standstill = {
  /** Number of things for the history that the pipeline had to tell at its last beat. */
  news(): number;
  /** Tells in one sentence why the worker is not ready; null when it is. */
  reason(): string | null;
  /** True when the journal's file is not to be touched. */
  isInDoubt(): boolean;
  /**
   * Resolves when the journal's disk is known to answer: no commit waits for it and the last beat is
   * young, or there was a beat meanwhile. Rejects with `JournalInDoubt`.
   */
  untilFresh(): Promise<void>;
};

export class JournalInDoubt extends JournalUnreachable {
  constructor() {
    super("The pipeline stands still, and the journal is not read meanwhile.");
  }
}

/** Watches as long as the process runs. `ask` has the pipeline beat, and resolves when it has. */
export function watchPulse(
  memory: PulseMemory,
  incidents: Pick<Incidents, "tell" | "tick">,
  ask: () => Promise<void>,
  nowMs: () => number = () => performance.now(),
): Standstill {
  const watch = new PulseWatch(memory);
  const silentMs = () => watch.silentMs(nowMs());
  const reason = () => watch.standstill(nowMs());
  const isInDoubt = () => watch.isInDoubt(nowMs());
  // Both clocks are compared at a beat that is as young as can be.
  void ask().then(silentMs);
  let asking: Promise<void> | null = null;
  const askOnce = () => (asking ??= ask().finally(() => (asking = null)));
  const lookLater = () => {
    const afterMs = performance.now() + Math.max(LOOK_MS, watch.movesForMs(nowMs()));
    alarms.at(nextMultipleMs(LOOK_MS, afterMs), look);
  };
  const look = () => {
    const now = reason();
    incidents.tell("pipeline-still", null, now === null ? null : { details: { reason: now } });
    incidents.tick();
    lookLater();
  };
  lookLater();
  return {
    news: () => watch.news,
    reason,
    isInDoubt,
    async untilFresh() {
      const { beatAtMs } = watch;
      while (watch.isCommitting || silentMs() >= FRESH_MS) {
        if (isInDoubt()) throw new JournalInDoubt();
        if (watch.beatAtMs > beatAtMs) return;
        await Promise.race([askOnce(), Bun.sleep(WAIT_MS)]);
      }
    },
  };
}
