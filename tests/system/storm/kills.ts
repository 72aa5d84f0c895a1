/** Kills processes by `kill -9`, again and again. */
import { isAlive } from "../../../testing/proc.ts";
import { type ChildName, type Stand } from "../../../testing/stand.ts";
import { pause } from "./weather.ts";

/** Kills one of the processes every `everyMs`, in turn. Gives the number of kills. */
export async function runKills(
  stand: Stand,
  names: readonly ChildName[],
  everyMs: number,
  signal: AbortSignal,
): Promise<number> {
  let kills = 0;
  for (let turn = 0; ; turn++) {
    await pause(everyMs, signal);
    if (signal.aborted) return kills;
    const pid = stand.pidOf(names[turn % names.length] as ChildName);
    if (!isAlive(pid)) continue;
    process.kill(pid, "SIGKILL");
    kills++;
  }
}
