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
import type { ClusterMap } from "../shared/http-api/cluster.ts";
import { Incidents } from "../shared/incidents.ts";
import { AMOUNT_CENTS_MAX } from "../shared/limits.ts";
import type { Payment } from "../shared/payment.ts";
import type { OperatorAnswer, OperatorCommand } from "./intervention.ts";
import { Lane, Lanes } from "./lane.ts";
import { assignmentOf, nameOf, type OpenPayment } from "./payment.ts";
import type { SharedDecisions } from "./journal.ts";
import type { RowRange } from "./journal-reader.ts";
import { compareAddresses, confirmAddress } from "./pipeline/addresses.ts";
import { Caution } from "./pipeline/caution.ts";
import { Charges, type Looked, type Next, type Reservation } from "./pipeline/charge.ts";
import { lookBetween } from "./pipeline/control.ts";
import { Dispatch } from "./pipeline/dispatch.ts";
import { HealthProbes } from "./pipeline/health.ts";
import { Intake } from "./pipeline/intake.ts";
import { OpenPayments } from "./pipeline/open-payments.ts";
import { Operator } from "./pipeline/operator.ts";
import type { Answer, ConfiguredProcessor, PipelineOptions } from "./pipeline/options.ts";
import { Pace } from "./pipeline/pace.ts";
import { openPaymentsOf, rebuildLedger } from "./pipeline/recovery.ts";
import { Resolver, type Due } from "./pipeline/resolver.ts";
import { Shards } from "./pipeline/shards.ts";
import { WaitingLines } from "./pipeline/waiting-lines.ts";
import { Router } from "./router.ts";
import { LaneLog } from "./telemetry/lane-log.ts";
import { Meter } from "./telemetry/meter.ts";
import type { LedgerRows, ProcessorMode } from "./transitions.ts";

export type { Answer, PipelineOptions } from "./pipeline/options.ts";

/** Payments looked through for a control: payments wait meanwhile, for 50 ms or less. */
const CONTROLS_AMONG = 50_000;

export class Pipeline {
  readonly lanes: Lanes;
  readonly payments: OpenPayments;
  readonly queue: WaitingLines<Lane>;
  readonly meter: Meter;
  readonly laneLog: LaneLog;
  readonly incidents: Incidents;
  /** Called when another worker has other shards, or this one. */
  onMap: (map: ClusterMap, leads: boolean) => void = () => {};
  /** Called when something has happened that may make a tick due sooner. */
  onEvent: () => void = () => {};
  readonly #options: PipelineOptions;
  readonly #intake: Intake;
  readonly #dispatch: Dispatch;
  readonly #charges: Charges;
  readonly #resolver: Resolver;
  readonly #health: HealthProbes;
  readonly #operator: Operator;
  /** Null where all payments are this worker's. */
  readonly #shards: Shards | null;
  /** Decisions of an operator that are being carried out. */
  #operating = 0;
  /** Null unless the journal was restored from a copy, and nobody trusts it yet. */
  #caution: Caution | null;
  #draining = false;

  constructor(options: PipelineOptions) {
    const { clock, log, random, tuning = {} } = options;
    this.#options = options;
    this.incidents = new Incidents(clock, log);
    this.laneLog = new LaneLog(clock);
    this.lanes = new Lanes(options.processors.map((processor) => this.#laneFor(processor)));
    const router = new Router(this.lanes.all, options.patienceMs, tuning.router);
    this.queue = new WaitingLines(router.orders, tuning.compactAt);
    const { queue, lanes, incidents } = this;
    const payments = new OpenPayments({ ...options, lanes });
    this.payments = payments;
    this.#health = new HealthProbes(clock, lanes.all, ({ number }, reading) => {
      if (reading !== null) options.journal.shared?.tellHealth({ processor: number, ...reading });
      // A reading moves payments that are open. Where there are none, the next tick is soon enough.
      const isLate = this.#health.nextTickAtMs <= clock.steadyMs();
      if (payments.count > 0 || isLate) this.onEvent();
    });
    const maySend = (payment: OpenPayment, lane: Lane) => this.#maySend(payment, lane);
    this.#resolver = new Resolver(lanes, random, maySend, tuning.resolver);
    this.#charges = new Charges({
      ...options,
      payments,
      onOutcome: (nowMs, outcome) => this.#dispatch.noteShortage(nowMs, outcome),
      onMended: () => queue.wake(Number.POSITIVE_INFINITY),
    });
    const pace = new Pace(tuning.pace);
    const send = (payment: OpenPayment, at: Reservation) => void this.#send(payment, at);
    this.#dispatch = new Dispatch({
      clock,
      incidents,
      router,
      payments,
      queue,
      pace,
      tariffsFromMs: options.tariffsFromMs,
      risked: (lane) => this.#resolver.risked(lane),
      send,
    });
    this.meter = new Meter(clock, payments, lanes.all, () => this.verdicts.stored);
    this.#intake = new Intake({
      ...options,
      payments,
      journalQueueMax: tuning.journalQueueMax,
      holding: options.journal.shared?.holding,
      pace,
      meter: this.meter,
      places: this.#dispatch,
      giveBack: (reservation) => this.#charges.giveBack(reservation),
      start: (payment, reservation) => this.#start(payment, reservation),
    });
    this.#caution = this.#cautionAfter(options.journal.head.restoredAtMs);
    this.#dispatch.asksFirst = this.#caution !== null;
    this.#operator = new Operator({
      ...options,
      lanes,
      payments,
      setMode: (lane, mode) => this.#setMode(lane, mode),
      incidents,
      maySend,
      withdraw: (payment) => this.#withdraw([payment]),
      goOn: (payment) => this.#goOn(payment),
      ask: (payment) => this.#ask(payment),
      caution: () => this.#caution,
      trust: () => this.#trust(),
    });
    this.#shards = this.#shardsOf(options);
  }

  get backlogMax(): number {
    return this.#options.backlogMax;
  }
  /** Tells which payments are asked for first, while the journal is one that was restored; else null. */
  get caution(): Caution | null {
    return this.#caution;
  }
  get verdicts(): Intake["verdicts"] {
    return this.#intake.verdicts;
  }

  /** Why the ledger takes no more, so that payments are turned away until somebody acts; or null. */
  get ledgerEnd(): string | null {
    if (this.payments.hasRoomFor(AMOUNT_CENTS_MAX)) return null;
    const { rowsLeft, centsLeft } = this.payments;
    const wayOut = "a purge, and a start after it, begin it anew";
    if (this.#shards === null) return `${rowsLeft} rows and ${centsLeft} cents are left; ${wayOut}`;
    const left = `${rowsLeft} rows of all workers, and ${centsLeft} cents of this worker's part are left`;
    return `${left}; a start takes another part, and when none is left, ${wayOut}`;
  }

  /** Rebuilds the ledger and takes up every open payment. Nothing may be asked before it is done. */
  async recover(): Promise<void> {
    const { journal, ledger, log } = this.#options;
    await rebuildLedger(journal, ledger);
    // News of another worker's decisions come later than these.
    for (const lane of this.lanes.all) lane.mode = journal.head.modes[lane.number] ?? "auto";
    if (this.#shards === null) await this.#takeUp();
    else await this.#shards.begin();
    await compareAddresses(journal, this.lanes, this.incidents, log);
    await this.#caution?.begin(journal);
    const { queued, unknown, held } = this.payments.countByState;
    log.info({ rows: ledger.head, queued, unknown, held }, "recovered");
  }

  /** Takes up the open payments that the journal has: all, or those of shards that are this worker's now. */
  async #takeUp(shards?: readonly number[]): Promise<void> {
    const found = await openPaymentsOf(this.#options, shards);
    for (const payment of found.open) this.payments.open(payment);
    if (shards !== undefined) this.#shards?.holding.loaded(shards);
    for (const payment of found.open) this.#goOn(payment, true);
    for (const payment of found.cutShort) this.#charges.cutShort(payment);
    for (const [state, count] of found.waitingForOperator) this.payments.countParked(state, count);
  }

  /**
   * Takes a payment in. It is answered at once when it cannot be taken, else when it is durable; while
   * draining not at all: its API goes on asking, and the next worker answers.
   */
  take(payment: Payment, answer: Answer): void {
    if (this.#draining) return;
    this.#intake.take(payment, answer);
    if (this.#intake.isWaiting) this.onEvent();
  }

  /** Number of things for the history that have happened: minutes begun, incidents, changes of a lane. */
  get news(): number {
    return this.meter.minutes.begun + this.incidents.changes + this.laneLog.newest;
  }

  /** When the next tick is due if nothing happens before. */
  get nextTickAtMs(): number {
    const saidMs = Math.min(this.meter.nextTickAtMs, this.incidents.nextTickAtMs);
    if (this.#draining) return saidMs;
    const nowMs = this.#options.clock.steadyMs();
    // Each moment may be the one at which a payment that waits goes to another lane.
    if (this.queue.length > 0 || this.#intake.isWaiting) return nowMs;
    return Math.min(
      saidMs,
      this.#isHealthAwaited ? this.#health.nextTickAtMs : Number.POSITIVE_INFINITY,
      this.#caution?.nextTickAtMs ?? Number.POSITIVE_INFINITY,
      this.#shards?.nextTickAtMs ?? Number.POSITIVE_INFINITY,
      this.queue.nextWakeAtMs,
      this.#resolver.nextTickAtMs(nowMs),
    );
  }

  /**
   * True when a probe leaves at its time. While no payment is open it leaves with the tick after it, which comes
   * within a second anyway; other workers may have some.
   */
  get #isHealthAwaited(): boolean {
    return this.#shards === null ? this.payments.count > 0 : this.#shards.leads;
  }

  /** Moves what time alone moves: probes, the queue, trials, retries. */
  tick(): void {
    this.meter.tick();
    this.incidents.tick();
    if (this.#draining) return;
    if (this.#shards?.leads !== false) this.#health.tick();
    this.#caution?.tick();
    this.#shards?.tick();
    this.#intake.tick(this.#options.clock.steadyMs());
    for (const lane of this.lanes.all) this.#tellOfOutlived(lane);
    const nowMs = this.#options.clock.steadyMs();
    for (const due of this.#resolver.due(nowMs, this.queue.length > 0)) {
      if (due.step === "look") void this.#look(due);
      else void this.#sendAgain(nowMs, due);
    }
    this.#dispatch.pump();
    this.#dispatch.tryOpenLanes();
  }

  /** Puts rows into the ledger's ring that a start has left out. */
  fillRing(range: RowRange, rows: LedgerRows): void {
    this.#options.ledger.fill(range, rows);
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

  /** Carries out an operator's decision; resolves when it is durable, or with why not. */
  async operate(command: OperatorCommand): Promise<OperatorAnswer> {
    if (this.#draining) {
      return { kind: "refused", status: 503, reason: "The worker is shutting down." };
    }
    const isOfPayment = command.kind === "payment";
    const reason = isOfPayment ? (this.#shards?.whyNotHere(command.correlationId) ?? null) : null;
    if (reason !== null) return { kind: "refused", status: 409, reason };
    this.#operating++;
    return this.#operator.operate(command).finally(() => {
      this.#operating--;
      this.#shards?.decided();
      this.onEvent();
    });
  }

  /** Another worker has it, or it is on its way from or to another: nothing begins for it here. */
  #isElsewhere({ correlationId }: { readonly correlationId: string }): boolean {
    return this.#shards !== null && !this.#shards.holding.maySend(correlationId);
  }

  /** Takes nothing new and starts nothing. */
  startDrain(): void {
    this.#draining = true;
  }

  /** No call is in flight. */
  get isDrained(): boolean {
    return this.#charges.inFlight === 0;
  }

  #shardsOf(options: PipelineOptions): Shards | null {
    const { shared } = options.journal;
    if (shared === undefined) return null;
    return new Shards({
      ...options,
      shared,
      lanes: this.lanes.all,
      payments: this.payments,
      load: (shards) => this.#takeUp(shards),
      withdraw: (payments) => {
        this.#withdraw(payments);
        // A tick gives them, once nothing of them is under way.
        this.onEvent();
      },
      goOn: (payment) => this.#goOn(payment, true),
      follow: (decisions) => this.#follow(decisions),
      onMap: (map, leads) => this.onMap(map, leads),
      isDeciding: () => this.#operating > 0,
      // A payment that a restored journal has is asked for, at all processors, by whoever has it.
      keepsAll: () => this.#caution !== null || this.#draining,
    });
  }

  #laneFor(processor: ConfiguredProcessor): Lane {
    const { clock, journal, inFlightMax, tuning } = this.#options;
    const lane: Lane = new Lane(clock.steadyMs(), {
      ...processor,
      inFlightMax,
      breaker: tuning?.breaker,
      limit: tuning?.limit,
      number: journal.head.processors.indexOf(processor.name),
      onChange: (from, to, cause) => {
        this.laneLog.breakerChanged(processor.name, from, to, cause);
        this.#tellOfBreaker(lane, to, cause);
        if (to === "closed") this.#resolver.works(clock.steadyMs(), lane);
        // Another lane may be the right one now.
        this.queue.wake(Number.POSITIVE_INFINITY);
      },
    });
    return lane;
  }

  #tellOfBreaker({ name, attempts }: Lane, to: Lane["breaker"]["kind"], cause: string): void {
    const counts = () => {
      const { refused, rejected, unknown } = attempts;
      return { refused, rejected, unknown };
    };
    if (to === "open") this.incidents.begin("breaker-open", name, { details: { cause }, counts });
    if (to === "closed") this.incidents.end("breaker-open", name);
  }

  /**
   * The processor surely knows the payment's id, if it was charged: by the wall clock, since the instant of
   * its assignment outlives a restart.
   */
  #maySend(payment: OpenPayment, { client }: Lane): boolean {
    const { requestedAtMs } = assignmentOf(payment);
    return this.#options.clock.wallMs() - requestedAtMs < client.remembersForMs;
  }

  #tellOfOutlived(lane: Lane): void {
    const payments = this.#resolver.outlivedAt(lane);
    const details = { payments, remembersForMs: lane.client.remembersForMs };
    this.incidents.tell("not-sent-again", lane.name, payments === 0 ? null : { details });
  }

  /** A payment whose acceptance is durable: it is sent, or it waits. */
  #start(payment: OpenPayment, reservation: Reservation | null): void {
    if (reservation === null) this.#goOn(payment, true);
    else void this.#send(payment, reservation);
  }

  /**
   * A payment is queued or resolved; on a journal that was restored it is asked for before.
   * `isOneOfMany`: it is new, or comes with all others of its shard; else it comes by itself.
   */
  #goOn(payment: OpenPayment, isOneOfMany = false): void {
    const { kind } = payment.state;
    if (kind !== "queued" && kind !== "unknown") return;
    this.onEvent();
    if (this.#isElsewhere(payment.payment)) return;
    if (this.#caution?.takes(payment) === true) return;
    if (kind === "queued" && isOneOfMany) this.queue.push(payment);
    else if (kind === "queued") this.queue.putBack(payment);
    else this.#resolver.add(this.#options.clock.steadyMs(), payment);
  }

  /** The assignment is durable. What waits when nothing is sent any more is in the journal. */
  async #send(payment: OpenPayment, reservation: Reservation): Promise<void> {
    if (this.#draining) return this.#charges.giveBack(reservation);
    this.#route(payment, await this.#charges.charge(payment, reservation), 0);
  }

  async #sendAgain(nowMs: number, due: Due): Promise<void> {
    const { payment, lane, tries } = due;
    const next = await this.#charges.charge(payment, { lane, ticket: lane.admit(nowMs) });
    this.#resolver.charged(due);
    this.#route(payment, next, tries + 1);
  }

  async #look(due: Due): Promise<void> {
    const looked = await this.#charges.look(due.payment, due.lane);
    this.#resolver.looked(due, isResolved(looked));
    this.onEvent();
    if (this.#isElsewhere(due.payment.payment)) this.#resolver.remove(due.payment);
  }

  /** Where a payment goes when a call about it has ended. */
  #route(payment: OpenPayment, next: Next, tries: number): void {
    const { clock } = this.#options;
    this.onEvent();
    if (this.#isElsewhere(payment.payment)) return;
    if (next.kind === "unknown") this.#resolver.add(clock.steadyMs(), payment, tries);
    else if (next.kind === "queued" && next.restMs === 0) this.queue.putBack(payment);
    else if (next.kind === "queued") this.queue.rest(payment, clock.steadyMs() + next.restMs);
    if (this.queue.length > 0 && !this.#draining) this.#dispatch.pump();
  }

  /** Asks for an operator what its processor has; all of them while it must not be charged. */
  async #ask(payment: OpenPayment): Promise<Looked> {
    if (this.#caution?.holdsBack(payment) === true) return this.#caution.askNow(payment);
    const lane = this.lanes.of(payment);
    if (lane === null) throw new Error(`${nameOf(payment)}: its processor cannot be asked`);
    // Nobody else resolves it from here on, until the last answer is there.
    const due = this.#resolver.ask(this.#options.clock.steadyMs(), payment, lane);
    const { requestedAtMs } = assignmentOf(payment);
    const known = await this.#options.journal.settled(
      lane.number,
      payment.seq,
      requestedAtMs,
      CONTROLS_AMONG,
    );
    const find = (asked: Payment) => this.#charges.find(asked, lane);
    const looked = await lookBetween(known, find, () => this.#charges.look(payment, lane));
    this.#resolver.looked(due, isResolved(looked));
    return looked;
  }

  #cautionAfter(restoredAtMs: number | null): Caution | null {
    if (restoredAtMs === null) return null;
    const goOn = (payment: OpenPayment) => this.#goOn(payment);
    const lanes = this.lanes.all;
    const { incidents } = this;
    return new Caution({
      ...this.#options,
      incidents,
      lanes,
      charges: this.#charges,
      restoredAtMs,
      goOn,
      onAnswer: () => this.onEvent(),
    });
  }

  #setMode(lane: Lane, mode: ProcessorMode): void {
    this.laneLog.modeChanged(lane, mode);
    if (mode === "forced" && lane.mode !== mode) {
      this.#resolver.works(this.#options.clock.steadyMs(), lane);
      this.onEvent();
    }
    lane.mode = mode;
  }

  /** Takes over what operators have decided, at whichever worker. */
  #follow({ modes, urls, isTrusted }: SharedDecisions): void {
    for (const lane of this.lanes.all) {
      this.#setMode(lane, modes[lane.number] ?? lane.mode);
      if (lane.movedFrom === null || urls[lane.number] !== lane.url) continue;
      confirmAddress(lane, this.incidents);
      this.onEvent();
    }
    if (!isTrusted || this.#caution === null) return;
    const payments = this.#trust();
    this.#options.log.warn({ payments }, "an operator has trusted the journal at another worker");
    this.onEvent();
  }

  /** The journal is trusted, durably: payments that were asked for go their usual way. */
  #trust(): number {
    const waiting = this.#caution?.end() ?? [];
    this.#caution = null;
    this.#dispatch.asksFirst = false;
    for (const payment of waiting) this.#goOn(payment);
    return waiting.length;
  }

  #withdraw(payments: readonly OpenPayment[]): void {
    this.queue.remove(new Set(payments));
    for (const payment of payments) {
      this.#caution?.remove(payment);
      this.#resolver.remove(payment);
    }
  }
}

function isResolved({ kind }: Looked): boolean {
  return kind === "settled" || kind === "conflict";
}
