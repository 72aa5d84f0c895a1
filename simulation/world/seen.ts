/** Counts what the world has seen of one life of the worker. */
export class Seen {
  readonly verdicts = new Map<string, number>();
  /** Frames that have arrived at its link. */
  frames = 0;
  /** Charges that have got an answer, or an error, and those that were recorded and say so. */
  readonly answers = new Map<number, { all: number; accepted: number }>();

  verdict(kind: string): void {
    this.verdicts.set(kind, (this.verdicts.get(kind) ?? 0) + 1);
  }

  answer(number: number, isAccepted: boolean): void {
    const answers = this.answers.get(number) ?? { all: 0, accepted: 0 };
    answers.all++;
    if (isAccepted) answers.accepted++;
    this.answers.set(number, answers);
  }
}
