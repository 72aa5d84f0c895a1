/**
 * Reads the CPU profiles that Bun writes when a process ends, and tells which part of the gateway each sample
 * belongs to: that of the innermost function of ours under way, so that what a call costs the kernel or SQLite
 * counts for the part that made it. Nothing is sampled while the engine waits or runs no code of ours at all.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";

type Profile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds from each sample to the next, and since 1970 at the first. */
  readonly timeDeltas: readonly number[];
  readonly startTime: number;
};

/** First rule that fits a file and the innermost function, which may be the engine's own. */
const PARTS: readonly (readonly [part: string, file: RegExp, leaf?: RegExp])[] = [
  ["link: send", /shared\/link\//, /^send/],
  ["link: the rest", /shared\/link\/|msgpackr|api\/workers/],
  ["calls to processors: write", /shared\/http\/connection/, /^write$/],
  [
    "calls to processors: the rest",
    /shared\/http\/(connection|pool|answer)|worker\/processor|dial/,
  ],
  ["journal", /worker\/journal/],
  ["metrics", /prom-client|telemetry|api\/metrics/],
  ["requests and answers", /api\/|shared\/http\/|shared\/payment\.ts|shared\/problem/],
  ["pipeline", /worker\/(pipeline|router|ledger|payment|queue|lane|standing)/],
  ["ticks and the rest of ours", /./],
];
const BUN_ITSELF = "Bun without a function of ours";

/** The environment that has a process of Bun's write its profile into the folder. */
export function profiledInto(folder: string): Record<string, string> {
  return { BUN_OPTIONS: `--cpu-prof --cpu-prof-interval=250 --cpu-prof-dir=${folder}` };
}

/**
 * Gives the share of each part in a process's main thread, between two instants; none when it was not sampled
 * in between.
 */
export async function sharesOf(
  folder: string,
  pid: number,
  [fromMs, toMs]: readonly [number, number],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let all = 0;
  for (const file of readdirSync(folder)) {
    // CPU.date.time.pid.thread.number.cpuprofile
    if (!file.includes(`.${pid}.0.`)) continue;
    const profile = (await Bun.file(join(folder, file)).json()) as Profile;
    const partAt = partsOf(profile);
    let atUs = profile.startTime;
    for (const [at, sample] of profile.samples.entries()) {
      atUs += profile.timeDeltas[at]!;
      if (atUs < fromMs * 1_000 || atUs > toMs * 1_000) continue;
      const part = partAt.get(sample) ?? BUN_ITSELF;
      counts.set(part, (counts.get(part) ?? 0) + 1);
      all++;
    }
  }
  return new Map([...counts].map(([part, count]) => [part, count / all]));
}

function partsOf({ nodes }: Profile): Map<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parentOf = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  return new Map(
    nodes.map(({ id, callFrame: { functionName: leaf } }) => {
      let at: number | undefined = id;
      while (at !== undefined && !isOurs(byId.get(at)!.callFrame.url)) at = parentOf.get(at);
      return [id, at === undefined ? BUN_ITSELF : partOf(byId.get(at)!.callFrame.url, leaf)];
    }),
  );
}

function isOurs(url: string): boolean {
  return /\/(api|worker|shared|node_modules)[/.]/.test(url);
}

function partOf(url: string, leaf: string): string {
  const path = url.slice(url.search(/\/(api|worker|shared|node_modules)[/.]/));
  return PARTS.find(([, file, own = /^/]) => file.test(path) && own.test(leaf))![0];
}
