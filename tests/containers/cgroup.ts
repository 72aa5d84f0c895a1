/** Reads what the kernel has counted for a container, from its control groups: either version of them. */
import { readFile } from "node:fs/promises";

const ROOT = "/sys/fs/cgroup";

export type Usage = {
  readonly cpuMs: number;
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledMs: number;
  readonly memoryBytes: number;
  /** Most memory since it was started; null where the kernel does not say. */
  readonly memoryPeakBytes: number | null;
  /** Memory without files that the kernel keeps as long as there is room. */
  readonly anonymousBytes: number;
  readonly outOfMemoryKills: number;
};

type Fields = Readonly<Record<string, number>>;
/** Gives the text of the first file of this name that says `word`; empty when there is none. */
type Find = (name: string, word?: string) => Promise<string>;

/** Reads the container with this full id; its directories are looked up once. */
export function usageReader(containerId: string): () => Promise<Usage> {
  // Version 1 has a directory for each controller, and the drivers of Docker nest them differently.
  const glob = new Bun.Glob(`**/*${containerId}*`);
  const directories = [...glob.scanSync({ cwd: ROOT, onlyFiles: false, absolute: true })];
  if (directories.length === 0) throw new Error(`${containerId} has no control group`);
  const find: Find = async (name, word = "") => {
    for (const directory of directories) {
      const text = await readFile(`${directory}/${name}`, "utf8").catch(() => "");
      if (text !== "" && text.includes(word)) return text;
    }
    return "";
  };
  return async () => {
    const cpu = fieldsOf(await find("cpu.stat", "nr_periods"));
    return "usage_usec" in cpu ? usageFromV2(cpu, find) : usageFromV1(cpu, find);
  };
}

async function usageFromV1(cpu: Fields, find: Find): Promise<Usage> {
  return {
    cpuMs: Number(await find("cpuacct.usage")) / 1e6,
    periods: cpu["nr_periods"] ?? 0,
    throttledPeriods: cpu["nr_throttled"] ?? 0,
    throttledMs: (cpu["throttled_time"] ?? 0) / 1e6,
    memoryBytes: Number(await find("memory.usage_in_bytes")),
    memoryPeakBytes: Number(await find("memory.max_usage_in_bytes")),
    anonymousBytes: fieldsOf(await find("memory.stat", "total_rss"))["total_rss"] ?? 0,
    outOfMemoryKills: fieldsOf(await find("memory.oom_control"))["oom_kill"] ?? 0,
  };
}

async function usageFromV2(cpu: Fields, find: Find): Promise<Usage> {
  const peak = await find("memory.peak");
  return {
    cpuMs: (cpu["usage_usec"] ?? 0) / 1e3,
    periods: cpu["nr_periods"] ?? 0,
    throttledPeriods: cpu["nr_throttled"] ?? 0,
    throttledMs: (cpu["throttled_usec"] ?? 0) / 1e3,
    memoryBytes: Number(await find("memory.current")),
    memoryPeakBytes: peak === "" ? null : Number(peak),
    anonymousBytes: fieldsOf(await find("memory.stat"))["anon"] ?? 0,
    outOfMemoryKills: fieldsOf(await find("memory.events"))["oom_kill"] ?? 0,
  };
}

/** Reads lines of a name and a number. */
function fieldsOf(text: string): Fields {
  const lines = text.trim().split("\n");
  return Object.fromEntries(
    lines.map((line) => line.split(" ")).map(([name = "", value]) => [name, Number(value)]),
  );
}
