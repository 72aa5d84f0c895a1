/** The worker's process in the world: its real parts, started on what the disk holds, and killed. */
import type { Log } from "../../shared/log.ts";
import { LinkServerCore } from "../../shared/link/server.ts";
import type { LinkKeys } from "../../shared/link/frame.ts";
import type { OperatorAnswer, OperatorCommand } from "../../worker/intervention.ts";
import { allocateLedger, LedgerWriter } from "../../worker/ledger.ts";
import { Pipeline } from "../../worker/pipeline.ts";
import { HttpProcessor } from "../../worker/processor.ts";
import { Ticker } from "../../worker/ticker.ts";
import { SummaryReader, type SummaryWindow } from "../../worker/summary.ts";
import type { Transition } from "../../worker/transitions.ts";
import type { Chance } from "./chance.ts";
import { DiskJournal, type Disk } from "./disk.ts";
import type { Plan } from "./plan.ts";
import type { Tariffs } from "./tariffs.ts";
import type { KnownTariff } from "../../worker/tariffs.ts";
import type { Time } from "./time.ts";
import type { Wire } from "./wire.ts";

const LEDGER_SLOTS = 4_096;
const LEDGER_ROWS_MAX = 32_768;

export const PROCESSORS = [
  { name: "default", url: "http://default", fee: 0.05 },
  { name: "fallback", url: "http://fallback", fee: 0.15 },
] as const;
const NAMES = PROCESSORS.map(({ name }) => name);

export type GatewayOptions = {
  readonly time: Time;
  readonly chance: Chance;
  readonly disk: Disk;
  readonly wires: readonly Wire[];
  readonly plan: Plan;
  readonly keys: LinkKeys;
  readonly log: Log;
  readonly transmit: (frame: Buffer, api: number) => void;
  readonly onAcknowledge: (correlationId: string, amountCents: number) => void;
  readonly onApplied: (transitions: readonly Transition[], tariffs: Tariffs) => void;
};

type Running = {
  readonly pipeline: Pipeline;
  readonly link: LinkServerCore<number>;
  readonly summary: SummaryReader;
  readonly journal: DiskJournal;
  readonly tariffs: readonly KnownTariff[];
};

export class Gateway {
  readonly #options: GatewayOptions;
  #isStarted = false;
  /** Counts starts: nothing happens that an earlier process had planned. */
  #starts = 0;
  #running: Running | null = null;
  /** True when somebody has exchanged the addresses in the configuration; from the next start on. */
  exchanged = false;
  /** Number of the tariffs that are in the configuration, from the next start on. */
  #configured = 0;
  /** The order of incarnations, which only the world knows. */
  readonly startOf = new Map<number, number>();

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#running !== null;
  }
  /** True when it is up, or on its way. */
  get isStarted(): boolean {
    return this.#isStarted;
  }
  get openCount(): number {
    return this.#running?.pipeline.payments.count ?? -1;
  }

  /** Tariffs that the journal knows; null while the worker is down. */
  get tariffs(): readonly KnownTariff[] | null {
    return this.#running?.tariffs ?? null;
  }

  /** Writes the next tariffs into the configuration, which a start reads. */
  changeTariffs(): void {
    this.#configured++;
  }

  async start(): Promise<void> {
    const start = ++this.#starts;
    this.#isStarted = true;
    const alive = () => this.#starts === start;
    const { time, chance, disk, wires, plan, log } = this.#options;
    const clock = time;
    const processors = NAMES;
    const terms = plan.tariffs[this.#configured]!;
    const onApplied = (transitions: readonly Transition[]) =>
      this.#options.onApplied(transitions, terms);
    const journal = new DiskJournal({ disk, time, chance, processors, alive, onApplied });
    const names = journal.head.processors;
    const ledger = new LedgerWriter(allocateLedger(LEDGER_SLOTS, names.length, LEDGER_ROWS_MAX));
    const { patienceMs } = plan;
    const urls = PROCESSORS.map(({ url }) => url);
    if (this.exchanged) urls.reverse();
    const tariffs = await journal.tariffs(
      terms.map((tariff, i) => ({ processor: names.indexOf(NAMES[i]!), terms: tariff })),
    );
    const pipeline = new Pipeline({
      clock,
      random: chance.next,
      log,
      journal,
      ledger,
      processors: PROCESSORS.map(({ name }, i) => {
        const url = urls[i]!;
        const wire = wires[PROCESSORS.findIndex((one) => one.url === url)]!;
        const exchange = wire.exchangeFor(alive);
        return {
          name,
          fee: terms[i]!,
          url,
          client: new HttpProcessor(url, plan.processorTimeoutMs, exchange, wire.adapter),
        };
      }),
      tariffsFromMs: tariffs.at(-1)?.fromMs ?? 0,
      inFlightMax: 64,
      backlogMax: 10_000,
      processorTimeoutMs: plan.processorTimeoutMs,
      patienceMs,
    });
    await pipeline.recover();
    if (!alive()) return;
    const link = this.#openLink(pipeline, incarnationOf(start));
    const summary = new SummaryReader(ledger.memory, (fromRow, toRow) =>
      journal.rowsNow(fromRow, toRow),
    );
    this.startOf.set(incarnationOf(start), start);
    this.#running = { pipeline, link, summary, journal, tariffs };
    const ticker = new Ticker({
      clock,
      tick: () => pipeline.tick(),
      nextAtMs: () => pipeline.nextTickAtMs,
      after: time.timersWhile(alive),
    });
    pipeline.onEvent = () => ticker.soon();
    ticker.soon();
  }

  crash(): void {
    this.#starts++;
    this.#running = null;
    this.#isStarted = false;
  }

  receive(frame: Buffer, api: number): void {
    const running = this.#running;
    if (running === null) return;
    running.link.receive(frame, api);
    this.#flushSoon(running);
  }

  summary(window: SummaryWindow) {
    return this.#running?.summary.readNow(window) ?? null;
  }

  purge(): Promise<void> {
    return this.#running?.pipeline.purge() ?? Promise.reject(new Error("the worker is down"));
  }

  /** Passes a command on as the worker's http thread does; null while the worker is down. */
  operate(command: OperatorCommand): Promise<OperatorAnswer> | null {
    return this.#running?.pipeline.operate(command) ?? null;
  }

  #openLink(pipeline: Pipeline, incarnation: number): LinkServerCore<number> {
    const { keys, transmit, onAcknowledge } = this.#options;
    const link = new LinkServerCore<number>({
      keyring: [keys],
      incarnation,
      transmit,
      onArrivals: (arrivals) => {
        for (const arrival of arrivals) {
          const { correlationId, amountCents } = arrival.payment;
          pipeline.take(arrival.payment, (verdict) => {
            const safe = verdict.kind === "stored" || verdict.kind === "duplicate";
            if (safe) onAcknowledge(correlationId, amountCents);
            link.answer(arrival, verdict);
            if (this.#running !== null) this.#flushSoon(this.#running);
          });
        }
      },
    });
    return link;
  }

  #flushSoon(running: Running): void {
    this.#options.time.after(0, () => {
      if (this.#running === running) running.link.flush();
    });
  }
}

/** Scatters the numbers, as random ones are. */
function incarnationOf(start: number): number {
  return Math.imul(start, 0x9e37_79b1) >>> 0;
}
