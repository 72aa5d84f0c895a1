import { Violation } from "./violation.ts";

/** Counts what the world has seen of one life of the worker. */
export class Seen {
  /** Payments that have come in and have no verdict yet, each by its frame. */
  readonly inHand = new Set<string>();
  readonly verdicts = new Map<string, number>();
  /** Frames that have arrived at its link. */
  frames = 0;
  /** Frames that have left from it. */
  framesSent = 0;
  /** Commits of its journal that held, what was in them, and those that failed. */
  commits = 0;
  transitions = 0;
  failures = 0;
  /** Settlements that were handed to the journal, by the number of the processor there. */
  readonly settled = new Map<number, number>();
  /** Charges that have got an answer, or an error, and those that were recorded and say so. */
  readonly answers = new Map<number, { all: number; accepted: number }>();

  verdict(kind: string): void {
    this.verdicts.set(kind, (this.verdicts.get(kind) ?? 0) + 1);
  }

  /** A frame that is repeated is not handed over again before its payments have their verdicts. */
  arrival(name: string): void {
    if (this.inHand.has(name)) throw new Violation(`R6: ${name} is handed over twice`);
    this.inHand.add(name);
  }

  settlement(processor: number): void {
    this.settled.set(processor, (this.settled.get(processor) ?? 0) + 1);
  }

  applied(count: number): void {
    this.commits++;
    this.transitions += count;
  }

  answer(number: number, isAccepted: boolean): void {
    const answers = this.answers.get(number) ?? { all: 0, accepted: 0 };
    answers.all++;
    if (isAccepted) answers.accepted++;
    this.answers.set(number, answers);
  }
}
