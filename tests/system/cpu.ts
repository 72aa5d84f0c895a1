import { readFileSync } from "node:fs";

/** Of the clock that /proc counts in, on every Linux that Bun runs on. */
const TICKS_PER_SECOND = 100;

/** Time that a process has spent on a processor, all its threads together. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The name, in parentheses, may hold anything; what follows it is counted from field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND;
}
