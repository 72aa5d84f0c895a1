/** Makes up what the pipeline and its incidents tell. */
import type { Incident } from "../../shared/incidents.ts";
import type { LiveMinute } from "../live.ts";
import type { NewsOfPipeline } from "./history.ts";

export const AT_MS = 1_800_000_000_000;
export const iso = (ms: number) => new Date(ms).toISOString();

export function minuteOf(number: number, more: Partial<LiveMinute> = {}): LiveMinute {
  const counts = { accepted: 5, settled: [3, 0], p50Ms: 1.5, p99Ms: null, open: 2, unknown: 0 };
  return { number, at: iso(AT_MS + number * 60_000), spanMs: 60_000, ...counts, ...more };
}

export function incidentOf(sinceMs: number, more: Partial<Incident> = {}): Incident {
  const about = { kind: "breaker-open", subject: "default", details: { cause: "500" } } as const;
  return { ...about, sinceMs, endedMs: null, times: 1, cost: { refused: 4 }, ...more };
}

export function newsOf(more: Partial<NewsOfPipeline> = {}): NewsOfPipeline {
  const lanes = ["default", "fallback"].map((name) => ({ name })) as never;
  return { lanes, minutes: [], changes: [], incidents: [], news: 0, ...more };
}

export function changeOf(number: number, atMs: number) {
  const about = { processor: "default", cause: "500", from: "closed", to: "open" } as const;
  return { number, at: iso(atMs), upMs: number, kind: "breaker", ...about } as const;
}
