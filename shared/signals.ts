/**
 * Signals that end a process, from its first moment on: as process 1 of a container a process is not
 * given a signal that it has no handler for. So the handlers are set before anything else is loaded,
 * and what they do changes as the process starts:
 *
 *     starting ── holdSignals ──► held ── drainWith ──► working
 *     exits 0 at once             is drained once it works         drains; a second one exits 1
 *
 * A start may be left at any moment until payments are taken: no more is lost than by a power cut.
 */
import { dlopen, ptr } from "bun:ffi";
import { readFileSync } from "node:fs";
import { constants } from "node:os";

const ENDING = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
type Ending = (typeof ENDING)[number];
type Phase =
  | { readonly kind: "starting" }
  | { readonly kind: "held"; heard: Ending | null }
  | { readonly kind: "working"; readonly drain: (signal: Ending) => void }
  | { readonly kind: "ending" };

let phase: Phase | null = null;

/** Does nothing the second time. */
export function hearSignals(): void {
  if (phase !== null) return;
  phase = { kind: "starting" };
  const status = readFileSync("/proc/self/status", "utf8");
  const ignored = signalsIn(status, "SigIgn");
  for (const signal of ENDING) if (!ignored.has(signal)) process.on(signal, heard);
  // By whoever this process was before it replaced itself.
  if (signalsIn(status, "SigBlk").size > 0) mask(SIG_UNBLOCK);
}

/**
 * Replaces the program of this process by another. A signal that has come is acted on first; one that
 * comes meanwhile waits for the other program to hear signals. `process.execve` would let it through.
 */
export async function replaceProgram(
  path: string,
  args: readonly string[],
  env: Record<string, string | undefined>,
): Promise<void> {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value ?? ""}`);
  const [argv, envp] = [stringsOf(args), stringsOf(variables)];
  mask(SIG_BLOCK);
  await new Promise(setImmediate);
  libc()?.execve(Buffer.from(`${path}\0`), argv.pointers, envp.pointers);
  // Where there is no glibc under that name, or it failed.
  process.execve?.(path, [...args], env as Record<string, string>);
}

/** From here on a signal waits until there is something that drains. */
export function holdSignals(): void {
  phase = { kind: "held", heard: null };
}

/** `drain` is called once, with the first signal, which may have come already. */
export function drainWith(drain: (signal: string) => void): void {
  hearSignals();
  const early = phase?.kind === "held" ? phase.heard : null;
  phase = { kind: "working", drain };
  if (early !== null) heard(early);
}

/** For a command, which ends by a signal as any program does, or has handlers of its own. */
export function leaveSignals(): void {
  for (const signal of ENDING) process.off(signal, heard);
}

function heard(signal: Ending): void {
  switch (phase?.kind) {
    case "held":
      if (phase.heard !== null) process.exit(1);
      phase.heard = signal;
      return;
    case "working": {
      const { drain } = phase;
      phase = { kind: "ending" };
      return drain(signal);
    }
    case "ending":
      return process.exit(1);
    default:
      return process.exit(0);
  }
}

/** Of a process's status; what is ignored at its start is not to end it, as `nohup` has it. */
export function signalsIn(status: string, field: "SigIgn" | "SigBlk"): Set<Ending> {
  const bits = BigInt(
    `0x${new RegExp(`^${field}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0"}`,
  );
  return new Set(ENDING.filter((signal) => (bits & bitOf(signal)) !== 0n));
}

function bitOf(signal: Ending): bigint {
  return 1n << BigInt(constants.signals[signal] - 1);
}

const SIG_BLOCK = 0;
const SIG_UNBLOCK = 1;
/** A `sigset_t`. */
const SET_BYTES = 128;

function mask(how: typeof SIG_BLOCK | typeof SIG_UNBLOCK): void {
  const set = new BigUint64Array(SET_BYTES / 8);
  for (const signal of ENDING) set[0]! |= bitOf(signal);
  libc()?.pthread_sigmask(how, ptr(set), null);
}

/** As C has them; the texts have to live as long as the pointers. */
function stringsOf(texts: readonly string[]) {
  const held = texts.map((text) => Buffer.from(`${text}\0`));
  return { held, pointers: new BigUint64Array([...held.map((bytes) => BigInt(ptr(bytes))), 0n]) };
}

/** Null where there is no glibc under that name. */
function libc() {
  try {
    return dlopen("libc.so.6", {
      pthread_sigmask: { args: ["i32", "ptr", "ptr"], returns: "i32" },
      execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
    }).symbols;
  } catch {
    return null;
  }
}
