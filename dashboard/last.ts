/** Tells which processors take payments, and which is the last one: draining that is asked twice. */
import type { LiveLane } from "../shared/http-api/live.ts";

type Lane = Pick<LiveLane, "name" | "mode" | "moved" | "breaker">;

/** A processor that is half-open is tried, and does not stand in for one that works. */
export function isLastThatWorks(lanes: readonly Lane[], name: string): boolean {
  const own = lanes.find((lane) => lane.name === name);
  if (own === undefined || !isUsable(own)) return false;
  return !lanes.some((lane) => lane !== own && isUsable(lane) && isSure(lane));
}

/** True when payments may be sent there, be it on trial. */
export function isUsable({ mode, moved, breaker }: Lane): boolean {
  if (moved) return false;
  return mode === "forced" || (mode === "auto" && breaker !== "open");
}

function isSure({ mode, breaker }: Lane): boolean {
  return mode === "forced" || breaker === "closed";
}
