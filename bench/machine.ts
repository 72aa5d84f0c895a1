/** Tells what a figure depends on beside the code. */
import { cpus } from "node:os";
import { run } from "../testing/process.ts";
import { ROOT } from "../testing/programs.ts";
import { sampleSync } from "../commands/doctor/machine.ts";

const WATCH_MS = 500;

export type Machine = {
  readonly cores: number;
  readonly cpu: string;
  readonly bun: string;
  readonly date: string;
  readonly commit: string;
  /** Time to sync a small write to the disk that journals are on, a median. */
  readonly fsyncMs: number;
  /** Share of all cores that others used just before: figures of a busy machine are low. */
  readonly busy: number;
};

export async function describeMachine(directory: string): Promise<Machine> {
  const busy = await busyPart();
  const cores = cpus();
  const sync = sampleSync(directory);
  return {
    cores: cores.length,
    cpu: cores[0]?.model.trim() ?? "unknown",
    bun: Bun.version,
    date: new Date().toISOString(),
    commit: await commit(),
    fsyncMs: typeof sync === "string" ? Number.NaN : sync.p50Ms,
    busy,
  };
}

export function headerOf({
  cores,
  cpu,
  bun,
  date,
  commit: id,
  fsyncMs: ms,
  busy,
}: Machine): string {
  const percent = Math.round(busy * 100);
  return [
    `${cores} cores (${cpu}), Bun ${bun}, ${date}, ${id}`,
    `fdatasync ${ms.toFixed(2)} ms, ${percent} % of the cores busy with something else at the start`,
  ].join("\n");
}

async function busyPart(): Promise<number> {
  const before = coreTimes();
  await Bun.sleep(WATCH_MS);
  const after = coreTimes();
  return 1 - (after.idle - before.idle) / Math.max(1, after.all - before.all);
}

function coreTimes(): { idle: number; all: number } {
  const times = cpus().map((core) => core.times);
  const sumOf = (name: keyof (typeof times)[number]) =>
    times.reduce((sum, one) => sum + one[name], 0);
  const busy = sumOf("user") + sumOf("nice") + sumOf("sys") + sumOf("irq");
  return { idle: sumOf("idle"), all: sumOf("idle") + busy };
}

async function commit(): Promise<string> {
  const git = async (...args: string[]) => {
    const { code, out } = await run(["git", ...args], { cwd: ROOT });
    return code === 0 ? out.trim() : null;
  };
  if (Bun.which("git") === null) return "no commit";
  const id = await git("rev-parse", "--short", "HEAD");
  if (id === null) return "no commit";
  return (await git("status", "--porcelain")) === "" ? id : `${id} and changes`;
}
