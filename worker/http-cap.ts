/**
 * Bun lets a process make 256 HTTP calls at a time: one hanging processor would hold them all and stop
 * calls to the others. The cap can only be raised in the environment that the process starts in, so a
 * worker that finds it too low replaces itself, same process id, with one that has it: before anything
 * else is loaded, which would have to be loaded again.
 */
import { replaceProgram } from "../shared/signals.ts";

const CAP_NAME = "BUN_CONFIG_MAX_HTTP_REQUESTS";
const CAP_WANTED = 8_192;
const CAP_DEFAULT = 256;
/** Looks and health probes of one processor, beside its charges. */
const OTHER_CALLS = 32;
/** A processor takes 800 calls at a time; looks and calls that were given up need some of them. */
const CHARGES_MAX = 640;

/** Of this very process: what is set later does not count. */
const CAP = Math.floor(Number(process.env[CAP_NAME])) || CAP_DEFAULT;

export async function raiseHttpCap(): Promise<void> {
  const isCommand = process.argv.length > 2;
  if (isCommand || process.env[CAP_NAME] !== undefined) return;
  const env = { ...process.env, [CAP_NAME]: String(CAP_WANTED) };
  // In a compiled binary the program is the binary itself; from source it is Bun with a script.
  const script = Bun.main.startsWith("/$bunfs/") ? [] : [...process.execArgv, Bun.main];
  const args = [process.execPath, ...script, ...process.argv.slice(2)];
  await replaceProgram(process.execPath, args, env);
}

/** Charges in flight at one processor, so that all of them together stay below the process's cap. */
export function callsInFlightMax(processors: number): number {
  return callsWithin(CAP, processors);
}

/** The same for the process that a worker replaces itself with. */
export function callsWanted(processors: number): number {
  return callsWithin(CAP_WANTED, processors);
}

function callsWithin(cap: number, processors: number): number {
  const share = Math.floor(cap / processors) - OTHER_CALLS;
  return Math.max(1, Math.min(CHARGES_MAX, share));
}
