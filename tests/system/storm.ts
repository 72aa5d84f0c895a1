/**
 * The storm: load with an audit. Payments are posted, repeated and contradicted from many shops while
 * both processors are slowed, failed and healed and processes are killed; then the weather clears up,
 * everything has to settle, and every payment is compared with what shops were told and with what
 * processors have charged.
 */
import { audit, type Violation } from "./audit.ts";
import { GatewayClient } from "../../testing/gateway.ts";
import { ProcessorAdmin } from "../../testing/processor-admin.ts";
import { seededRandom } from "../../testing/random.ts";
import { startStand, type ChildName, type Stand } from "../../testing/stand.ts";
import { collect, untilSettled, type Statuses } from "./storm/collect.ts";
import { auditJournal, storyOf } from "./storm/journal.ts";
import { runKills } from "./storm/kills.ts";
import { runLoad } from "./storm/load.ts";
import { STORM_DEFAULTS, stormOptions, type StormOptions } from "./storm/options.ts";
import { planSubmissions } from "./storm/plan.ts";
import { reportText, type StormReport } from "./storm/report.ts";
import { runWeather } from "./storm/weather.ts";

const AMOUNT_CENTS_MAX = 100_000_000;
/** Longest wait for the last answers, once the weather has cleared up. */
const SHOP_PATIENCE_MS = 30_000;
const STORIES_MAX = 20;

type Site = {
  readonly gateway: GatewayClient;
  readonly processors: readonly ProcessorAdmin[];
  readonly stand: Stand | null;
};

export async function storm(given: Partial<StormOptions>): Promise<StormReport> {
  const options = { ...STORM_DEFAULTS, ...given };
  if (options.target === null) {
    const env = {
      PROCESSOR_TIMEOUT_MS: String(options.processorTimeoutMs),
      PATIENCE_MS: String(options.patienceMs),
    };
    await using stand = await startStand({ env });
    return await stormAt(options, {
      gateway: stand.gateway,
      processors: [stand.preferred, stand.dearer],
      stand,
    });
  }
  const { url, processors } = options.target;
  const site: Site = {
    gateway: new GatewayClient(url),
    processors: Object.entries(processors).map(([name, at]) => new ProcessorAdmin(name, at)),
    stand: null,
  };
  await Promise.all([site.gateway.purge(), ...site.processors.map((each) => each.purge())]);
  return stormAt(options, site);
}

async function stormAt(options: StormOptions, site: Site): Promise<StormReport> {
  const { gateway, processors } = site;
  // Each has a sequence of its own: how long something takes must not change what is drawn
  // elsewhere.
  const seeds = seededRandom(options.seed);
  const [plan, weather, shops, windows] = [0, 0, 0, 0].map(() => seededRandom(seeds() * 2 ** 32));
  const loadMs = (options.payments / options.rate) * 1_000;
  const submissions = planSubmissions(plan!, options.payments, loadMs, AMOUNT_CENTS_MAX);

  const over = AbortSignal.timeout(loadMs);
  const startedAtMs = performance.now();
  const log = (text: string) =>
    options.log(`${((performance.now() - startedAtMs) / 1_000).toFixed(1).padStart(6)} s  ${text}`);
  const [load, kills] = await Promise.all([
    runLoad({
      gateway,
      submissions,
      shops: options.shops,
      random: shops!,
      patienceMs: SHOP_PATIENCE_MS,
    }),
    killing(options, site.stand, over),
    runWeather(processors, { random: weather!, faults: options.faults, log }, over),
  ]);
  log(`${load.answers.length} answers`);

  const quietAtMs = performance.now();
  const ids = [...new Set(load.answers.map(({ correlationId }) => correlationId))];
  const asked = await untilSettled(gateway, ids, options.settleMsMax);
  const settleLagMs = performance.now() - quietAtMs;
  log("settled, or given up; collecting");
  const collected = await collect(gateway, processors, load.answers, asked, windows!);
  const violations = [
    ...audit(collected),
    ...(await afterStopping(site.stand, collected.statuses as Statuses)),
  ];
  return {
    seed: options.seed,
    payments: ids.length,
    load,
    kills,
    settleLagMs,
    collected,
    violations,
    stories: site.stand === null ? [] : storiesOf(site.stand.journalPath, violations),
    log: violations.length > 0 ? (site.stand?.lines ?? []) : [],
  };
}

async function killing(options: StormOptions, stand: Stand | null, over: AbortSignal) {
  const every = async (names: readonly ChildName[], everyMs: number | null) =>
    stand === null || everyMs === null ? 0 : runKills(stand, names, everyMs, over);
  const [worker, api] = await Promise.all([
    every(["worker"], options.killWorkerEveryMs),
    every(["api-1", "api-2"], options.killApiEveryMs),
  ]);
  return { worker, api };
}

/** Reads the journal's file when nobody holds it any more. */
async function afterStopping(stand: Stand | null, statuses: Statuses): Promise<Violation[]> {
  if (stand === null) return [];
  const { code } = await stand.stop();
  const violations = auditJournal(stand.journalPath, statuses);
  if (code === 0) return violations;
  return [...violations, { kind: "answer", id: "dev", text: `it ended with code ${code}` }];
}

function storiesOf(path: string, violations: readonly Violation[]): string[] {
  const ids = new Set(violations.map(({ id }) => id).filter((id) => id.length === 36));
  return [...ids].slice(0, STORIES_MAX).map((id) => storyOf(path, id));
}

if (import.meta.main) {
  const report = await storm(stormOptions(process.argv.slice(2)));
  process.stdout.write(reportText(report));
  process.exitCode = report.violations.length === 0 ? 0 : 1;
}
