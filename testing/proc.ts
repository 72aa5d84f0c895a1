/** Reads what the kernel says about a process, by its id; where there is no /proc nothing is used. */
import { dlopen } from "bun:ffi";
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Kind of a clock that is a process: what its threads have run, whether they still do or not. */
const CPUCLOCK_SCHED = 2;
const NS_PER_S = 1_000_000_000n;

/** User and system time up to now, all threads together, those that have ended too. */
export function cpuMsOf(pid: number): number {
  if (!existsSync(`/proc/${pid}/stat`)) return 0;
  // Seconds and nanoseconds, as clock_getcpuclockid(3) has the kernel count them for a process.
  const time = new BigInt64Array(2);
  // It fails once the process has ended, and leaves nothing then.
  clock().clock_gettime((~pid << 3) | CPUCLOCK_SCHED, time);
  return Number(time[0]! * NS_PER_S + time[1]!) / 1e6;
}

let opened: ReturnType<typeof openClock> | null = null;
const clock = () => (opened ??= openClock());

function openClock() {
  return dlopen("libc.so.6", { clock_gettime: { args: ["i32", "buffer"], returns: "i32" } })
    .symbols;
}

/** The same of a process and all that it has started and that still run. */
export function familyCpuMsOf(pid: number): number {
  const children = tasksOf(pid).flatMap((task) => {
    return textOf(`/proc/${pid}/task/${task}/children`).split(" ").filter(Boolean).map(Number);
  });
  return children.reduce((sum, child) => sum + familyCpuMsOf(child), cpuMsOf(pid));
}

/** Name that the first thread of a process is given here, whatever the process is called. */
export const MAIN_THREAD = "main";
export const ENDED_THREADS = "ended";

/** The same for each kind of its threads, by name; all that have ended are one kind, so that the sum is right. */
export function threadsCpuMsOf(pid: number): Map<string, number> {
  const all = cpuMsOf(pid);
  const threads = byThread(pid, (task) => Number(textOf(`${task}/schedstat`).split(" ")[0]) / 1e6);
  const running = threads.values().reduce((sum, ms) => sum + ms, 0);
  return threads.set(ENDED_THREADS, all - running);
}

/** Counts how often each kind of its threads has fallen asleep of its own accord: so often it has woken up. */
export function threadsWakesOf(pid: number): Map<string, number> {
  const switches = /^voluntary_ctxt_switches:\s*(\d+)$/m;
  return byThread(pid, (task) => Number(switches.exec(textOf(`${task}/status`))?.[1] ?? 0));
}

/** Sums up what the folder of each thread tells, by the threads' names. */
function byThread(pid: number, amountOf: (folder: string) => number): Map<string, number> {
  const amounts = new Map<string, number>();
  for (const task of tasksOf(pid)) {
    const folder = `/proc/${pid}/task/${task}`;
    const name = task === String(pid) ? MAIN_THREAD : textOf(`${folder}/comm`).trim();
    amounts.set(name, (amounts.get(name) ?? 0) + amountOf(folder));
  }
  return amounts;
}

/**
 * CPU time of each kind of thread from one account to a later one, most first. What a thread had taken before it
 * ended moves to those that have: a kind may have less than nothing, and all of them together are right.
 */
export function spentBetween(from: ReadonlyMap<string, number>, to: ReadonlyMap<string, number>) {
  return [...new Set([...from.keys(), ...to.keys()])]
    .map((name) => ({ name, ms: (to.get(name) ?? 0) - (from.get(name) ?? 0) }))
    .toSorted((a, b) => b.ms - a.ms);
}

/**
 * Begins to count for how long anybody on this machine waits for a core or a disk; gives a function that tells
 * it. A promise about time is one for a machine that has both to spare: what was measured may be longer
 * by so much, and by no more than was promised, so that a busy machine excuses not everything. Where the kernel
 * does not count that it is nothing.
 */
export function countBusyTime(): (promisedMs: number) => number {
  const busy = () => stalledMs("cpu") + stalledMs("io");
  const before = busy();
  return (promisedMs) => Math.min(promisedMs, busy() - before);
}

function stalledMs(resource: "cpu" | "io"): number {
  const totalUs = /^some .*total=(\d+)$/m.exec(textOf(`/proc/pressure/${resource}`))?.[1];
  return Number(totalUs ?? 0) / 1_000;
}

/** Resident memory. */
export function memoryMbOf(pid: number): number {
  const status = textOf(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1_024;
}

/** True while a process with this id runs; one that only waits for its parent to notice does not. */
export function isAlive(pid: number): boolean {
  const [state] = statOf(pid);
  return state !== "" && state !== "Z";
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return []; // It has ended just now, or there is no /proc.
  }
}

/** Fields from the third on: the name before them, in parentheses, may hold anything. */
function statOf(pid: number): string[] {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function textOf(path: string): string {
  try {
    return existsSync(path) ? readFileSync(path, "latin1") : "";
  } catch {
    return ""; // It has ended just now.
  }
}
