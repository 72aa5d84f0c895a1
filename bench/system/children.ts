/**
 * The processes that a benchmark starts. All are known here by their id, and none outlives the
 * benchmark: not at its end, not after an error, not after Ctrl-C.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");
/** Ten million settled payments are read before a worker is ready. */
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 8_000;

type Process = Bun.Subprocess<"ignore", "pipe", "inherit">;

export type Ready = Readonly<Record<string, unknown>>;

export type Child = AsyncDisposable & {
  /** The line in which it said that it is ready. */
  readonly ready: Ready;
  /** From the moment it was started to that line. */
  readonly readyMs: number;
  /** User and system time up to now; 0 where there is no /proc. */
  cpuMs(): number;
  /** What is resident now; 0 where there is no /proc. */
  memoryMb(): number;
  stop(): Promise<void>;
};

export type ChildOptions = {
  /** A root entry that has a compiled twin in dist/, or a script of bench/. */
  readonly entry: string;
  readonly dist?: boolean;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
};

const running = new Set<Bun.Subprocess>();

/** At once, whatever they are doing: their journals are thrown away. */
export function killChildren(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Starts a process that says `"msg": "ready"` or "listening" once it serves. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const startMs = performance.now();
  const child = spawn(options);
  const lines = linesOf(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), READY_MS_MAX);
  const ready = await readyLine(lines);
  clearTimeout(timer);
  const readyMs = performance.now() - startMs;
  if (ready === null) throw new Error(`${options.entry} did not start`);
  const rest = drain(lines);
  const stop = async () => {
    const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
    child.kill("SIGTERM");
    await Promise.all([child.exited, rest]);
    clearTimeout(killer);
  };
  return {
    ready,
    readyMs,
    cpuMs: () => cpuMsOf(child.pid),
    memoryMb: () => memoryMbOf(child.pid),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Not a `for await`: leaving one closes the pipe. */
async function readyLine(lines: AsyncGenerator<string>): Promise<Ready | null> {
  for (;;) {
    const line = await lines.next();
    if (line.done === true) return null;
    const said = JSON.parse(line.value) as Ready;
    if (said["msg"] === "ready" || said["msg"] === "listening") return said;
  }
}

/** Runs a process to its end; its last line is its report. */
export async function runChild<T>(options: ChildOptions): Promise<T> {
  const child = spawn(options);
  let last = "";
  for await (const line of linesOf(child)) last = line;
  const exitCode = await child.exited;
  if (exitCode !== 0) throw new Error(`${options.entry} ended with ${exitCode}`);
  return JSON.parse(last) as T;
}

export function isBuilt(): boolean {
  return ["api", "worker", "simulator"].every((name) => existsSync(join(ROOT, "dist", name)));
}

export function commandOf(entry: string, dist: boolean): string[] {
  if (dist) return [join(ROOT, "dist", entry.replace(/\.ts$/, ""))];
  return [process.execPath, join(ROOT, entry)];
}

function spawn({ entry, dist, args = [], env = {} }: ChildOptions): Process {
  const child = Bun.spawn([...commandOf(entry, dist === true), ...args], {
    cwd: ROOT,
    env: { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: "8192", LOG_LEVEL: "info", ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  keep(child);
  return child;
}

/** One more that shall not outlive the benchmark. */
export function keep(child: Bun.Subprocess): void {
  running.add(child);
  void child.exited.then(() => running.delete(child));
}

async function* linesOf(child: Process): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of child.stdout) {
    text += decoder.decode(bytes, { stream: true });
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}

/** A pipe that nobody reads would stop the process once it is full. */
async function drain(lines: AsyncGenerator<string>): Promise<void> {
  for await (const line of lines) {
    const { level = 0 } = JSON.parse(line) as { level?: number };
    if (level >= WARN) process.stderr.write(`${line}\n`);
  }
}
const WARN = 40;

/** Fields 14 and 15 of /proc/PID/stat, in hundredths of a second; the name before them may hold spaces. */
export function cpuMsOf(pid: number): number {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return 0;
  const text = readFileSync(path, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function memoryMbOf(pid: number): number {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return 0;
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(path, "latin1"))?.[1];
  return Number(kilobytes ?? 0) / 1_024;
}
