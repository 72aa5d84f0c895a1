/**
 * Runs `bun run kill --cluster`, inside of namespaces of its own: faults under load, in legs. After each
 * round everything has to heal by itself; after each leg everything has to settle, and what shops were
 * told, what the gateway says, what processors have charged and the order in the database are compared.
 */
import { audit, type Answer } from "../../system/audit.ts";
import { collect, untilSettled } from "../../system/storm/collect.ts";
import { runLoad } from "../../system/storm/load.ts";
import { planSubmissions } from "../../system/storm/plan.ts";
import { purgeAll, runWeather } from "../../system/storm/weather.ts";
import { integerFrom, pick, seededRandom } from "../../../testing/random.ts";
import { until } from "../../../testing/until.ts";
import type { KillOptions } from "../options.ts";
import { compiledPrograms } from "../programs.ts";
import { fromSource } from "../../../testing/programs.ts";
import { addCounts, lastWordsOf, type Finding } from "../report.ts";
import { drawRound, nameOf, runRound } from "./fault.ts";
import { LullMeter, type LullMs } from "./lull.ts";
import { auditOrder } from "./order.ts";
import type { ClusterReport, Lull } from "./report.ts";
import { Stand } from "./stand.ts";
import type { Tools } from "./tools.ts";

const FAULTS_PER_LEG = 25;
const PLANNED_MS_PER_FAULT = 60_000;
const AMOUNT_CENTS_MAX = 100_000_000;
const CALM_MS = { min: 500, max: 2_000 };
const HEALED_MS_MAX = 180_000;
/**
 * Time after which an operator makes a standby anew that follows nobody. Patroni rewinds one that was a primary
 * for a moment; when the next primary has begun its own timeline meanwhile, it may not notice that it has to.
 */
const REMADE_AFTER_MS = 90_000;
const SHOP_PATIENCE_MS = 60_000;
const LINES_SHOWN = 15;

const SETTINGS = { PROCESSOR_TIMEOUT_MS: "1500", PATIENCE_MS: "2000" };

export async function drill(options: KillOptions, tools: Tools): Promise<ClusterReport> {
  using compiled = options.source ? null : await compiledPrograms(options.log);
  const programs = compiled?.programs ?? {
    worker: fromSource("worker.ts"),
    api: fromSource("api.ts"),
  };
  const run = new Drill(options);
  const complain = (text: string) => run.complain("process", text);
  options.log("starting three databases, three workers, two APIs");
  await using stand = await Stand.start({ tools, programs, env: SETTINGS, complain });
  return await run.through(stand);
}

class Drill {
  readonly #options: KillOptions;
  readonly #fromSeed: () => () => number;
  readonly #draw: () => number;
  readonly #violations: Finding[] = [];
  readonly #lulls = new Map<string, Lull>();
  readonly #calls: Record<string, number> = {};
  #faults = 0;
  #rounds = 0;
  #legs = 0;
  #acknowledged = 0;
  #idsChecked = 0;
  #windows = 0;
  #settleLagMsMax = 0;
  #remade = 0;
  /** Meter of the round under way; null before the first. */
  #meter: LullMeter | null = null;

  constructor(options: KillOptions) {
    const seeds = seededRandom(options.seed);
    this.#options = options;
    this.#fromSeed = () => seededRandom(seeds() * 2 ** 32);
    this.#draw = this.#fromSeed();
  }

  complain(kind: "process", text: string): void {
    this.#options.log(`!! ${text}`);
    this.#violations.push({ kind, id: `leg ${this.#legs}`, text });
  }

  async through(stand: Stand): Promise<ClusterReport> {
    const startedAtMs = performance.now();
    let evidence: string[] = [];
    try {
      await this.#healed(stand);
      while (!this.#isOver(this.#options.kills)) await this.#leg(stand);
    } catch (error) {
      this.complain("process", (error as Error).message);
    }
    if (this.#violations.length > 0) evidence = evidenceOf(stand);
    return {
      seed: this.#options.seed,
      faults: this.#faults,
      legs: this.#legs,
      acknowledged: this.#acknowledged,
      calls: this.#calls,
      idsChecked: this.#idsChecked,
      windows: this.#windows,
      settleLagMsMax: this.#settleLagMsMax,
      remade: this.#remade,
      lulls: this.#lulls,
      durationMs: performance.now() - startedAtMs,
      violations: this.#violations,
      evidence,
    };
  }

  async #leg(stand: Stand): Promise<void> {
    this.#legs++;
    const target = Math.min(this.#options.kills, this.#faults + FAULTS_PER_LEG);
    const plannedMs = (target - this.#faults) * PLANNED_MS_PER_FAULT;
    const draw = this.#fromSeed();
    const over = new AbortController();
    const [load] = await Promise.all([
      runLoad({
        gateway: { pay: (id, cents) => this.#pay(stand, draw, id, cents) },
        submissions: planSubmissions(
          this.#fromSeed(),
          Math.ceil((plannedMs / 1_000) * this.#options.rate),
          plannedMs,
          AMOUNT_CENTS_MAX,
        ),
        shops: this.#options.shops,
        random: draw,
        patienceMs: SHOP_PATIENCE_MS,
        over: over.signal,
      }),
      runWeather(
        stand.processors,
        { random: this.#fromSeed(), faults: this.#legs % 2 === 0 },
        over.signal,
      ),
      this.#troubles(stand, target).finally(() => over.abort()),
    ]);
    addCounts(this.#calls, load.calls);
    await this.#audit(stand, load.answers);
  }

  async #pay(stand: Stand, draw: () => number, id: string, cents: number) {
    const status = await pick(draw, stand.apis).client.pay(id, cents);
    if (status === 202) this.#meter?.seen(performance.now(), id);
    return status;
  }

  async #troubles(stand: Stand, target: number): Promise<void> {
    while (!this.#isOver(target)) {
      await Bun.sleep(integerFrom(this.#draw, CALM_MS.min, CALM_MS.max));
      const round = drawRound(this.#draw, this.#rounds++);
      const meter = new LullMeter(performance.now(), await stand.map());
      this.#meter = meter;
      const text = await runRound(stand, round, this.#draw);
      const healedMs = await this.#healed(stand);
      const wholeAtMs = performance.now();
      const isTaken = () => meter.isSeenSince(wholeAtMs);
      await until("payments of each worker are taken again", isTaken, HEALED_MS_MAX);
      this.#faults += round.faults.length;
      const { all, worker } = meter.longestMs;
      this.#note(nameOf(round), { all, worker });
      const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
      const lull = `no 202 for ${seconds(all)}, for a worker's shards ${seconds(worker)}`;
      const said = `${lull}; whole ${seconds(healedMs)} after`;
      this.#options.log(`${String(this.#faults).padStart(5)}  ${nameOf(round)}: ${text}; ${said}`);
    }
  }

  async #healed(stand: Stand): Promise<number> {
    const startedAtMs = performance.now();
    let isRemade = false;
    return until(
      "everything is whole again",
      async () => {
        if (await stand.isWhole()) return true;
        if (!isRemade && performance.now() - startedAtMs > REMADE_AFTER_MS) {
          isRemade = true;
          await this.#remake(stand);
        }
        return false;
      },
      HEALED_MS_MAX,
    );
  }

  async #remake({ database }: Stand): Promise<void> {
    for (const node of (await database.strayed()) ?? []) {
      if (!(await node.remake())) continue;
      this.#remade++;
      this.#options.log(`       ${node.machine.name} follows nobody, and is made anew`);
    }
  }

  #note(name: string, lull: LullMs): void {
    const { count, msMax } = this.#lulls.get(name) ?? { count: 0, msMax: { all: 0, worker: 0 } };
    const all = Math.max(msMax.all, lull.all);
    const worker = Math.max(msMax.worker, lull.worker);
    this.#lulls.set(name, { count: count + 1, msMax: { all, worker } });
  }

  #isOver(target: number): boolean {
    const { over } = this.#options;
    return this.#faults >= target || this.#violations.length > 0 || over?.aborted === true;
  }

  async #audit(stand: Stand, answers: readonly Answer[]): Promise<void> {
    const { settleMsMax, log } = this.#options;
    const gateway = pick(this.#draw, stand.apis).client;
    const ids = [...new Set(answers.map(({ correlationId }) => correlationId))];
    const taken = answers.filter(({ outcome }) => outcome === "accepted");
    this.#acknowledged += new Set(taken.map(({ correlationId }) => correlationId)).size;
    const healedAtMs = performance.now();
    const asked = await untilSettled(gateway, ids, settleMsMax);
    const lagMs = performance.now() - healedAtMs;
    const collected = await collect(gateway, stand.processors, answers, asked, this.#fromSeed());
    const found = [...audit(collected), ...(await auditOrder(await stand.database.urlOf()))];
    this.#violations.push(...found);
    this.#idsChecked += collected.statuses.size;
    this.#windows += collected.windows.length;
    this.#settleLagMsMax = Math.max(this.#settleLagMsMax, lagMs);
    const lag = `settled within ${(lagMs / 1_000).toFixed(1)} s`;
    log(`       audit: ${collected.statuses.size} ids, ${lag}, ${found.length} violations`);
    if (found.length > 0) return;
    // The next leg begins with nothing to be summed.
    await gateway.purge();
    await purgeAll(stand.processors);
  }
}

function evidenceOf(stand: Stand): string[] {
  const services = [...stand.workers, ...stand.apis].map(({ child }) => child);
  const database = stand.database.nodes.map(({ patroni }) => patroni);
  return lastWordsOf([...services, ...database], LINES_SHOWN);
}
