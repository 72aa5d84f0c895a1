/**
 * The real pipeline between processors that answer when a test says so, and a journal that commits
 * when a test says so: nothing happens by itself.
 */
import type { Database } from "bun:sqlite";
import type { Payment } from "../../shared/payment.ts";
import type { Verdict } from "../../shared/verdict.ts";
import type { Assignment, Journal, SharedJournal, Transition } from "../journal.ts";
import { InlineJournal } from "../journal/inline.ts";
import { openDatabase, SqliteStore } from "../journal/store.ts";
import type { LedgerWriter } from "../ledger.ts";
import type { Pipeline } from "../pipeline.ts";
import { chargeBody } from "../processor/adapters/rinha.ts";
import type { Charge, ChargeOutcome, LookOutcome, Processor } from "../processor.ts";
import type { Lane } from "../lane.ts";
import { CLAIMED } from "../transitions.ts";
import {
  assemble,
  CONTEST,
  idOf,
  settlePromises,
  VirtualClock,
  type Parts,
} from "./world.fixture.ts";

type Health = Awaited<ReturnType<Processor["health"]>>;

/** A question that a processor was asked, and how a test answers it. */
export class Question<Asked, Answer> {
  readonly asked: Asked;
  readonly answered: Promise<Answer>;
  readonly #resolve: (answer: Answer) => void;

  constructor(asked: Asked) {
    this.asked = asked;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.answered = promise;
    this.#resolve = resolve;
  }

  /** Answers, and lets everything happen that follows from it. */
  async answer(answer: Answer): Promise<void> {
    this.#resolve(answer);
    await settlePromises();
  }
}

/** Payments that every processor has settled long before, one each, in a journal with `settledBefore`. */
export const settledBeforeAt = (processor: number) => ({
  correlationId: idOf(9_000 + processor),
  amountCents: 4_200,
});

export class ScriptedProcessor implements Processor {
  /** Answer to who asks for the payment that it settled before. */
  aboutSettled: LookOutcome | Promise<LookOutcome>;
  /** Times that it was asked for that. */
  controls = 0;
  readonly #settled: string;
  remembersForMs = Number.POSITIVE_INFINITY;
  canBeAsked = true;
  readonly lacks = [];
  healthEveryMs: number | null = 5_050;
  readonly charges: Question<Charge, ChargeOutcome>[] = [];
  readonly looks: Question<string, LookOutcome>[] = [];
  readonly probes: Question<null, Health>[] = [];

  constructor(number: number) {
    const { correlationId, amountCents } = settledBeforeAt(number);
    this.#settled = correlationId;
    this.aboutSettled = { kind: "found", amountCents, requestedAtMs: 0 };
  }

  charge(charge: Charge): Promise<ChargeOutcome> {
    return ask(this.charges, charge);
  }
  async look({ correlationId }: Payment): Promise<LookOutcome> {
    if (correlationId !== this.#settled) return ask(this.looks, correlationId);
    this.controls++;
    return this.aboutSettled;
  }
  health(): Promise<Health> {
    return ask(this.probes, null);
  }

  /** The bodies of every attempt for a payment. */
  bodiesOf(n: number): string[] {
    const asked = this.charges.map((question) => question.asked);
    return asked.filter(({ correlationId }) => correlationId === idOf(n)).map(chargeBody);
  }

  /** Gives the record that this processor would show of the newest charge. */
  found(changes: Partial<Extract<LookOutcome, { kind: "found" }>> = {}): LookOutcome {
    const { amountCents, requestedAtMs } = last(this.charges).asked;
    return { kind: "found", amountCents, requestedAtMs, ...changes };
  }
}

function ask<Asked, Answer>(all: Question<Asked, Answer>[], asked: Asked): Promise<Answer> {
  const question = new Question<Asked, Answer>(asked);
  all.push(question);
  return question.answered;
}

export function last<T>(all: readonly T[]): T {
  const found = all.at(-1);
  if (found === undefined) throw new Error("nothing there");
  return found;
}

export const ACCEPTED: ChargeOutcome = { kind: "accepted" };
export const EXISTS: ChargeOutcome = { kind: "exists" };
export const REFUSED: ChargeOutcome = { kind: "refused", reason: "500", overloaded: false };
export const OVERLOADED: ChargeOutcome = { kind: "refused", reason: "429", overloaded: true };
export const REJECTED: ChargeOutcome = { kind: "rejected", reason: "400" };
export const UNKNOWN: ChargeOutcome = {
  kind: "unknown",
  reason: "no answer in time",
  silent: true,
};
export const NOTHING: LookOutcome = { kind: "nothing", reason: "status 404" };
export const UNASKED: LookOutcome = { kind: "unasked", reason: "status 503" };
export const UNCLEAR: LookOutcome = { kind: "unclear", reason: "200 that cannot be read" };

/** Out of the way of the numbers that the pipeline gives. */
const SEQ_BEFORE = 10_000;

export type BenchOptions = Omit<Partial<Parts>, "clock" | "processors"> & {
  /** Names that the journal has by number; those that are configured, unless others are given. */
  readonly known?: readonly string[];
  /** The journal is a copy that was put in place then. */
  readonly restoredAtMs?: number;
  /** Other workers have the other shards. */
  readonly shared?: SharedJournal;
  /** Each name has settled a payment, which was purged since. */
  readonly settledBefore?: boolean;
};

/** State that a crash left of a payment: accepted, or assigned to a processor. */
export type Left = {
  readonly n: number;
  readonly acceptedAtMs: number;
  readonly assignment: Assignment | null;
  /** Its processor answered 422 to the last attempt. */
  readonly isClaimed?: boolean;
};

export class Bench {
  readonly clock = new VirtualClock();
  readonly db: Database;
  readonly store: SqliteStore;
  readonly journal: InlineJournal;
  readonly processors: readonly ScriptedProcessor[];
  readonly pipeline: Pipeline;
  readonly lanes: readonly Lane[];
  readonly ledger: LedgerWriter;
  /** Transitions that the journal was given, in order. */
  readonly written: Transition[] = [];
  readonly verdicts: { readonly n: number; readonly verdict: Verdict }[] = [];
  /** True when something has happened since the last tick; at first because the worker has just started. */
  #isAsked = true;

  constructor(options: BenchOptions = {}) {
    const { configured = CONTEST } = options;
    const { known = configured.map(({ name }) => name) } = options;
    const db = openDatabase(":memory:", "off");
    const open = () => new SqliteStore(":memory:", "off", known, this.clock.wallMs(), db);
    this.store = open();
    const { restoredAtMs, settledBefore = false } = options;
    if (settledBefore) {
      db.run("UPDATE meta SET value = ? WHERE key = 'recent_from_seq'", [-known.length]);
      this.store = open();
      this.#settleBefore(known.length);
    }
    if (restoredAtMs !== undefined) {
      db.run("INSERT INTO meta VALUES ('restored_at_ms', ?)", [restoredAtMs]);
    }
    if (settledBefore || restoredAtMs !== undefined) this.store = open();
    this.db = db;
    this.journal = new InlineJournal(this.store, this.clock);
    this.processors = configured.map(({ name }) => new ScriptedProcessor(known.indexOf(name)));
    const apply = this.store.apply.bind(this.store);
    this.store.apply = (transitions) => {
      this.written.push(...transitions);
      return apply(transitions);
    };
    const { clock, processors } = this;
    const { shared } = options;
    const journal: Journal = options.journal ?? Object.assign(this.journal, shared && { shared });
    const parts = assemble({ ...options, configured, clock, journal, processors });
    this.pipeline = parts.pipeline;
    this.pipeline.onEvent = () => (this.#isAsked = true);
    this.lanes = parts.lanes;
    this.ledger = parts.ledger;
  }

  /** Numbers them before all others. */
  #settleBefore(processors: number): void {
    for (let processor = 0; processor < processors; processor++) {
      const { correlationId, amountCents } = settledBeforeAt(processor);
      const seq = processor - processors + 1;
      const atMs = this.clock.wallMs() - 86_400_000;
      const assignment = { processor, requestedAtMs: atMs };
      const accept = {
        kind: "accept",
        seq,
        correlationId,
        amountCents,
        acceptedAtMs: atMs,
      } as const;
      const settled = { seq, row: 0, ...assignment, amountCents, settledAtMs: atMs };
      this.store.apply([
        { ...accept, assignment },
        { kind: "settle", ...settled },
        { kind: "purge", baseRow: 0, atMs },
      ]);
    }
  }

  [Symbol.dispose](): void {
    this.store.close();
  }

  get default(): ScriptedProcessor {
    return this.processors[0] as ScriptedProcessor;
  }
  get fallback(): ScriptedProcessor {
    return this.processors[1] as ScriptedProcessor;
  }

  take(n: number, amountCents = 1_990): void {
    const payment: Payment = { correlationId: idOf(n), amountCents };
    this.pipeline.take(payment, (verdict) => this.verdicts.push({ n, verdict }));
  }

  /** Fills the journal with what a crash left, as earlier payments, and recovers. */
  async crash(left: readonly Left[]): Promise<void> {
    this.store.apply(
      left.map(({ n, acceptedAtMs, assignment }) => ({
        kind: "accept",
        seq: SEQ_BEFORE + n,
        correlationId: idOf(n),
        amountCents: 1_990,
        acceptedAtMs,
        assignment,
      })),
    );
    for (const { n, assignment, isClaimed } of left) {
      if (isClaimed !== true || assignment === null) continue;
      const { processor, requestedAtMs: atMs } = assignment;
      const attempt = { atMs, processor, outcome: "unknown", reason: CLAIMED } as const;
      this.store.apply([{ kind: "unknown", seq: SEQ_BEFORE + n, attempt }]);
    }
    await this.pipeline.recover();
  }

  /** The kind of every verdict given for a payment. */
  verdictsOf(n: number): string[] {
    return this.verdicts.filter((one) => one.n === n).map(({ verdict }) => verdict.kind);
  }

  async commit(): Promise<void> {
    while (this.journal.commit(this.clock.nowMs) && this.journal.trouble === null) {
      await settlePromises();
    }
    await settlePromises();
  }

  /** Takes a payment that is on its way to the cheapest processor afterwards. */
  async send(n: number): Promise<Question<Charge, ChargeOutcome>> {
    this.take(n);
    await this.commit();
    return last(this.default.charges);
  }

  /** Sends a payment that the cheapest processor rejects twice, and accepts another in between. */
  async reject(n: number, other: number): Promise<void> {
    await (await this.send(n)).answer(REJECTED);
    await (await this.send(other)).answer(ACCEPTED);
    await this.tick();
    await last(this.default.charges).answer(REJECTED);
    await this.commit();
  }

  /** Moves the clock, then ticks, if the pipeline has asked for that or says that it is due, and commits. */
  async tick(ms = 10): Promise<void> {
    this.clock.nowMs += ms;
    if (this.#isAsked || this.clock.nowMs >= this.pipeline.nextTickAtMs) {
      this.#isAsked = false;
      this.pipeline.tick();
    }
    await this.commit();
  }

  /** Opens the breaker of a lane as failing calls do. */
  openLane(lane: number): void {
    const nowMs = this.clock.nowMs;
    const report = { signal: "failure", latencyMs: 5, dropped: false, cause: "500" } as const;
    const { [lane]: opened } = this.lanes as Lane[];
    while (opened!.working) opened!.record(nowMs, opened!.admit(nowMs), report);
  }

  /** From now on commits fail; gives back what makes them work again. */
  breakJournal(): () => void {
    const apply = this.store.apply.bind(this.store);
    this.store.apply = () => {
      throw Object.assign(new Error("disk full"), { name: "SQLiteError" });
    };
    return () => (this.store.apply = apply);
  }

  /** The state of an open payment in the journal; undefined when it is settled or not there. */
  stateOf(n: number): string | undefined {
    return [...this.store.open()].find((row) => row.correlationId === idOf(n))?.state;
  }

  get inFlight(): number[] {
    return this.lanes.map((lane) => lane.inFlight);
  }
  get settled(): readonly number[] {
    return this.lanes.map(({ settled }) => settled);
  }
}
