/**
 * Payments that every processor is asked for, because the journal does not know what became of them: who
 * is still to be asked, when, and what the answers come to. It only says what is due; whoever asks makes
 * the call, and hands in the answer.
 *
 *   recorded nowhere                      it may be charged
 *   recorded by one                       it is that one's, with what it has recorded
 *   recorded by two                       it was charged twice: an operator's
 *   some processor cannot be asked, and
 *     none of the others has it           it waits, and is asked for again and again
 *     another one has it                  it is that one's: nothing is charged for it
 *
 * A processor that gives no answer is asked for one payment after the other, with a backoff: it costs the
 * same whether one payment waits for it or a million do.
 */
import type { Lane } from "../lane.ts";
import type { OpenPayment } from "../payment.ts";
import type { LookOutcome } from "../processor.ts";

export const ASKING_DEFAULTS = {
  /** A tenth of the calls that a processor of the contest takes. */
  inFlightMax: 64,
  backoffMsFirst: 250,
  backoffMsMax: 10_000,
  /** Tries, of about four seconds, after which a processor counts as one that cannot be asked. */
  triesMax: 5,
};

export type Recorded = Pick<
  Extract<LookOutcome, { kind: "found" }>,
  "amountCents" | "requestedAtMs"
>;
export type Found = Recorded & { readonly lane: Lane };
/** Where a payment is recorded, once that is known; everywhere it was asked for and found. */
export type Finding = { readonly payment: OpenPayment; readonly found: readonly Found[] };

type Case = {
  readonly payment: OpenPayment;
  readonly found: Found[];
  /** Processors that have not answered, with how often they were asked. */
  readonly missing: Map<Lane, number>;
};
type Line = {
  readonly waiting: Set<Case>;
  underWay: number;
  /** Rounds in a row without an answer. */
  failures: number;
  restUntilMs: number;
  reason: string | null;
};
export type Question = { readonly payment: OpenPayment; readonly lane: Lane; readonly of: Case };

export class Asking {
  readonly #lines: ReadonlyMap<Lane, Line>;
  readonly #random: () => number;
  readonly #notBeforeMs: number;
  readonly #cases = new Map<number, Case>();

  /** Asks nobody before `notBeforeMs`: until then a payment may be recorded that was not there before. */
  constructor(lanes: readonly Lane[], random: () => number, notBeforeMs: number) {
    this.#lines = new Map(lanes.map((lane) => [lane, emptyLine()]));
    this.#random = random;
    this.#notBeforeMs = notBeforeMs;
  }

  get count(): number {
    return this.#cases.size;
  }

  /** Number of payments that a processor is still to be asked for. */
  waitingFor(lane: Lane): number {
    const line = this.#lineOf(lane);
    return line.waiting.size + line.underWay;
  }

  /** Why a processor cannot be asked, so that payments wait for it or for an operator; or null. */
  troubleOf(lane: Lane): string | null {
    if (lane.movedFrom !== null) return `it has moved from ${lane.movedFrom}`;
    const { failures, reason } = this.#lineOf(lane);
    return failures >= ASKING_DEFAULTS.triesMax ? reason : null;
  }

  add(payment: OpenPayment): void {
    const one: Case = { payment, found: [], missing: new Map() };
    this.#cases.set(payment.seq, one);
    for (const [lane, line] of this.#lines) {
      one.missing.set(lane, 0);
      line.waiting.add(one);
    }
  }

  /** It is not asked for any more, and answers that are on their way are nobody's. */
  remove(payment: OpenPayment): void {
    const one = this.#cases.get(payment.seq);
    if (one === undefined) return;
    this.#cases.delete(payment.seq);
    for (const line of this.#lines.values()) line.waiting.delete(one);
  }

  /** Takes out all, in the order in which they came. */
  removeAll(): OpenPayment[] {
    const all = [...this.#cases.values()].map(({ payment }) => payment);
    for (const payment of all) this.remove(payment);
    return all;
  }

  /** Gives the questions that are due; each has to be answered. */
  *due(nowMs: number): Generator<Question> {
    if (nowMs < this.#notBeforeMs) return;
    for (const [lane, line] of this.#lines) {
      if (nowMs < line.restUntilMs || lane.movedFrom !== null || lane.restMs(nowMs) > 0) continue;
      const placesMax = line.failures === 0 ? ASKING_DEFAULTS.inFlightMax : 1;
      for (const one of line.waiting) {
        if (line.underWay >= placesMax) break;
        line.waiting.delete(one);
        line.underWay++;
        yield { payment: one.payment, lane, of: one };
      }
    }
  }

  /** Takes an answer in, and gives what has come to its end with it. */
  answered(nowMs: number, { lane, of }: Question, answer: LookOutcome): Finding[] {
    const line = this.#lineOf(lane);
    line.underWay--;
    if (answer.kind === "found" || answer.kind === "nothing") {
      Object.assign(line, { failures: 0, restUntilMs: Number.NEGATIVE_INFINITY, reason: null });
      of.missing.delete(lane);
      if (answer.kind === "found") of.found.push({ ...answer, lane });
      return this.#concluded([of]);
    }
    of.missing.set(lane, (of.missing.get(lane) ?? 0) + 1);
    if (this.#isAsked(of)) line.waiting.add(of);
    if (nowMs < line.restUntilMs) return this.#concluded([of]);
    this.#backOff(nowMs, line, answer.reason);
    return this.#concluded(line.failures === ASKING_DEFAULTS.triesMax ? line.waiting : [of]);
  }

  /** Calls that were under way when a round had failed already say nothing new. */
  #backOff(nowMs: number, line: Line, reason: string): void {
    const { backoffMsFirst, backoffMsMax } = ASKING_DEFAULTS;
    const ceilingMs = Math.min(backoffMsMax, backoffMsFirst * 2 ** Math.min(line.failures, 16));
    line.failures++;
    line.reason = reason;
    // Half of it is certain, so that a round is one.
    line.restUntilMs = nowMs + (ceilingMs * (1 + this.#random())) / 2;
  }

  #concluded(cases: Iterable<Case>): Finding[] {
    const all = [...cases].filter((one) => this.#isAsked(one) && this.#isOver(one));
    for (const { payment } of all) this.remove(payment);
    return all.map(({ payment, found }) => ({ payment, found }));
  }

  #isOver({ found, missing }: Case): boolean {
    if (missing.size === 0 || found.length > 1) return true;
    return (
      found.length === 1 && [...missing].every(([lane, tries]) => this.#isGivenUp(lane, tries))
    );
  }

  #isGivenUp(lane: Lane, tries: number): boolean {
    return tries >= ASKING_DEFAULTS.triesMax || this.troubleOf(lane) !== null;
  }

  #isAsked(one: Case): boolean {
    return this.#cases.get(one.payment.seq) === one;
  }

  #lineOf(lane: Lane): Line {
    const line = this.#lines.get(lane);
    if (line === undefined) throw new Error(`${lane.name} is not among those that are asked`);
    return line;
  }
}

function emptyLine(): Line {
  const restUntilMs = Number.NEGATIVE_INFINITY;
  return { waiting: new Set(), underWay: 0, failures: 0, restUntilMs, reason: null };
}
