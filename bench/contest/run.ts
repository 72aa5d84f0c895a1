/** Runs one contest, from its preparations to its score. */
import { uuidFrom, seededRandom } from "../../testing/random.ts";
import { auditTimesMs, compare, windowOf, type AuditResult, type Counts } from "./audit.ts";
import { HttpClient } from "./client.ts";
import { Gateway } from "./gateway.ts";
import { lineOf, newsOf } from "./live.ts";
import { Processor } from "./processor.ts";
import { usersAt, type Ramp } from "./ramp.ts";
import { scoreOf, type Score, type Settled } from "./score.ts";
import { strictAudit, type StrictReport } from "./strict.ts";
import { Tally, type Latencies } from "./tally.ts";
import { Users } from "./users.ts";
import { PROCESSOR_NAMES, scheduleOf, type ProcessorName, type Weather } from "./weather.ts";

/** The gateway's last summary reaches this far back beyond the load. */
const MARGIN_MS = 10_000;
const DRAIN_MS_MAX = 30_000;
const DRAIN_POLL_MS = 250;
/** Lists of every payment take longer than a call of the contest may. */
const UNTIMED_MS = 10_000;

export type Site = {
  readonly url: string;
  readonly processors: Readonly<Record<ProcessorName, string>>;
  readonly token: string;
  readonly adminToken: string | null;
};

export type RunOptions = {
  readonly site: Site;
  readonly ramp: Ramp;
  readonly weather: Weather;
  readonly seed: number | null;
  readonly strict: boolean;
  /** True when another contest follows: what is open settles before, so that it is in nobody's way. */
  readonly followed: boolean;
  readonly print: (line: string) => void;
};

export type RunReport = {
  readonly score: Score;
  readonly accepted: number;
  readonly failed: number;
  readonly settled: Readonly<Record<string, Settled>>;
  readonly latencies: Latencies;
  readonly calls: Readonly<Record<string, number>>;
  readonly audits: readonly AuditResult[];
  readonly inconsistencies: number;
  readonly strict: StrictReport | null;
  /** Share of one core that the contest itself took while it ran. */
  readonly ownCpu: number;
};

export async function runContest(options: RunOptions): Promise<RunReport> {
  const { site, ramp } = options;
  const tally = new Tally();
  const gateway = new Gateway(new HttpClient(site.url, tally), site.adminToken);
  const processors = processorsOf(site, (url) => new HttpClient(url, tally));
  for (const processor of processors) await processor.setToken();
  for (const processor of processors) await processor.purge();
  await gateway.purge();

  const random = options.seed === null ? null : seededRandom(options.seed);
  const nextId = random === null ? () => crypto.randomUUID() : () => uuidFrom(random);
  const users = new Users({ url: site.url, ramp, tally, nextId });
  const audits: AuditResult[] = [];
  const live = startLive(options, users);
  const cpu = process.cpuUsage();
  const startedAtMs = performance.now();
  let over = false;
  const at = async (atMs: number, work: () => Promise<void>) => {
    await Bun.sleep(Math.max(0, startedAtMs + atMs - performance.now()));
    if (!over) await work();
  };
  try {
    await Promise.all([
      users.run(),
      ...scheduleOf(options.weather, ramp.durationMs).map(({ atMs, states }) =>
        at(atMs, async () => {
          await Promise.all(
            states.map(([name, state]) => named(processors, name).setWeather(state)),
          );
        }),
      ),
      ...auditTimesMs(ramp.durationMs).map((atMs) =>
        at(atMs, async () => void audits.push(await auditOnce(atMs, gateway, processors))),
      ),
    ]);
    live.stop();
    const nowMs = Date.now();
    const window = { fromMs: nowMs - ramp.durationMs - MARGIN_MS, toMs: nowMs };
    const [settled] = await Promise.all([
      gateway.summary(window),
      ...processors.map((processor) => processor.summary(window)),
    ]);
    const elapsedMs = performance.now() - startedAtMs;
    const { user, system } = process.cpuUsage(cpu);
    const ended = {
      users,
      tally,
      audits: audits.sort((a, b) => a.atMs - b.atMs),
      settled: settled ?? {},
      fees: Object.fromEntries(
        processors.flatMap(({ name, fee }) => (fee === null ? [] : [[name, fee]])),
      ),
      ownCpu: (user + system) / 1_000 / elapsedMs,
    };
    return { ...reportOf(ended), strict: await afterwards(options, users) };
  } finally {
    over = true;
    live.stop();
    users.stop();
    for (const client of [gateway, ...processors]) client.close();
    await heal(site);
  }
}

/** Makes the weather calm, whatever it was; a processor that cannot be told stays as it is. */
export async function heal(site: Site): Promise<void> {
  const processors = processorsOf(site, (url) => new HttpClient(url, null));
  await Promise.allSettled(processors.map((processor) => processor.heal()));
  for (const processor of processors) processor.close();
}

async function auditOnce(
  atMs: number,
  gateway: Gateway,
  processors: readonly Processor[],
): Promise<AuditResult> {
  const window = windowOf(Date.now());
  const [ours, ...theirs] = await Promise.all([
    gateway.summary(window),
    ...processors.map((processor) => processor.summary(window)),
  ]);
  const counts = (sums: Record<string, Settled | null | undefined>): Counts =>
    Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum?.count ?? null]));
  return compare(
    atMs,
    counts(ours ?? { default: null, fallback: null }),
    counts(Object.fromEntries(processors.map(({ name }, i) => [name, theirs[i]]))),
  );
}

type Ended = {
  readonly users: Users;
  readonly tally: Tally;
  readonly audits: readonly AuditResult[];
  readonly settled: Readonly<Record<string, Settled>>;
  readonly fees: Readonly<Record<string, number>>;
  readonly ownCpu: number;
};

function reportOf({ users, tally, audits, settled, fees, ownCpu }: Ended) {
  const inconsistencies = audits.reduce((sum, { difference }) => sum + difference, 0);
  const latencies = tally.latencies();
  const accepted = users.accepted.length;
  return {
    score: scoreOf({ accepted, settled, fees, p99Ms: latencies.p99Ms, inconsistencies }),
    accepted,
    failed: users.failed.length,
    settled,
    latencies,
    calls: tally.calls,
    audits,
    inconsistencies,
    ownCpu,
  };
}

/** Waits in calm weather until what is still open has settled. */
async function afterwards(options: RunOptions, users: Users): Promise<StrictReport | null> {
  const { site, seed, strict, followed } = options;
  const { accepted, failed } = users;
  await heal(site);
  if (followed && !strict) await untilDrained(site, accepted.length);
  if (!strict) return null;
  const processors = processorsOf(site, (url) => new HttpClient(url, null, UNTIMED_MS));
  const random = seededRandom(seed ?? 1);
  const report = await strictAudit({ url: site.url, processors, accepted, failed, random });
  for (const processor of processors) processor.close();
  return report;
}

async function untilDrained(site: Site, accepted: number): Promise<void> {
  const gateway = new Gateway(new HttpClient(site.url, null), null);
  const untilMs = performance.now() + DRAIN_MS_MAX;
  const everything = { fromMs: 0, toMs: Date.now() + DRAIN_MS_MAX };
  while (performance.now() < untilMs) {
    const sums = Object.values((await gateway.summary(everything)) ?? {});
    if (sums.reduce((sum, { count }) => sum + count, 0) >= accepted) break;
    await Bun.sleep(DRAIN_POLL_MS);
  }
  gateway.close();
}

/** Reads live figures by calls that are not the contest's: they are in no figure. */
function startLive({ site, ramp, print }: RunOptions, users: Users) {
  const gateway = new Gateway(new HttpClient(site.url, null), null);
  const startedAtMs = performance.now();
  let stopped = false;
  const show = async (elapsedMs: number) => {
    const latest = newsOf(await gateway.live());
    if (stopped) return;
    print(
      lineOf({
        second: Math.round(elapsedMs / 1_000),
        users: usersAt(elapsedMs, ramp),
        accepted: users.accepted.length,
        failed: users.failed.length,
        news: latest,
      }),
    );
  };
  const timer = setInterval(() => void show(performance.now() - startedAtMs), 1_000);
  const stop = () => {
    stopped = true;
    clearInterval(timer);
    gateway.close();
  };
  return { stop };
}

function processorsOf(site: Site, clientOf: (url: string) => HttpClient): Processor[] {
  return PROCESSOR_NAMES.map(
    (name) => new Processor(name, clientOf(site.processors[name]), site.token),
  );
}

function named(processors: readonly Processor[], name: ProcessorName): Processor {
  return processors.find((processor) => processor.name === name) as Processor;
}
