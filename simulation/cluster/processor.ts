/**
 * A processor for the simulation of several workers: it records an id once and says so. Calls may be
 * refused, be answered late or never, and arrive long after whoever sent them has given up.
 */
import type { Chance } from "../world/chance.ts";
import type { Time } from "../world/time.ts";

export type ChargeOutcome = "accepted" | "exists" | "refused" | "unknown";

export type ProcessorFaults = {
  readonly refused: number;
  readonly lostBefore: number;
  readonly lostAfter: number;
  readonly lateMsMax: number;
  readonly slowMsMax: number;
};

export type ProcessorOptions = {
  readonly time: Time;
  readonly chance: Chance;
  readonly onRecord: (id: string) => void;
};

export class Processor {
  readonly records = new Set<string>();
  faults: ProcessorFaults;
  isDown = false;
  readonly #options: ProcessorOptions;

  constructor(options: ProcessorOptions, faults: ProcessorFaults) {
    this.#options = options;
    this.faults = faults;
  }

  /** Sends a charge. Answers once, after `timeoutMs` at the latest. */
  charge(id: string, timeoutMs: number, answer: (outcome: ChargeOutcome) => void): void {
    const { time, chance } = this.#options;
    const { refused, lostBefore, lostAfter, lateMsMax, slowMsMax } = this.faults;
    let isOver = false;
    const end = (outcome: ChargeOutcome) => {
      if (isOver) return;
      isOver = true;
      answer(outcome);
    };
    time.after(timeoutMs, () => end("unknown"));
    const fate = { refused: chance.happens(refused), isAnswered: !chance.happens(lostAfter) };
    const isLate = chance.happens(lostBefore);
    const arrivesInMs = isLate ? chance.next() * lateMsMax : chance.next() * 3;
    const takesMs = chance.next() * slowMsMax;
    time.after(arrivesInMs, () => {
      if (fate.refused || this.isDown) return time.after(1, () => end("refused"));
      time.after(takesMs, () => {
        const isNew = !this.records.has(id);
        if (isNew) this.#options.onRecord(id);
        this.records.add(id);
        if (fate.isAnswered) end(isNew ? "accepted" : "exists");
      });
    });
  }
}
