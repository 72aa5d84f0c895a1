/**
 * The real pipeline in a world of its own: a virtual clock, an SQLite journal in memory that commits
 * when the world says so, and model processors. Nothing here waits for real time: `run` moves the
 * clock a millisecond at a time, and lets every promise that became ready run in between.
 */
import { seededRandom } from "../../testing/random.ts";
import type { Clock } from "../../shared/clock.ts";
import { createLog } from "../../shared/log.ts";
import type { Payment } from "../../shared/payment.ts";
import { shareOf, type Tariff } from "../../shared/tariff.ts";
import type { Verdict } from "../../shared/verdict.ts";
import { MemoryProcessor } from "../../simulation/memory.ts";
import { ProcessorModel } from "../../simulator/processor.ts";
import type { Journal } from "../journal.ts";
import { InlineJournal } from "../journal/inline.ts";
import { SqliteStore } from "../journal/store.ts";
import { allocateLedger, LedgerWriter, type LedgerMemory } from "../ledger.ts";
import { Pipeline } from "../pipeline.ts";
import { HttpProcessor, type Exchange, type Processor } from "../processor.ts";
import type { ExchangeError } from "../processor/exchange.ts";
import type { Lane } from "../lane.ts";

/** Wall time when the steady clock says 0. */
export const WALL_START_MS = Date.UTC(2026, 0, 1);
const TICK_MS = 10;

export class VirtualClock implements Clock {
  nowMs = 0;
  /** Span by which the wall clock was set forward since. */
  setMs = 0;
  readonly wallMs = () => WALL_START_MS + this.setMs + Math.floor(this.nowMs);
  readonly steadyMs = () => this.nowMs;
}

/** Lets everything run that waits for a promise which is ready. */
export async function settlePromises(rounds = 16): Promise<void> {
  for (let round = 0; round < rounds; round++) await Promise.resolve();
}

export function idOf(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
}

/** Calls that left for a processor: the trace that the invariants are checked against. */
export type Sent = { readonly atMs: number; readonly body: string };

/** A model processor, called by the real client over a network that never touches a socket. */
export class ModelProcessor extends HttpProcessor {
  readonly memory: MemoryProcessor;
  readonly sent: Sent[] = [];
  readonly #calls: Calls;

  constructor(clock: VirtualClock, model: ProcessorModel, timeoutMs: number) {
    const memory = new MemoryProcessor(model);
    const calls: Calls = new Map();
    const sent: Sent[] = [];
    super("", timeoutMs, (request) => {
      if (request.body !== undefined) sent.push({ atMs: clock.nowMs, body: request.body });
      return exchange(clock, memory, calls, request);
    });
    this.memory = memory;
    this.sent = sent;
    this.#calls = calls;
  }

  get model(): ProcessorModel {
    return this.memory.model;
  }

  tick(nowMs: number): void {
    this.memory.tick(nowMs);
    for (const { atMs, giveUp } of this.#calls.values()) if (nowMs >= atMs) giveUp();
  }
}

/** Calls under way, and when their callers give up. */
type Calls = Map<object, { readonly atMs: number; readonly giveUp: () => void }>;

function exchange(
  clock: VirtualClock,
  memory: MemoryProcessor,
  calls: Calls,
  { url, body, timeoutMs }: Parameters<Exchange>[0],
): ReturnType<Exchange> {
  if (memory.model.down) return Promise.reject(failure("ECONNREFUSED", { neverLeft: true }));
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<Exchange>>>();
  const call = {
    method: body === undefined ? "GET" : "POST",
    path: url,
    contentType: "application/json",
    token: null,
    body: body ?? "",
  };
  const handle = memory.call(clock.nowMs, call, (answer) => {
    calls.delete(handle);
    if (answer.kind !== "whole") return reject(failure("ECONNRESET"));
    const retryAfter = answer.headers["retry-after"] ?? null;
    resolve({ status: answer.status, body: answer.body, retryAfter, complete: true });
  });
  const giveUp = () => {
    calls.delete(handle);
    memory.hangUp(handle);
    reject(Object.assign(new Error("no answer in time"), { name: "TimeoutError" }));
  };
  calls.set(handle, { atMs: clock.nowMs + timeoutMs, giveUp });
  return promise;
}

function failure(code: string, more: { readonly neverLeft?: true } = {}): ExchangeError {
  return Object.assign(new Error(code), { code, ...more });
}

export const CONTEST = [
  { name: "default", fee: 0.05 },
  { name: "fallback", fee: 0.15 },
];

export type Parts = {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly processors: readonly Processor[];
  readonly configured: readonly { readonly name: string; readonly fee: number | Tariff }[];
  readonly patienceMs?: number;
  readonly inFlightMax?: number;
  readonly backlogMax?: number;
  readonly random?: () => number;
  readonly urls?: readonly string[];
  readonly processorTimeoutMs?: number;
  readonly tariffsFromMs?: number;
};

/** A pipeline as `worker/main.ts` puts it together. */
export function assemble(parts: Parts) {
  const { clock, journal, processors, configured } = parts;
  const { patienceMs = 15_000, inFlightMax = 640, backlogMax = 1_000_000 } = parts;
  const ledger = new LedgerWriter(ledgerMemory(journal.head.processors.length));
  ledger.startAt(0);
  const pipeline = new Pipeline({
    clock,
    random: parts.random ?? (() => 0.5),
    log: createLog("test", "silent"),
    journal,
    ledger,
    processors: configured.map(({ name, fee }, i) => {
      const url = parts.urls?.[i] ?? `http://${name}`;
      const tariff = typeof fee === "number" ? shareOf(fee) : fee;
      return { name, fee: tariff, url, client: processors[i] as Processor };
    }),
    tariffsFromMs: parts.tariffsFromMs ?? 0,
    inFlightMax,
    patienceMs,
    backlogMax,
    processorTimeoutMs: parts.processorTimeoutMs ?? 30_000,
  });
  return { pipeline, lanes: pipeline.lanes.all, ledger };
}

const memories = new Map<number, LedgerMemory>();

/** The columns are large and the tests that share them look only at what the newest writer wrote. */
function ledgerMemory(processors: number): LedgerMemory {
  let memory = memories.get(processors);
  if (memory === undefined)
    memories.set(processors, (memory = allocateLedger(65_536, processors, 2 ** 20)));
  return memory;
}

export type WorldOptions = Omit<Partial<Parts>, "clock" | "journal" | "processors"> & {
  readonly timeoutMs?: number;
  readonly seed?: number;
};

/** Something that happens at an instant of the steady clock. */
export type Event = { readonly atMs: number; readonly happen: (world: World) => void };

export type Load = {
  readonly perSecond?: number;
  /** In order of time. */
  readonly events?: readonly Event[];
  readonly done?: () => boolean;
};

export class World {
  readonly clock = new VirtualClock();
  readonly store: SqliteStore;
  readonly journal: InlineJournal;
  readonly processors: readonly ModelProcessor[];
  readonly pipeline: Pipeline;
  readonly lanes: readonly Lane[];
  readonly ledger: LedgerWriter;
  readonly verdicts = new Map<string, Verdict>();
  /** Steady instant of each payment's verdict. */
  readonly acceptedAtMs = new Map<string, number>();
  #payments = 0;
  /** True when something has happened since the last tick; at first because the worker has just started. */
  #isAsked = true;

  constructor(options: WorldOptions = {}) {
    const { configured = CONTEST, timeoutMs = 30_000, seed = 1 } = options;
    const random = seededRandom(seed);
    const names = configured.map(({ name }) => name);
    this.store = new SqliteStore(":memory:", "off", names, this.clock.wallMs());
    this.journal = new InlineJournal(this.store, this.clock);
    this.processors = configured.map(
      ({ fee }) =>
        new ModelProcessor(
          this.clock,
          // The stand-in's own summary knows shares only, and no test here reads its fees.
          new ProcessorModel({ fee: typeof fee === "number" ? fee : 0, random }),
          timeoutMs,
        ),
    );
    const { clock, journal, processors } = this;
    const parts = assemble({ random, ...options, configured, clock, journal, processors });
    this.pipeline = parts.pipeline;
    this.pipeline.onEvent = () => (this.#isAsked = true);
    this.lanes = parts.lanes;
    this.ledger = parts.ledger;
  }

  [Symbol.dispose](): void {
    this.store.close();
  }

  processor(lane: number): ModelProcessor {
    return this.processors[lane] as ModelProcessor;
  }

  weather(lane: number, delayMs: number, failing: boolean): void {
    const { memory, model } = this.processor(lane);
    memory.tick(this.clock.nowMs);
    model.delayMs = delayMs;
    model.failing = failing;
  }

  take(payment: Payment): void {
    this.acceptedAtMs.set(payment.correlationId, this.clock.nowMs);
    this.pipeline.take(payment, (verdict) => this.verdicts.set(payment.correlationId, verdict));
  }

  takeNext(count: number): void {
    for (let i = 0; i < count; i++) {
      this.take({ correlationId: idOf(this.#payments++), amountCents: 1_990 });
    }
  }

  /** A millisecond: answers, commits, and every tenth of them a tick of the pipeline, if it is due. */
  async step(): Promise<void> {
    const nowMs = ++this.clock.nowMs;
    for (const processor of this.processors) processor.tick(nowMs);
    await settlePromises();
    if (this.journal.commit(nowMs)) await settlePromises();
    if (nowMs % TICK_MS !== 0) return;
    if (!this.#isAsked && nowMs < this.pipeline.nextTickAtMs) return;
    this.#isAsked = false;
    this.pipeline.tick();
    await settlePromises();
  }

  /**
   * Runs until `untilMs`, with a steady load and events; stops early when `done` says so.
   */
  async run(
    untilMs: number,
    { perSecond = 0, events = [], done = () => false }: Load = {},
  ): Promise<void> {
    const coming = [...events];
    const startMs = this.clock.nowMs;
    let taken = 0;
    while (this.clock.nowMs < untilMs && !done()) {
      while (coming[0] !== undefined && coming[0].atMs <= this.clock.nowMs) {
        coming.shift()?.happen(this);
      }
      await this.step();
      const due = Math.floor(((this.clock.nowMs - startMs) * perSecond) / 1_000);
      this.takeNext(due - taken);
      taken = due;
    }
  }

  get open(): number {
    return this.pipeline.payments.count;
  }

  /** Payments settled since the start, by lane. */
  get settled(): number[] {
    return this.lanes.map(({ settled }) => settled);
  }

  /** Every record of every processor, with how long after its acceptance it was made. */
  records() {
    return this.processors.flatMap(({ model }, lane) =>
      [...model.records.values()].map((record) => {
        const { correlationId, recordedAtMs } = record;
        const afterMs = recordedAtMs - (this.acceptedAtMs.get(correlationId) ?? 0);
        return { lane, correlationId, recordedAtMs, afterMs };
      }),
    );
  }
}
