/** Asks the worker that runs how it is: the doctor adds nothing to what it says of itself. */
import { originOf } from "../../shared/healthcheck.ts";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import type { Standing } from "../../shared/http-api/standing.ts";
import { ok, warning, wrong, type Finding } from "./finding.ts";

const ANSWER_MS_MAX = 4_000;
const JUDGED = { good: ok, warn: warning, bad: wrong } as const;

export async function judgeRunning(host: string, port: number): Promise<Finding[]> {
  const live = await askJson<LiveSnapshot>(`${originOf(host, port)}/dashboard/live?once`);
  return live === null ? [] : [judgeStanding(live.standing)];
}

/** A worker of an earlier version says nothing of the kind. */
function judgeStanding(standing: Standing | undefined): Finding {
  const name = "the gateway now";
  if (standing === undefined) return warning(name, "this worker is of an earlier version", null);
  return JUDGED[standing.kind](name, standing.text, null);
}

async function askJson<T>(url: string): Promise<T | null> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    const answer = await fetch(url, { signal, proxy: false } as RequestInit);
    return (await answer.json()) as T;
  } catch {
    return null; // It has ended meanwhile, or does not answer: its ports are judged elsewhere.
  }
}
