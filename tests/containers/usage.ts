/**
 * Measures what each container takes while a command runs, from the kernel's own figures. It is run
 * by hand, as root, beside a stack that is up:
 *
 *     bun tests/containers/usage.ts bun run contest
 */
import { usageReader, type Usage } from "./cgroup.ts";

const SAMPLE_MS = 250;

type Container = {
  readonly id: string;
  readonly service: string;
  /** Share of one core; 0 without a limit. */
  readonly cpuLimit: number;
  readonly memoryLimitBytes: number;
};

/** A run, added up from samples: a container that is started again counts from 0. */
type Spent = {
  cpuMs: number;
  periods: number;
  throttledPeriods: number;
  throttledMs: number;
  outOfMemoryKills: number;
  /** The busiest sample, as a share of one core. */
  cpuMost: number;
  memoryMostBytes: number;
  anonymousMostBytes: number;
};
const ADDED = ["cpuMs", "periods", "throttledPeriods", "throttledMs", "outOfMemoryKills"] as const;

class Meter {
  readonly container: Container;
  readonly spent: Spent = {
    cpuMs: 0,
    periods: 0,
    throttledPeriods: 0,
    throttledMs: 0,
    outOfMemoryKills: 0,
    cpuMost: 0,
    memoryMostBytes: 0,
    anonymousMostBytes: 0,
  };
  readonly #read: () => Promise<Usage>;
  #last: { readonly usage: Usage; readonly atMs: number } | null = null;

  constructor(container: Container) {
    this.container = container;
    this.#read = usageReader(container.id);
  }

  async sample(): Promise<void> {
    const usage = await this.#read();
    const atMs = performance.now();
    const { spent } = this;
    spent.memoryMostBytes = Math.max(spent.memoryMostBytes, usage.memoryBytes);
    spent.anonymousMostBytes = Math.max(spent.anonymousMostBytes, usage.anonymousBytes);
    if (this.#last !== null) {
      const before = this.#last.usage;
      for (const name of ADDED) spent[name] += Math.max(0, usage[name] - before[name]);
      const cpu = (usage.cpuMs - before.cpuMs) / (atMs - this.#last.atMs);
      spent.cpuMost = Math.max(spent.cpuMost, cpu);
    }
    this.#last = { usage, atMs };
  }
}

/** Gives the meters of all containers that a compose file has started, after `work` is done. */
export async function measure<T>(work: () => Promise<T>, env: Record<string, string> = {}) {
  const meters = (await composeContainers(env)).map((container) => new Meter(container));
  const sample = () => Promise.all(meters.map((meter) => meter.sample()));
  await sample();
  const startedAtMs = performance.now();
  const timer = setInterval(() => void sample(), SAMPLE_MS);
  const result = await work();
  clearInterval(timer);
  await sample();
  return { meters, elapsedMs: performance.now() - startedAtMs, result };
}

async function composeContainers(env: Record<string, string>): Promise<Container[]> {
  const docker = (...args: string[]) =>
    Bun.$`docker ${args}`.env({ ...process.env, ...env }).text();
  const filter = ["--filter", "label=com.docker.compose.service"];
  const ids = (await docker("ps", "--no-trunc", "--quiet", ...filter)).split("\n").filter(Boolean);
  if (ids.length === 0) throw new Error("no container of a compose file is running");
  const inspected = JSON.parse(await docker("inspect", ...ids)) as {
    Id: string;
    Config: { Labels: Record<string, string> };
    HostConfig: { NanoCpus: number; Memory: number };
  }[];
  return inspected
    .map(({ Id, Config, HostConfig }) => ({
      id: Id,
      service: Config.Labels["com.docker.compose.service"] ?? Id,
      cpuLimit: HostConfig.NanoCpus / 1e9,
      memoryLimitBytes: HostConfig.Memory,
    }))
    .sort((a, b) => a.service.localeCompare(b.service));
}

function usageTable(meters: readonly Meter[], elapsedMs: number): string {
  const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  const rows = meters.map(({ container, spent }) => [
    container.service,
    container.cpuLimit.toFixed(2),
    (spent.cpuMs / elapsedMs).toFixed(3),
    spent.cpuMost.toFixed(2),
    `${spent.throttledPeriods} of ${spent.periods}`,
    `${spent.throttledMs.toFixed(0)} ms, ${((spent.throttledMs / elapsedMs) * 100).toFixed(2)} %`,
    megabytes(container.memoryLimitBytes),
    megabytes(spent.memoryMostBytes),
    megabytes(spent.anonymousMostBytes),
    String(spent.outOfMemoryKills),
  ]);
  const lines = [HEADER, HEADER.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |\n`);
  return lines.join("");
}

const HEADER = [
  "container",
  "CPU limit",
  "CPU used",
  "busiest 0.25 s",
  "throttled periods",
  "throttled time",
  "memory limit, MB",
  "most, MB",
  "without files, MB",
  "killed for memory",
];

if (import.meta.main) {
  const command = process.argv.slice(2);
  const run = () => Bun.spawn(command, { stdio: ["inherit", "inherit", "inherit"] }).exited;
  const { meters, elapsedMs, result } = await measure(run);
  process.stdout.write(`\n${usageTable(meters, elapsedMs)}`);
  process.exitCode = result;
}
