/**
 * Runs `bun run kill`: the compiled processes with a lossy network between them, killed, paused and
 * drained again and again under load. A run is made of legs: trouble for some twenty kills, then
 * everything heals, has to settle, and every payment of the journal is audited, from what shops were told
 * to what processors have charged. Some legs go on with the same journal; every leg changes JOURNAL_SYNC.
 *
 * The seed draws events, payments and network, but real processes take the time they take: a seed brings
 * the same trouble again, not the same run.
 */
import { audit, type Answer } from "../system/audit.ts";
import { isDeclined } from "../../testing/cards.ts";
import { Child } from "../../testing/process.ts";
import { pick, seededRandom } from "../../testing/random.ts";
import { collect, untilSettled, type Asked, type Statuses } from "../system/storm/collect.ts";
import { auditJournal, storyOf } from "../system/storm/journal.ts";
import { runLoad, type LoadResult } from "../system/storm/load.ts";
import { planSubmissions, type Submission } from "../system/storm/plan.ts";
import { runWeather, type Processor } from "../system/storm/weather.ts";
import { IndependentProcessor } from "../independent/processor.ts";
import { insideCommand } from "./cluster/run.ts";
import { findTools } from "./cluster/tools.ts";
import { drain } from "./drain.ts";
import { History } from "./history.ts";
import { Kinds } from "./kinds.ts";
import { WHY_NO_GO } from "./linearizable.ts";
import { KILL_DEFAULTS, killOptions, type KillOptions } from "./options.ts";
import { compiledPrograms } from "./programs.ts";
import { cutPower, powerText, type PowerOptions } from "./power/cut.ts";
import { ROUGH, SMOOTH } from "../../testing/relay.ts";
import { addCounts, lastWordsOf, reportText, type Finding, type KillReport } from "./report.ts";
import { drawRound, runRound, type RoundKind } from "./round.ts";
import { Shop } from "./shop.ts";
import { whyNoTrace } from "./trace.ts";
import { FROM_SOURCE } from "../../testing/stack.ts";
import { prepareStack, type HurtStack } from "./stack.ts";

/** Every other payment comes together with those of the same tenth of a second. */
const BURST_MS = 100;
const AMOUNT_CENTS_MAX = 100_000_000;
const KILLS_PER_LEG = 20;
const LEGS_PER_JOURNAL = 3;
/** Time planned for a kill: much more than a round takes; the rest of the plan is left over. */
const PLANNED_MS_PER_KILL = 6_000;
/** Longest wait for the last answers, once the trouble is over. */
const SHOP_PATIENCE_MS = 30_000;
const STORIES_MAX = 10;
const LINES_SHOWN = 30;

const SETTINGS = { PROCESSOR_TIMEOUT_MS: "1500", PATIENCE_MS: "2000" };

export async function kill(given: Partial<KillOptions>): Promise<KillReport> {
  const options = { ...KILL_DEFAULTS, ...given };
  await using shop = options.webhooks ? new Shop() : null;
  using compiled = options.source ? null : await compiledPrograms(options.log);
  const seeds = seededRandom(options.seed);
  const fromSeed = () => seededRandom(seeds() * 2 ** 32);
  const prepared = {
    programs: {
      ...(compiled?.programs ?? FROM_SOURCE),
      ...(options.worker === null ? {} : { worker: options.worker }),
    },
    random: fromSeed(),
    env: { ...SETTINGS, ...shop?.env },
    onDeath: (text: string) => run.complain(text),
  };
  const kinds = options.kinds ? await Kinds.prepare(prepared) : null;
  const { independent } = options;
  await using stack = kinds?.stack ?? (await prepareStack({ ...prepared, independent }));
  const run = new Run(options, fromSeed, kinds, shop);
  return await run.through(stack);
}

class Run {
  readonly #options: KillOptions;
  readonly #fromSeed: () => () => number;
  readonly #kinds: Kinds | null;
  readonly #shop: Shop | null;
  readonly #events: () => number;
  readonly #violations: Finding[] = [];
  readonly #rounds: Partial<Record<RoundKind, number>> = {};
  readonly #calls: Record<string, number> = {};
  /** Answers about the journal in use. */
  #answers: Answer[] = [];
  readonly #history = new History();
  readonly #processors = { simulated: 0, independent: 0 };
  #kills = 0;
  #round = 0;
  #legs = 0;
  #acknowledged = 0;
  #idsChecked = 0;
  #windows = 0;
  #settleLagMsMax = 0;
  #rejected = 0;

  constructor(
    options: KillOptions,
    fromSeed: () => () => number,
    kinds: Kinds | null,
    shop: Shop | null,
  ) {
    this.#options = options;
    this.#kinds = kinds;
    this.#shop = shop;
    this.#fromSeed = fromSeed;
    this.#events = fromSeed();
  }

  complain(text: string): void {
    this.#violations.push({ kind: "process", id: `leg ${this.#legs}`, text });
  }

  async through(stack: HurtStack): Promise<KillReport> {
    const startedAtMs = performance.now();
    let evidence: string[] = [];
    try {
      while (!this.#isOver(this.#options.kills)) {
        await this.#leg(stack);
      }
    } catch (error) {
      this.complain((error as Error).message);
    }
    if (this.#violations.length > 0) evidence = await evidenceOf(stack, this.#violations);
    return {
      seed: this.#options.seed,
      kills: this.#kills,
      rounds: this.#rounds,
      legs: this.#legs,
      acknowledged: this.#acknowledged,
      calls: this.#calls,
      idsChecked: this.#idsChecked,
      windows: this.#windows,
      settleLagMsMax: this.#settleLagMsMax,
      kinds: this.#kinds && {
        decided: this.#kinds.decided,
        feeChanges: this.#kinds.feeChanges,
        rejected: this.#rejected,
      },
      webhooks: this.#shop && {
        kills: this.#shop.kills,
        told: this.#shop.told,
        repeated: this.#shop.repeated,
      },
      processors: this.#processors,
      history: { ...this.#history.counted, judged: WHY_NO_GO ?? "by Porcupine" },
      relay: stack.relay.stats,
      durationMs: performance.now() - startedAtMs,
      violations: this.#violations,
      evidence,
    };
  }

  async #leg(stack: HurtStack): Promise<void> {
    const { log } = this.#options;
    const sync = this.#legs % 2 === 0 ? "full" : "normal";
    const faults = this.#legs % 2 === 1 || this.#fromSeed()() < 0.3;
    if (this.#legs % LEGS_PER_JOURNAL === 0) {
      this.#answers = [];
      this.#history.beginAfresh();
      this.#kinds?.beginAfresh();
      this.#shop?.beginAfresh();
      await stack.startAfresh();
      for (const one of stack.atWork) this.#processors[handOf(one)]++;
    }
    this.#legs++;
    const hands = stack.atWork.map((one) => `${one.name} ${handOf(one)}`).join(", ");
    log(`leg ${this.#legs}: JOURNAL_SYNC=${sync}, ${hands}${faults ? ", with faults" : ""}`);
    stack.configure({ JOURNAL_SYNC: sync });
    await stack.startAll();
    stack.relay.trouble = ROUGH;
    const load = await this.#trouble(stack, faults);
    stack.relay.trouble = SMOOTH;
    addCounts(this.#calls, load.calls);
    this.#answers.push(...load.answers);
    this.#acknowledged += idsOf(
      load.answers.filter(({ outcome }) => outcome === "accepted"),
    ).length;
    const statuses = await this.#audit(stack);
    // The file is looked at when nobody holds it any more.
    for (const service of [...stack.apis, stack.worker]) {
      const { complaint } = await drain(service);
      if (complaint !== null) this.complain(complaint);
    }
    this.#violations.push(...auditJournal(stack.journalPath, statuses));
  }

  /** Load, weather and kills together, until the leg has had its kills and shops their answers. */
  async #trouble(stack: HurtStack, faults: boolean): Promise<LoadResult> {
    const { rate, shops, kills } = this.#options;
    const target = Math.min(kills, this.#kills + KILLS_PER_LEG);
    const plannedMs = (target - this.#kills) * PLANNED_MS_PER_KILL;
    const payments = Math.ceil((plannedMs / 1_000) * rate);
    const draw = this.#fromSeed();
    const over = new AbortController();
    const rounds = this.#runRounds(stack, target).finally(() => over.abort());
    const [load] = await Promise.all([
      runLoad({
        gateway: {
          pay: (id, cents) => this.#history.pay(pick(draw, stack.gateways), id, cents),
        },
        submissions: inBursts(
          planSubmissions(this.#fromSeed(), payments, plannedMs, AMOUNT_CENTS_MAX),
        ),
        shops,
        random: draw,
        patienceMs: SHOP_PATIENCE_MS,
        over: over.signal,
      }),
      runWeather(stack.atWork, { random: this.#fromSeed(), faults }, over.signal),
      this.#shop?.runWeather(this.#fromSeed(), over.signal),
      this.#history.watch(stack, this.#fromSeed(), over.signal),
      rounds,
    ]);
    return load;
  }

  async #runRounds(stack: HurtStack, target: number): Promise<void> {
    while (!this.#isOver(target)) {
      const round = drawRound(this.#events, this.#options.pauses);
      await Bun.sleep(round.calmMs);
      const { kills, text, complaints } = await runRound(stack, round);
      this.#kills += kills;
      this.#rounds[round.kind] = (this.#rounds[round.kind] ?? 0) + 1;
      for (const complaint of complaints) this.complain(complaint);
      this.#options.log(`${String(++this.#round).padStart(5)}  ${text}`);
    }
  }

  #isOver(target: number): boolean {
    const { over } = this.#options;
    return this.#kills >= target || this.#violations.length > 0 || over?.aborted === true;
  }

  /** Waits until each has come to its end, those by an operator that nobody else can end. */
  async #untilEnded(
    { gateway }: HurtStack,
    ids: readonly string[],
    msMax: number,
  ): Promise<{ readonly asked: Asked; readonly violations: Finding[] }> {
    const kinds = this.#kinds;
    const asked = await untilSettled(gateway, ids, msMax, kinds?.isAnOperators);
    if (kinds === null) return { asked, violations: [] };
    const { statuses, onceMissing } = asked;
    const left = [...statuses].flatMap(([id, status]) =>
      status !== "missing" && kinds.isAnOperators(id, status) ? [id] : [],
    );
    const violations: Finding[] = [
      ...kinds.auditSent(statuses),
      ...(await kinds.auditLeft(left, statuses)),
    ];
    for (const complaint of await kinds.decide(left)) this.complain(complaint);
    const again = await untilSettled(gateway, left, msMax);
    for (const [id, status] of again.statuses) statuses.set(id, status);
    for (const id of again.onceMissing) onceMissing.add(id);
    return { asked, violations: [...violations, ...kinds.auditSent(statuses)] };
  }

  async #audit(stack: HurtStack): Promise<Statuses> {
    const { settleMsMax, log } = this.#options;
    const ids = idsOf(this.#answers);
    const healedAtMs = performance.now();
    this.#kinds?.healed();
    const { asked, violations } = await this.#untilEnded(stack, ids, settleMsMax);
    const settleLagMs = performance.now() - healedAtMs;
    const random = this.#fromSeed();
    const { gateway, atWork } = stack;
    const collected = await collect(gateway, atWork, this.#answers, asked, random);
    const statuses = collected.statuses as Statuses;
    const mayBeDeclined = this.#kinds === null ? () => false : isDeclined;
    violations.push(
      ...audit({ ...collected, isDeclined: mayBeDeclined }),
      ...((await this.#kinds?.auditMoney(statuses, this.#fromSeed())) ?? []),
      ...(await this.#history.audit(statuses, this.#kinds !== null)),
      ...((await this.#shop?.audit(statuses, stack.workerHttp, settleMsMax)) ?? []),
    );
    this.#violations.push(...violations);
    this.#idsChecked += statuses.size;
    this.#windows += collected.windows.length;
    this.#settleLagMsMax = Math.max(this.#settleLagMsMax, settleLagMs);
    const lag = `settled within ${(settleLagMs / 1_000).toFixed(1)} s`;
    const found = `${violations.length} violations`;
    this.#rejected += rejectedIn(statuses);
    log(`       audit: ${statuses.size} ids, ${lag}, ${found}, ${this.#kills} kills`);
    return statuses;
  }
}

function handOf(processor: Processor): "independent" | "simulated" {
  return processor instanceof IndependentProcessor ? "independent" : "simulated";
}

function rejectedIn(statuses: Statuses): number {
  const all = [...statuses.values()];
  return all.filter((one) => one !== "missing" && one.status === "rejected").length;
}

function inBursts(submissions: readonly Submission[]): Submission[] {
  const atOnce = (atMs: number) => Math.floor(atMs / BURST_MS) * BURST_MS;
  return submissions
    .map((one, i) => (i % 2 === 0 ? one : { ...one, atMs: atOnce(one.atMs) }))
    .sort((a, b) => a.atMs - b.atMs);
}

function idsOf(answers: readonly Answer[]): string[] {
  return [...new Set(answers.map(({ correlationId }) => correlationId))];
}

async function evidenceOf(stack: HurtStack, violations: readonly Finding[]): Promise<string[]> {
  // Nobody holds the journal after this, whatever state they are in.
  await Promise.all(stack.services.map((service) => service.kill()));
  const ids = new Set(violations.map(({ id }) => id).filter((id) => id.length === 36));
  const stories = [...ids].slice(0, STORIES_MAX).map((id) => storyOf(stack.journalPath, id));
  return ["", ...stories, ...lastWordsOf(stack.services, LINES_SHOWN)];
}

/** Ends the process with the drill's exit code, or with 2 and one line when something is missing for it. */
async function killCluster(args: readonly string[]): Promise<never> {
  const tools = await findTools();
  if (typeof tools === "string") {
    process.stderr.write(`${tools}\n`);
    process.exit(2);
  }
  // Ctrl-C reaches it by itself, and it ends in order.
  process.on("SIGINT", () => {});
  const onLine = (line: string) => process.stdout.write(`${line}\n`);
  const inside = new Child({ command: insideCommand(args), session: "ours", onLine });
  inside.start();
  process.exit((await inside.ended).code ?? 1);
}

/** Ends the process as the drill has ended, or with 2 and one line when something is missing for it. */
async function cutPowers(options: PowerOptions): Promise<never> {
  const whyNot = await whyNoTrace();
  if (whyNot !== null) {
    process.stderr.write(`--power: ${whyNot}\n`);
    process.exit(2);
  }
  const report = await cutPower(options);
  process.stdout.write(powerText(report));
  process.exit(report.violations.length === 0 ? 0 : 1);
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  const options = killOptions(args);
  if (options.cluster) await killCluster(args);
  const over = new AbortController();
  process.once("SIGINT", () => over.abort());
  if (options.power) await cutPowers({ ...options, cuts: options.kills, over: over.signal });
  const report = await kill({ ...options, over: over.signal });
  process.stdout.write(reportText(report));
  process.exit(report.violations.length === 0 ? 0 : 1);
}
