/**
 * A journal that was restored from a copy does not know what happened after the copy was made: a payment
 * that a shop repeats may have been charged, and one that is open in the copy may have gone elsewhere.
 * So no payment is charged before every processor was asked for it. Found, it settles there with the
 * instant that is recorded; found nowhere, it goes its usual way, and is not asked for again.
 *
 * It lasts until an operator trusts the journal. A start begins anew with what is open. A worker whose
 * journal was never restored has none of this.
 */
import type { Clock } from "../../shared/clock.ts";
import type { Incidents } from "../../shared/incidents.ts";
import type { Lane } from "../lane.ts";
import type { Payment } from "../../shared/payment.ts";
import type { OpenPayment } from "../payment.ts";
import type { LookOutcome } from "../processor.ts";
import type { Journal } from "../journal.ts";
import { Asking, type Finding, type Found, type Question } from "./asking.ts";
import type { Charges, Looked } from "./charge.ts";
import { lookBetween } from "./control.ts";

/** Nothing is held up by the one start that reads so far back, in a file that was just looked through. */
const ALL = Number.MAX_SAFE_INTEGER;

export type CautionOptions = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly incidents: Pick<Incidents, "tell" | "begin" | "end">;
  readonly lanes: readonly Lane[];
  readonly charges: Pick<Charges, "find" | "adopt">;
  /** Wall clock. */
  readonly restoredAtMs: number;
  readonly processorTimeoutMs: number;
  /** It may be charged, if need be. */
  readonly goOn: (payment: OpenPayment) => void;
  /** Called after each answer. */
  readonly onAnswer: () => void;
};

export class Caution {
  /** Payments since the start, by what the processors said. */
  readonly counts = { nowhere: 0, found: 0, conflict: 0 };
  readonly #options: CautionOptions;
  readonly #asking: Asking;
  /** From when on, by the steady clock, an answer can be believed. */
  readonly #quietAtMs: number;
  /** Payments that may be charged. */
  readonly #cleared = new WeakSet<OpenPayment>();
  #isOver = false;

  constructor(options: CautionOptions) {
    const { clock, lanes, random, restoredAtMs, processorTimeoutMs } = options;
    this.#options = options;
    // A call that the last worker had under way may still be charged for so long.
    const quietMs = 2 * processorTimeoutMs;
    const leftMs = Math.min(quietMs, Math.max(0, restoredAtMs + quietMs - clock.wallMs()));
    this.#quietAtMs = clock.steadyMs() + leftMs;
    this.#asking = new Asking(lanes, random, this.#quietAtMs);
  }

  /**
   * Reads what each processor is sure to have: what it had settled before the restore. What was settled
   * since may be all that a new one behind an old name has.
   */
  async begin(journal: Pick<Journal, "head" | "settled">): Promise<void> {
    const { lanes, restoredAtMs } = this.#options;
    const { nextSeq, processors } = journal.head;
    for (const lane of lanes) {
      this.#asking.know(lane, await journal.settled(lane.number, nextSeq, restoredAtMs, ALL));
    }
    // Another worker may have trusted the journal meanwhile.
    if (!this.#isOver) this.#sayAtStart(processors);
  }

  /** `names`: all that the journal knows; some may not be configured any more. */
  #sayAtStart(names: readonly string[]): void {
    const { lanes, incidents, restoredAtMs } = this.#options;
    const asked = lanes.map(({ name }) => name);
    const notAsked = names.filter((name) => !asked.includes(name)).join(", ");
    const restoredAt = new Date(restoredAtMs).toISOString();
    const details = { restoredAt, open: this.count, asked: asked.join(", "), notAsked };
    incidents.begin("journal-restored", null, { details });
  }

  /** Time until the first payment can be asked for: nobody knows before what is missing in the copy. */
  get quietInMs(): number {
    return Math.max(0, this.#quietAtMs - this.#options.clock.steadyMs());
  }

  /** Payments that are asked for, or wait to be. */
  get count(): number {
    return this.#asking.count;
  }
  /** Number of payments that wait for a processor which cannot be asked. */
  stuckAt(lane: Lane): number {
    return this.#asking.troubleOf(lane) === null ? 0 : this.#asking.waitingFor(lane);
  }

  /** True while a payment must not be charged. */
  holdsBack(payment: OpenPayment): boolean {
    return !this.#cleared.has(payment);
  }

  /** Takes a payment up, unless it may be charged. */
  takes(payment: OpenPayment): boolean {
    if (!this.holdsBack(payment)) return false;
    this.#asking.add(payment);
    return true;
  }

  /** An operator holds it, or has decided about it. */
  remove(payment: OpenPayment): void {
    this.#asking.remove(payment);
  }

  /** It may be charged, by an operator's word. */
  clear(payment: OpenPayment): void {
    this.#asking.remove(payment);
    this.#cleared.add(payment);
  }

  get nextTickAtMs(): number {
    return this.#asking.nextTickAtMs;
  }

  tick(): void {
    this.#askWhatIsDue();
    for (const lane of this.#options.lanes) this.#tell(lane);
  }

  /** Asks every processor at once, for an operator; the payment may be held. */
  async askNow(payment: OpenPayment): Promise<Looked> {
    const { lanes } = this.#options;
    this.#asking.remove(payment);
    const answers = await Promise.all(lanes.map((lane) => this.#answerOf(payment, lane)));
    const found = answers.flatMap(({ lane, answer }): Found[] =>
      answer.kind === "found" ? [{ ...answer, lane }] : [],
    );
    if (found.length > 0) return { kind: this.#adopt({ payment, found }) };
    if (this.#isOver) this.#options.goOn(payment);
    else if (payment.state.kind !== "held") this.#asking.add(payment);
    return together(answers);
  }

  /** Ends it; gives the payments that were waiting. */
  end(): OpenPayment[] {
    this.#isOver = true;
    const { incidents, lanes } = this.#options;
    for (const { name } of lanes) incidents.end("cannot-ask", name);
    incidents.end("journal-restored", null);
    return this.#asking.removeAll();
  }

  #askWhatIsDue(): void {
    for (const question of this.#asking.due(this.#options.clock.steadyMs())) {
      void this.#ask(question);
    }
  }

  async #ask(question: Question): Promise<void> {
    const { charges, clock, onAnswer } = this.#options;
    const answer = await charges.find(question.asked, question.lane);
    for (const finding of this.#asking.answered(clock.steadyMs(), question, answer)) {
      this.#conclude(finding);
    }
    onAnswer();
  }

  #conclude(finding: Finding): void {
    if (finding.found.length > 0) return void this.#adopt(finding);
    this.counts.nowhere++;
    this.#cleared.add(finding.payment);
    this.#options.goOn(finding.payment);
  }

  #adopt({ payment, found }: Finding): "settled" | "conflict" {
    const kind = this.#options.charges.adopt(payment, found);
    this.counts[kind === "settled" ? "found" : "conflict"]++;
    return kind;
  }

  async #answerOf(payment: OpenPayment, lane: Lane): Promise<Answered> {
    const reason = lane.movedFrom === null ? null : this.#asking.troubleOf(lane);
    if (reason !== null) return { lane, answer: { kind: "unasked", reason } };
    const find = (asked: Payment) => this.#options.charges.find(asked, lane);
    const look = () => find(payment.payment);
    return { lane, answer: await lookBetween(this.#asking.knownAt(lane), find, look) };
  }

  #tell(lane: Lane): void {
    const reason = this.stuckAt(lane) === 0 ? null : this.#asking.troubleOf(lane);
    const details = { reason, waiting: this.#asking.waitingFor(lane) };
    this.#options.incidents.tell("cannot-ask", lane.name, reason === null ? null : { details });
  }
}

type Answered = { readonly lane: Lane; readonly answer: LookOutcome };
type Missing = Exclude<LookOutcome, { kind: "found" }>;

/** Answers without a record as one: as bad as the worst of them, in the words of each. */
function together(answers: readonly Answered[]): Missing {
  const missing = answers.map(({ answer }) => answer as Missing);
  const kind = (["unclear", "unasked"] as const).find((one) => missing.some((a) => a.kind === one));
  const reason = answers
    .map(({ lane }, i) => `${lane.name}: ${(missing[i] as Missing).reason}`)
    .join("; ");
  return { kind: kind ?? "nothing", reason };
}
