/**
 * The pipeline: the way of a payment through the worker, and the only place that knows all stages.
 *
 *   arrivals → intake → journal → queue → dispatch → processor → settle → journal, ledger
 *                                   ▲        │ refused
 *                                   └────────┤
 *                              resolver ◄────┘ unknown: again, and only at the same processor
 *
 * Runs on one thread and never blocks. A payment is acknowledged when its acceptance is durable (I1),
 * sent when its assignment is durable (I2), moved only when every attempt was refused (I3), and stays
 * with its processor, with the same body, once an attempt got no clear answer (I4, I5).
 */
import type { Clock } from "../shared/clock.ts";
import { AMOUNT_CENTS_MAX } from "../shared/limits.ts";
import type { Log } from "../shared/log.ts";
import type { Payment } from "../shared/payment.ts";
import type { Verdict } from "../shared/verdict.ts";
import type { Journal } from "./journal.ts";
import type { OperatorAnswer, OperatorCommand } from "./intervention.ts";
import type { LedgerWriter } from "./ledger.ts";
import type { Processor } from "./processor.ts";
import { PaymentQueue } from "./queue.ts";
import type { Router } from "./router.ts";
import { compareAddresses } from "./pipeline/addresses.ts";
import { Dispatch } from "./pipeline/dispatch.ts";
import { HealthProbes } from "./pipeline/health.ts";
import { Intake } from "./pipeline/intake.ts";
import { Books } from "./pipeline/books.ts";
import { Diary } from "./telemetry/lane-log.ts";
import { Meter } from "./telemetry/meter.ts";
import { Operator } from "./pipeline/operator.ts";
import { recover } from "./pipeline/recovery.ts";
import { Resolver } from "./pipeline/resolver.ts";

export type PipelineOptions = {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly journal: Journal;
  readonly ledger: LedgerWriter;
  readonly router: Router;
  /** By lane of the router. */
  readonly processors: readonly Processor[];
  /** Where each of them is. */
  readonly urls: readonly string[];
  /** The journal's number of the processor of each lane. */
  readonly numbers: readonly number[];
  readonly backlogMax: number;
  readonly processorTimeoutMs: number;
  readonly patienceMs: number;
};

/** To be called once. */
export type Answer = (verdict: Verdict) => void;

export class Pipeline {
  readonly books: Books;
  readonly queue = new PaymentQueue();
  readonly meter: Meter;
  readonly diary: Diary;
  readonly #options: PipelineOptions;
  readonly #intake: Intake;
  readonly #dispatch: Dispatch;
  readonly #resolver: Resolver;
  readonly #health: HealthProbes;
  readonly #operator: Operator;
  #draining = false;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.books = new Books(options);
    this.meter = new Meter(options.clock, this.books);
    this.diary = new Diary(options);
    this.#dispatch = new Dispatch(options, this.books, this.queue, this.diary);
    this.#resolver = new Resolver(options, this.books, this.#dispatch);
    this.#dispatch.onUnknown = (payment) => this.#resolver.add(payment);
    this.#health = new HealthProbes(options, this.diary);
    this.#intake = new Intake(options, this.books, this.#dispatch, this.meter);
    this.#operator = new Operator(options, this.books, this.queue, this.#resolver, this.diary);
  }

  get backlogMax(): number {
    return this.#options.backlogMax;
  }

  /** Why the ledger takes no more, so that payments are turned away until somebody acts; or null. */
  get ledgerEnd(): string | null {
    if (this.books.hasRoomFor(AMOUNT_CENTS_MAX)) return null;
    const { rowsLeft, centsLeft } = this.#options.ledger;
    const left = `${rowsLeft} rows and ${centsLeft} cents are left`;
    return `${left}; a purge, and a start after it, begin it anew`;
  }

  /** Rebuilds the ledger and takes up every open payment. Nothing may be asked before it is done. */
  async recover(): Promise<void> {
    const { clock, journal, ledger, log, numbers, router, patienceMs } = this.#options;
    const found = await recover({ clock, journal, ledger, patienceMs });
    const open = [...found.queued, ...found.unknown, ...found.held];
    for (const payment of open.sort((a, b) => a.seq - b.seq)) this.books.open(payment);
    for (const payment of found.queued) this.queue.push(payment);
    for (const payment of found.unknown) this.#resolver.add(payment);
    await compareAddresses(this.#options);
    for (const [lane, number] of numbers.entries()) {
      router.lane(lane).mode = journal.head.modes[number] ?? "auto";
    }
    for (const [state, count] of found.waitingForOperator) this.books.parked.set(state, count);
    const { queued, unknown, held } = this.books.countByState;
    log.info({ rows: ledger.head, queued, unknown, held }, "recovered");
  }

  /** Takes a payment in. It is answered at once when it cannot be taken, else when it is durable. */
  take(payment: Payment, answer: Answer): void {
    if (this.#draining) answer({ kind: "busy", retryAfterMs: 1_000 });
    else this.#intake.take(payment, answer);
  }

  /** Moves what time alone moves: probes, the queue, trials, retries. Called every few milliseconds. */
  tick(): void {
    this.meter.tick();
    if (this.#draining) return;
    this.#health.tick();
    this.#resolver.tick();
    this.#dispatch.pump();
    this.#dispatch.tryOpenLanes();
  }

  /** Forgets the settled history; resolves when that is durable. */
  purge(): Promise<void> {
    const { journal, ledger, clock } = this.#options;
    const baseRow = ledger.purge();
    const atMs = clock.wallMs();
    return new Promise((resolve) => {
      journal.append({ kind: "purge", baseRow, atMs }, () => resolve());
    });
  }

  /** What an operator asks for; resolves when it is durable, or with why not. */
  async operate(command: OperatorCommand): Promise<OperatorAnswer> {
    if (!this.#draining) return this.#operator.operate(command);
    return { kind: "refused", status: 503, reason: "The worker is shutting down." };
  }

  /** Takes nothing new and starts nothing; true once no call is in flight. */
  drain(): boolean {
    this.#draining = true;
    this.#dispatch.stop();
    return this.#dispatch.inFlight === 0 && this.#resolver.inFlight === 0;
  }
}
