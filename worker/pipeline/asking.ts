/**
 * Payments that every processor is asked for, because the journal does not know what became of them: who
 * is still to be asked, when, and what the answers come to. It only says what is due; whoever asks makes
 * the call, and hands in the answer.
 *
 *   recorded nowhere, each time between
 *     two controls (control.ts)           it may be charged
 *   recorded by one                       it is that one's, with what it has recorded
 *   recorded by two                       it was charged twice: an operator's
 *   some processor cannot be asked, and
 *     none of the others has it           it waits, and is asked for again and again; so it does for
 *                                         one whose "nothing" is not believed
 *     another one has it                  it is that one's: nothing is charged for it
 *
 * A processor that gives no answer is asked for one payment after the other, with a backoff: it costs the
 * same whether one payment waits for it or a million do.
 */
import type { Lane } from "../lane.ts";
import type { Payment } from "../../shared/payment.ts";
import type { OpenPayment } from "../payment.ts";
import type { LookOutcome } from "../processor.ts";
import type { Settled } from "../transitions.ts";
import { Control, doubtOf, NO_CONTROL, type Nothing } from "./control.ts";

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
  /** Processors that have not answered, or are not believed, with how often they were asked. */
  readonly missing: Map<Lane, number>;
};
type Line = {
  readonly lane: Lane;
  readonly waiting: Set<Case>;
  /** Answers of "nothing" that no control has shown to be proof. */
  readonly nothings: Map<Case, Nothing>;
  /** When they are asked for again, where there is no control that could end their wait. */
  againAtMs: number | null;
  control: Control;
  underWay: number;
  /** Rounds in a row without an answer. */
  failures: number;
  restUntilMs: number;
  reason: string | null;
};
/** `of`: whom it is about, and the streak in which it is asked; null: it is a control. */
export type Question = {
  readonly lane: Lane;
  readonly asked: Payment;
  readonly of: { readonly one: Case; readonly streak: number | null } | null;
};

export class Asking {
  readonly #lines: ReadonlyMap<Lane, Line>;
  readonly #random: () => number;
  readonly #notBeforeMs: number;
  readonly #cases = new Map<number, Case>();

  /** Asks nobody before `notBeforeMs`: until then a payment may be recorded that was not there before. */
  constructor(lanes: readonly Lane[], random: () => number, notBeforeMs: number) {
    this.#lines = new Map(lanes.map((lane) => [lane, emptyLine(lane)]));
    this.#random = random;
    this.#notBeforeMs = notBeforeMs;
  }

  get count(): number {
    return this.#cases.size;
  }

  /** Tells, before anybody is asked, which payments a processor is sure to have. */
  know(lane: Lane, settled: readonly Settled[]): void {
    this.#lineOf(lane).control = new Control(settled);
  }
  knownAt(lane: Lane): readonly Settled[] {
    return this.#lineOf(lane).control.known;
  }

  /** Number of payments that a processor is still to be asked for. */
  waitingFor(lane: Lane): number {
    const line = this.#lineOf(lane);
    return line.waiting.size + line.underWay + line.nothings.size;
  }

  /** Why a processor cannot be asked, so that payments wait for it or for an operator; or null. */
  troubleOf(lane: Lane): string | null {
    const { againAtMs, control, reason } = this.#lineOf(lane);
    if (this.#isSilent(lane)) {
      return lane.movedFrom === null ? reason : `it has moved from ${lane.movedFrom}`;
    }
    if (control.known.length === 0) return againAtMs === null ? null : NO_CONTROL;
    return control.misses >= ASKING_DEFAULTS.triesMax ? control.doubt : null;
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
    for (const line of this.#lines.values()) {
      line.waiting.delete(one);
      line.nothings.delete(one);
    }
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
      const { control, waiting, nothings } = line;
      if (waiting.size === 0 && isTimeToAskAgain(nowMs, line)) {
        for (const one of nothings.keys()) waiting.add(one);
        nothings.clear();
      }
      const isAwaited = waiting.size > 0 && control.isAwaited(nowMs);
      if (control.isDue(nowMs) && (isAwaited || nothings.size > 0)) {
        yield { lane, asked: control.begin(), of: null };
      }
      if (isAwaited) continue;
      const placesMax = line.failures === 0 ? ASKING_DEFAULTS.inFlightMax : 1;
      for (const one of waiting) {
        if (line.underWay >= placesMax) break;
        waiting.delete(one);
        line.underWay++;
        const asked = one.payment.payment;
        yield { lane, asked, of: { one, streak: control.streakAt(nowMs) } };
      }
    }
  }

  /** When somebody may have to be asked next; infinite while nobody is to be asked, or an answer is awaited. */
  get nextTickAtMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [lane, { waiting, nothings, restUntilMs }] of this.#lines) {
      const isIdle = waiting.size === 0 && nothings.size === 0;
      if (!isIdle && lane.movedFrom === null) nextMs = Math.min(nextMs, restUntilMs);
    }
    return Math.max(this.#notBeforeMs, nextMs);
  }

  /** Takes an answer in, and gives what has come to its end with it. */
  answered(nowMs: number, { lane, of }: Question, answer: LookOutcome): Finding[] {
    const line = this.#lineOf(lane);
    if (of === null) return this.#controlled(nowMs, line, answer);
    const { one, streak } = of;
    line.underWay--;
    if (answer.kind === "found") {
      reached(line);
      // Another amount than ours is a conflict, and no control.
      if (answer.amountCents === one.payment.payment.amountCents)
        line.control.learn(one.payment.payment);
      one.missing.delete(lane);
      one.found.push({ ...answer, lane });
    } else if (answer.kind === "nothing") {
      reached(line);
      if (line.nothings.size === 0) line.againAtMs = nowMs + ASKING_DEFAULTS.backoffMsMax;
      if (this.#isAsked(one)) line.nothings.set(one, line.control.mark(streak));
    } else {
      one.missing.set(lane, (one.missing.get(lane) ?? 0) + 1);
      if (this.#isAsked(one)) line.waiting.add(one);
      return this.#failed(nowMs, line, answer.reason, [one]);
    }
    return this.#concluded([one]);
  }

  #controlled(nowMs: number, line: Line, answer: LookOutcome): Finding[] {
    const { control } = line;
    const doubt = doubtOf(control.known[0] as Settled, answer);
    // Looks that fail beside it still count as failures.
    if (doubt === null) {
      control.found(nowMs);
      return this.#concluded(this.#proven(line));
    }
    if (answer.kind !== "found" && answer.kind !== "nothing") {
      control.unanswered();
      return this.#failed(nowMs, line, doubt, []);
    }
    control.missed(doubt, nowMs + this.#restMs(control.misses));
    return [];
  }

  /** Takes out what a control has decided: gives what is proven, and lets the rest be asked for again. */
  #proven({ control, nothings, waiting, lane }: Line): Case[] {
    const proven: Case[] = [];
    for (const [one, nothing] of nothings) {
      const verdict = control.judge(nothing);
      if (verdict === "early") continue;
      nothings.delete(one);
      if (verdict === "vain") {
        waiting.add(one);
        continue;
      }
      one.missing.delete(lane);
      proven.push(one);
    }
    return proven;
  }

  #failed(nowMs: number, line: Line, reason: string, cases: readonly Case[]): Finding[] {
    line.control.failed();
    if (nowMs < line.restUntilMs) return this.#concluded(cases);
    // Calls that were under way when a round had failed already say nothing new.
    line.restUntilMs = nowMs + this.#restMs(line.failures);
    line.failures++;
    line.reason = reason;
    return this.#concluded(line.failures === ASKING_DEFAULTS.triesMax ? line.waiting : cases);
  }

  #restMs(failures: number): number {
    const { backoffMsFirst, backoffMsMax } = ASKING_DEFAULTS;
    const ceilingMs = Math.min(backoffMsMax, backoffMsFirst * 2 ** Math.min(failures, 16));
    // Half of it is certain, so that a round is one.
    return (ceilingMs * (1 + this.#random())) / 2;
  }

  #concluded(cases: Iterable<Case>): Finding[] {
    const all = [...cases].filter((one) => this.#isAsked(one) && this.#isOver(one));
    for (const { payment } of all) this.remove(payment);
    return all.map(({ payment, found }) => ({ payment, found }));
  }

  #isOver(one: Case): boolean {
    const { found, missing } = one;
    if (missing.size === 0 || found.length > 1) return true;
    return (
      found.length === 1 && [...missing].every(([lane, tries]) => this.#isGivenUp(one, lane, tries))
    );
  }

  /** Where another processor has it nothing is charged, and any "nothing" will do. */
  #isGivenUp(one: Case, lane: Lane, tries: number): boolean {
    if (tries >= ASKING_DEFAULTS.triesMax || this.#isSilent(lane)) return true;
    return this.#lineOf(lane).nothings.has(one);
  }

  #isSilent(lane: Lane): boolean {
    return lane.movedFrom !== null || this.#lineOf(lane).failures >= ASKING_DEFAULTS.triesMax;
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

function reached(line: Line): void {
  line.failures = 0;
  line.restUntilMs = Number.NEGATIVE_INFINITY;
}

function isTimeToAskAgain(nowMs: number, { control, againAtMs }: Line): boolean {
  return control.known.length === 0 && againAtMs !== null && nowMs >= againAtMs;
}

function emptyLine(lane: Lane): Line {
  return {
    lane,
    waiting: new Set(),
    nothings: new Map(),
    againAtMs: null,
    control: new Control([]),
    underWay: 0,
    failures: 0,
    restUntilMs: Number.NEGATIVE_INFINITY,
    reason: null,
  };
}
