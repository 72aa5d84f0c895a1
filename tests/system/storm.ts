/**
 * The storm: load with an audit, over `dev` and its processes. Payments are posted, repeated and
 * contradicted from many shops while both processors are slowed, failed and healed and processes are
 * killed; then the weather clears up, everything has to settle, and every payment is compared with what
 * shops were told and with what processors have charged.
 */
import { apiSettings } from "../../api/settings.ts";
import { audit, type Collected, type Violation } from "./audit.ts";
import { seededRandom } from "../../testing/random.ts";
import { startStand, type ChildName, type Stand } from "../../testing/stand.ts";
import { collect, untilSettled, type Statuses } from "./storm/collect.ts";
import { auditJournal, storyOf } from "./storm/journal.ts";
import { runKills } from "./storm/kills.ts";
import { runLoad, type LoadResult } from "./storm/load.ts";
import { planSubmissions } from "./storm/plan.ts";
import { runWeather } from "./storm/weather.ts";

export type StormOptions = {
  readonly payments: number;
  readonly seed: number;
  /** Payments a second. */
  readonly rate: number;
  /** True adds to delays and failures: lost answers, resets, errors with and without an insert, hangs. */
  readonly faults?: boolean;
  /** Spans between two `kill -9`; without one none is killed. */
  readonly killWorkerEveryMs?: number;
  readonly killApiEveryMs?: number;
};

export type StormReport = {
  readonly load: LoadResult;
  readonly kills: { readonly worker: number; readonly api: number };
  readonly collected: Collected;
  readonly violations: readonly Violation[];
  /** Stories of the payments in question, and the last lines of the processes. */
  readonly evidence: readonly string[];
};

const SHOPS = 96;
const AMOUNT_CENTS_MAX = 100_000_000;
/** Patience is short, so that both processors are used. */
const SETTINGS = {
  PROCESSOR_TIMEOUT_MS: "1500",
  PATIENCE_MS: "2000",
  ACK_TIMEOUT_MS: apiSettings.ACK_TIMEOUT_MS.default,
};
/** Longest wait for the last answers, and then until all is settled, once the weather has cleared up. */
const SHOP_PATIENCE_MS = 30_000;
const SETTLE_MS_MAX = 90_000;
const STORIES_MAX = 20;
const LINES_SHOWN = 100;

export async function storm(options: StormOptions): Promise<StormReport> {
  await using stand = await startStand({ env: SETTINGS });
  const { gateway, preferred, dearer } = stand;
  const processors = [preferred, dearer];
  // Each has a sequence of its own: how long something takes must not change what is drawn
  // elsewhere.
  const seeds = seededRandom(options.seed);
  const [plan, weather, shops, windows] = [0, 0, 0, 0].map(() => seededRandom(seeds() * 2 ** 32));
  const loadMs = (options.payments / options.rate) * 1_000;
  const over = AbortSignal.timeout(loadMs);
  const [load, kills] = await Promise.all([
    runLoad({
      gateway,
      submissions: planSubmissions(plan!, options.payments, loadMs, AMOUNT_CENTS_MAX),
      shops: SHOPS,
      random: shops!,
      patienceMs: SHOP_PATIENCE_MS,
    }),
    killing(options, stand, over),
    runWeather(processors, { random: weather!, faults: options.faults === true }, over),
  ]);
  const ids = [...new Set(load.answers.map(({ correlationId }) => correlationId))];
  const asked = await untilSettled(gateway, ids, SETTLE_MS_MAX);
  const collected = await collect(gateway, processors, load.answers, asked, windows!);
  const violations = [
    ...audit(collected),
    ...(await afterStopping(stand, collected.statuses as Statuses)),
  ];
  return { load, kills, collected, violations, evidence: evidenceOf(stand, violations) };
}

async function killing(
  { killWorkerEveryMs, killApiEveryMs }: StormOptions,
  stand: Stand,
  over: AbortSignal,
) {
  const every = async (names: readonly ChildName[], everyMs?: number) =>
    everyMs === undefined ? 0 : runKills(stand, names, everyMs, over);
  const [worker, api] = await Promise.all([
    every(["worker"], killWorkerEveryMs),
    every(["api-1", "api-2"], killApiEveryMs),
  ]);
  return { worker, api };
}

/** Reads the journal's file when nobody holds it any more. */
async function afterStopping(stand: Stand, statuses: Statuses): Promise<Violation[]> {
  const { code } = await stand.stop();
  const violations = auditJournal(stand.journalPath, statuses);
  if (code === 0) return violations;
  return [...violations, { kind: "answer", id: "dev", text: `it ended with code ${code}` }];
}

function evidenceOf({ journalPath, lines }: Stand, violations: readonly Violation[]): string[] {
  if (violations.length === 0) return [];
  const ids = new Set(violations.map(({ id }) => id).filter((id) => id.length === 36));
  const stories = [...ids].slice(0, STORIES_MAX).map((id) => storyOf(journalPath, id));
  return ["in the journal:", ...stories, "last lines:", ...lines.slice(-LINES_SHOWN)];
}
