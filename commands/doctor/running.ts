/** Asks the worker that runs how it is: the doctor adds nothing to what it says of itself. */
import { systemClock } from "../../shared/clock.ts";
import { originOf } from "../../shared/healthcheck.ts";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import type { Readiness } from "../../shared/http-api/readiness.ts";
import type { Standing } from "../../shared/http-api/standing.ts";
import { openTrialClient } from "../../shared/link.ts";
import { createLog } from "../../shared/log.ts";
import type { WorkerSettings } from "../../worker/settings.ts";
import { ok, warning, wrong, type Finding } from "./finding.ts";

const ANSWER_MS_MAX = 4_000;
/** A probe leaves at once, and another one a second later. */
const LINK_ANSWER_MS_MAX = 1_500;
const LOOK_EVERY_MS = 10;
const JUDGED = { good: ok, warn: warning, bad: wrong } as const;
const SAME =
  "LINK_SECRET=…  # the same for worker and APIs; start again whoever has another one; or was this started without the worker's settings (--config)?";

type Place = Pick<
  WorkerSettings,
  "HTTP_HOST" | "HTTP_PORT" | "LINK_HOST" | "LINK_PORT" | "LINK_SECRET"
>;

export async function judgeRunning(settings: Place): Promise<Finding[]> {
  const { HTTP_HOST, HTTP_PORT } = settings;
  const origin = originOf(HTTP_HOST, HTTP_PORT);
  const live = await askJson<LiveSnapshot>(`${origin}/dashboard/live?once`);
  const ready = await askJson<Readiness>(`${origin}/readyz?verbose`);
  return [
    ...(live === null ? [] : [judgeStanding(live.standing)]),
    ...judgeStrangers(ready),
    await judgeLink(settings),
  ];
}

/** A worker of an earlier version says nothing of the kind. */
function judgeStanding(standing: Standing | undefined): Finding {
  const name = "the gateway now";
  if (standing === undefined) return warning(name, "this worker is of an earlier version", null);
  return JUDGED[standing.kind](name, standing.text, null);
}

function judgeStrangers(ready: Partial<Readiness> | null): Finding[] {
  const found = (ready?.warnings ?? []).filter(({ code }) => code === "link-secret");
  return found.map(({ detail }) => wrong("secrets of APIs", detail, SAME));
}

/** The worker answers a frame of this secret, or it has another one. */
async function judgeLink({ LINK_HOST, LINK_PORT, LINK_SECRET }: Place): Promise<Finding> {
  const name = "LINK_SECRET at the worker";
  const host = new URL(originOf(LINK_HOST, LINK_PORT)).hostname.replaceAll(/[[\]]/g, "");
  const settings = {
    WORKER_LINK: { host, port: LINK_PORT },
    LINK_SECRET,
    ACK_TIMEOUT_MS: LINK_ANSWER_MS_MAX,
  };
  try {
    const link = await openTrialClient(settings, systemClock, createLog("doctor", "silent"));
    const untilMs = performance.now() + LINK_ANSWER_MS_MAX;
    while (!link.answering && performance.now() < untilMs) await Bun.sleep(LOOK_EVERY_MS);
    const { answering } = link;
    link.close();
    if (answering) return ok(name, `${host}:${LINK_PORT} answers frames that are made with it`);
  } catch (error) {
    return wrong(name, (error as Error).message, SAME);
  }
  const figure = `the worker that runs does not answer frames that are made with it, at ${host}:${LINK_PORT}`;
  return wrong(name, figure, SAME);
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
