/** Tells whether payments would have nowhere to go without a processor: draining it is asked twice then. */
import type { LiveLane } from "../shared/http-api/live.ts";

type Lane = Pick<LiveLane, "name" | "mode" | "moved" | "breaker">;

/** A processor that is half-open is tried, and does not stand in for one that works. */
export function isLastThatWorks(lanes: readonly Lane[], name: string): boolean {
  const own = lanes.find((lane) => lane.name === name);
  if (own === undefined || !isTaking(own)) return false;
  return !lanes.some((lane) => lane !== own && isTaking(lane) && isSure(lane));
}

function isTaking({ mode, moved, breaker }: Lane): boolean {
  if (moved) return false;
  return mode === "forced" || (mode === "auto" && breaker !== "open");
}

function isSure({ mode, breaker }: Lane): boolean {
  return mode === "forced" || breaker === "closed";
}
