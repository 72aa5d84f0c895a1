/** The worker's process in the world: its real parts, started on what the disk holds, and killed. */
import type { Log } from "../../shared/log.ts";
import { LinkServerCore } from "../../shared/link/server.ts";
import { keyringOf } from "../../shared/link/frame.ts";
import type { OperatorAnswer, OperatorCommand } from "../../worker/intervention.ts";
import { allocateLedger, LedgerWriter } from "../../worker/ledger.ts";
import { Pipeline } from "../../worker/pipeline.ts";
import { HttpProcessor } from "../../worker/processor.ts";
import { Ticker, TICK_MS } from "../../worker/ticker.ts";
import { SummaryReader, type SummaryWindow } from "../../worker/summary.ts";
import type { Transition, TransitionResult } from "../../worker/transitions.ts";
import type { Chance } from "./chance.ts";
import type { PlaceOf } from "./decisions.ts";
import { DiskJournal, type Disk, type DiskJournalOptions } from "./disk.ts";
import type { Plan } from "./plan.ts";
import type { Settings } from "./settings.ts";
import type { Sharing } from "./sharing.ts";
import { Seen } from "./seen.ts";
import type { Tariffs } from "./tariffs.ts";
import type { KnownTariff } from "../../worker/tariffs.ts";
import type { Reason } from "./link/odd.ts";
import { secretsOfWorker } from "./link/secrets.ts";
import { WorkerTap } from "./link/worker-tap.ts";
import type { Time } from "./time.ts";
import type { Wire } from "./wire.ts";

const LEDGER_ROWS_MAX = 32_768;

export type ProcessorSetting = { readonly name: string; url: string };

/** The contest's two, and others. */
export function processorsOf(count: number): ProcessorSetting[] {
  const names = Array.from({ length: count }, (_, i) => `processor-${i + 1}`);
  return names
    .with(0, "default")
    .map((name, i) => (i === 1 ? "fallback" : name))
    .map((name) => ({ name, url: `http://${name}` }));
}

export type GatewayOptions = {
  readonly time: Time;
  readonly chance: Chance;
  readonly disk: Disk;
  /** In the order of the wires. */
  readonly processors: readonly ProcessorSetting[];
  readonly wires: readonly Wire[];
  readonly plan: Plan;
  /** Draws the order of the configuration. */
  readonly order: Chance;
  /** Draws at which instants each start ticks: a process counts its time from a moment of its own. */
  readonly origin: Chance;
  /** Runs a check; a violation ends the run. */
  readonly watch: (check: () => void) => void;
  readonly log: Log;
  readonly transmit: (frame: Buffer, api: number) => void;
  /** A payment of a frame is handed to the pipeline. */
  readonly onArrival: (seen: Seen, name: string) => void;
  readonly onAcknowledge: (correlationId: string, amountCents: number) => void;
  readonly onApplied: (
    transitions: readonly Transition[],
    results: readonly TransitionResult[],
    tariffs: Tariffs,
  ) => void;
  readonly note: (line: string) => void;
  /** `placeOf` gives a processor's place among the wires by its number in the journal. */
  readonly onDecided: (transition: Transition, placeOf: PlaceOf, inForce: Tariffs) => void;
  readonly onResult: (transition: Transition, result: TransitionResult | null) => void;
};

type Running = {
  readonly pipeline: Pipeline;
  readonly link: LinkServerCore<number>;
  readonly summary: SummaryReader;
  readonly journal: DiskJournal;
  readonly tariffs: readonly KnownTariff[];
  readonly names: readonly string[];
  readonly seen: Seen;
  /** Listens at its end of the link; null where nobody does. */
  readonly tap: WorkerTap | null;
  /** Tariffs that it was started with, in the order of the wires. */
  readonly inForce: Tariffs;
};

export class Gateway {
  readonly #options: GatewayOptions;
  #isStarted = false;
  /** Counts starts: nothing happens that an earlier process had planned. */
  #starts = 0;
  #running: Running | null = null;
  /** True when somebody has exchanged the addresses in the configuration; from the next start on. */
  exchanged = false;
  /** Number of the plan's tariffs that are in the configuration, from the next start on. */
  #configured = 0;
  /** Settings of the drills; null: those of the plan. */
  #settings: Settings | null = null;
  /** The journal is shared with another worker from the next start on; null: all payments are this one's. */
  shared: Sharing | null = null;
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

  /** Parts of the worker, and what was seen of it since its start; null while it is down. */
  get parts(): Running | null {
    return this.#running;
  }

  /** Names of the processors by the journal's number; none while the worker is down. */
  get names(): readonly string[] {
    return this.#running?.names ?? [];
  }

  /** Tariffs that the journal knows; null while the worker is down. */
  get tariffs(): readonly KnownTariff[] | null {
    return this.#running?.tariffs ?? null;
  }

  /** The settings that a start finds. */
  get settings(): Settings {
    const { plan } = this.#options;
    return this.#settings ?? { ...plan, tariffs: plan.tariffs[this.#configured]! };
  }

  /** Writes other settings into the configuration, which a start reads. */
  configure(settings: Partial<Settings>): void {
    this.#settings = { ...this.settings, ...settings };
  }

  /** Writes the next tariffs into the configuration, which a start reads. */
  changeTariffs(): void {
    this.#configured++;
  }

  async start(): Promise<void> {
    const start = ++this.#starts;
    this.#isStarted = true;
    const alive = () => this.#starts === start;
    const { time, chance, disk, log } = this.#options;
    const seen = new Seen();
    const { patienceMs, processorTimeoutMs, bounds, tariffs: inForce } = this.settings;
    const clock = time;
    const configured = this.#configuration();
    const { shared } = this;
    const processors = configured.map(({ name }) => name);
    const onApplied: DiskJournalOptions["onApplied"] = (transitions, results) => {
      seen.applied(transitions.length);
      const ofNumber = (name: string) => configured.find((one) => one.name === name)!.fee;
      this.#options.onApplied(transitions, results, journal.head.processors.map(ofNumber));
    };
    const { onDecided, onResult } = this.#options;
    const placeOf: PlaceOf = (number) =>
      this.#options.processors.findIndex(({ name }) => name === journal.head.processors[number]);
    const journal: DiskJournal = new DiskJournal({
      disk,
      time,
      chance,
      processors,
      batch: bounds.batch,
      shared,
      alive,
      onApplied,
      onDecided: (transition) => {
        if (transition.kind === "settle") seen.settlement(transition.processor);
        onDecided(transition, placeOf, inForce);
        shared?.onDecided(transition);
      },
      onResult: (transition, result) => {
        shared?.onResult(transition);
        onResult(transition, result);
      },
      onFault: (what) => {
        seen.failures++;
        this.#options.note(`commit fails: ${what}`);
      },
    });
    const names = journal.head.processors;
    const memory = allocateLedger(bounds.ledgerSlots, names.length, LEDGER_ROWS_MAX);
    const ledger = new LedgerWriter(memory);
    const tariffs = await journal.tariffs(
      configured.map(({ name, fee }) => ({ processor: names.indexOf(name), terms: fee })),
    );
    const pipeline = new Pipeline({
      clock,
      random: chance.next,
      log,
      journal,
      ledger,
      processors: configured.map(({ name, fee, url, wire }) => {
        const exchange = wire.exchangeFor(alive);
        const judged = shared?.judging(exchange) ?? exchange;
        const client = new HttpProcessor(url, processorTimeoutMs, judged, wire.adapter);
        return { name, fee, url, client };
      }),
      tariffsFromMs: tariffs.at(-1)?.fromMs ?? 0,
      inFlightMax: bounds.inFlightMax,
      backlogMax: bounds.backlogMax,
      tuning: bounds.tuning,
      processorTimeoutMs,
      patienceMs,
    });
    await pipeline.recover();
    if (!alive()) return;
    const { plan } = this.#options;
    const secrets = secretsOfWorker(plan.rotates);
    const tap = plan.isLinkHeard ? new WorkerTap(secrets, incarnationOf(start)) : null;
    const link = this.#openLink(pipeline, incarnationOf(start), seen, tap);
    const rowsNow = (fromRow: number, toRow: number) => journal.rowsNow(fromRow, toRow);
    // Over a file sums are the journal's; over a database rows come, and are added up (simulation/cluster).
    const summary = new SummaryReader(ledger.memory, rowsNow, {
      oldSums: (...rows) => journal.sumsNow(...rows),
    });
    this.startOf.set(incarnationOf(start), start);
    this.#running = { pipeline, link, summary, journal, tariffs, names, seen, tap, inForce };
    const originMs = this.#options.origin.between(0, TICK_MS - 1);
    const ticker = new Ticker({
      clock: { steadyMs: () => clock.steadyMs() + originMs },
      tick: () => pipeline.tick(),
      nextAtMs: () => pipeline.nextTickAtMs + originMs,
      after: time.timersWhile(alive),
    });
    pipeline.onEvent = () => ticker.soon();
    ticker.soon();
  }

  /** The configuration that a start finds: each name with its tariff, and an address with the wire that is there. */
  #configuration() {
    const { processors, wires, order } = this.#options;
    const { tariffs: terms, bounds } = this.settings;
    const [first, second, ...others] = processors.map(({ url }, i) => ({ url, wire: wires[i]! }));
    const places = [first!, ...(second ? [second] : [])];
    if (this.exchanged) places.reverse();
    const all = [...places, ...others].map(({ url, wire }, i) => {
      return { name: processors[i]!.name, fee: terms[i]!, url, wire };
    });
    return bounds.isShuffled ? shuffled(order, all) : all;
  }

  crash(): void {
    this.#starts++;
    this.#running = null;
    this.#isStarted = false;
  }

  receive(frame: Buffer, api: number): void {
    const running = this.#running;
    if (running === null) return;
    const { seen, tap, link } = running;
    const { watch } = this.#options;
    seen.frames++;
    watch(() => tap?.arrives(frame, api));
    link.receive(frame, api);
    watch(() => tap?.arrived());
    this.#flushSoon(running);
  }

  /** Somebody sends it what no API of ours would. */
  receiveOdd(frame: Buffer, reason: Reason, api: number): void {
    const { seen, tap = null, link } = this.#running ?? {};
    if (tap === null || link === undefined || seen === undefined) return;
    seen.frames++;
    tap.drops[reason]++;
    this.#options.watch(() => tap.ignores(reason, () => link.receive(frame, api)));
    this.#options.watch(() => tap.checkStats(link.stats));
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

  #openLink(
    pipeline: Pipeline,
    incarnation: number,
    seen: Seen,
    tap: WorkerTap | null,
  ): LinkServerCore<number> {
    const { plan, transmit, onAcknowledge, onArrival, watch } = this.#options;
    const link = new LinkServerCore<number>({
      keyring: keyringOf(secretsOfWorker(plan.rotates)),
      incarnation,
      transmit: (frame, api) => {
        seen.framesSent++;
        watch(() => tap?.sends(frame, api));
        transmit(frame, api);
      },
      onArrivals: (arrivals) => {
        watch(() => tap?.hands(arrivals));
        for (const arrival of arrivals) {
          const { correlationId, amountCents } = arrival.payment;
          const { instance, sequence } = arrival.origin;
          const name = `${instance} ${sequence} ${correlationId}`;
          onArrival(seen, name);
          pipeline.take(arrival.payment, (verdict) => {
            seen.verdict(verdict.kind);
            seen.inHand.delete(name);
            const safe = verdict.kind === "stored" || verdict.kind === "duplicate";
            if (safe) onAcknowledge(correlationId, amountCents);
            watch(() => tap?.says(arrival, verdict));
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
      if (this.#running !== running) return;
      running.link.flush();
      this.#options.watch(() => running.tap?.flushed());
    });
  }
}

/** Scatters the numbers, as random ones are. */
function incarnationOf(start: number): number {
  return Math.imul(start, 0x9e37_79b1) >>> 0;
}

function shuffled<T>(chance: Chance, items: readonly T[]): T[] {
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = chance.between(0, i);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}
