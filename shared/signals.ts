/**
 * Hears signals that end a process, from its first moment on: as process 1 of a container a process
 * is not given a signal that it has no handler for. So the handlers are set before anything else is
 * loaded, and what they do changes as the process starts:
 *
 *     starting ── holdSignals ──► held ── drainWith ──► working
 *     exits 0 at once             is drained once it works         drains; a second one exits 1
 *
 * A process that has something to read again does that on SIGHUP, from `onHangup` on, and goes on.
 *
 * A start may be left at any moment until payments are taken: no more is lost than by a power cut.
 */
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
let reread: (() => void) | null = null;

/** Does nothing the second time. */
export function hearSignals(): void {
  if (phase !== null) return;
  phase = { kind: "starting" };
  const ignored = ignoredIn(readFileSync("/proc/self/status", "utf8"));
  for (const signal of ENDING) if (!ignored.has(signal)) process.on(signal, heard);
}

/** Makes a signal wait until there is something that drains. */
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

/** SIGHUP ends nothing from now on; one that was held calls back at once. */
export function onHangup(again: () => void): void {
  reread = again;
  if (phase?.kind !== "held" || phase.heard !== "SIGHUP") return;
  phase.heard = null;
  again();
}

/**
 * Leaves signals alone, for a command that ends by a signal as any program does, or has handlers of
 * its own.
 */
export function leaveSignals(): void {
  for (const signal of ENDING) process.off(signal, heard);
}

function heard(signal: Ending): void {
  if (signal === "SIGHUP" && reread !== null && phase?.kind !== "ending") return reread();
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

/** Reads a process's status: a signal that is ignored at its start is not to end it, as with `nohup`. */
export function ignoredIn(status: string): Set<Ending> {
  const bits = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const bitOf = (signal: Ending) => 1n << BigInt(constants.signals[signal] - 1);
  return new Set(ENDING.filter((signal) => (bits & bitOf(signal)) !== 0n));
}
