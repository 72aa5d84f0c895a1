/** Tells what a figure depends on beside the code. */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { run } from "../testing/process.ts";
import { ROOT } from "../testing/programs.ts";
import { median } from "./benchmark.ts";

const SYNCS = 50;
const WATCH_MS = 500;

export type Machine = {
  readonly cores: number;
  readonly cpu: string;
  readonly bun: string;
  readonly date: string;
  readonly commit: string;
  /** Time to sync one page to the disk that journals are on, a median. */
  readonly fsyncMs: number;
  /** Share of all cores that others used just before: figures of a busy machine are low. */
  readonly busy: number;
};

export async function describeMachine(directory: string): Promise<Machine> {
  const busy = await busyPart();
  const cores = cpus();
  return {
    cores: cores.length,
    cpu: cores[0]?.model.trim() ?? "unknown",
    bun: Bun.version,
    date: new Date().toISOString(),
    commit: await commit(),
    fsyncMs: fsyncMs(directory),
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
  let idle = 0;
  let all = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    all += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { idle, all };
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

function fsyncMs(directory: string): number {
  const file = openSync(join(directory, "fsync"), "w");
  const page = new Uint8Array(4_096);
  const spans = Array.from({ length: SYNCS }, () => {
    const startMs = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - startMs;
  });
  closeSync(file);
  return median(spans);
}
