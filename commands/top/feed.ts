/** The worker's live figures, event by event, over a connection that is made again when it is lost. */
import { setTimeout as pause } from "node:timers/promises";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import { fetchFrom } from "../../shared/net/fetch.ts";
import { Overdue } from "../../shared/net/overdue.ts";
import { peerAt, type Peer } from "../../shared/net/peer.ts";
import { EventReader } from "./events.ts";

/** An event comes every second. */
const SILENCE_MS_MAX = 5_000;
const RETRY_MS = { first: 250, max: 4_000 };
const ONCE_MS_MAX = 5_000;

export type Watcher = {
  readonly onSnapshot: (snapshot: LiveSnapshot) => void;
  readonly onLoss: (reason: string) => void;
};

/** Gives one answer as it came. Throws with one line. */
export async function once(url: string): Promise<string> {
  try {
    const signal = AbortSignal.timeout(ONCE_MS_MAX);
    const init = { signal, proxy: false } as RequestInit;
    const response = await fetch(`${url}/dashboard/live?once`, init);
    if (response.ok) return await response.text();
    throw new Error(`it answered ${response.status}`);
  } catch (error) {
    throw new Error(`no live figures from ${url}: ${reasonOf(error)}`, { cause: error });
  }
}

export async function follow(url: string, watcher: Watcher, end: AbortSignal): Promise<void> {
  const worker = peerAt(url);
  let waitMs = RETRY_MS.first;
  while (!end.aborted) {
    try {
      await stream(worker, end, (snapshot) => {
        waitMs = RETRY_MS.first;
        watcher.onSnapshot(snapshot);
      });
      if (!end.aborted) watcher.onLoss("the worker ended it");
    } catch (error) {
      if (!end.aborted) watcher.onLoss(reasonOf(error));
    }
    await pause(waitMs, null, { signal: end }).catch(() => {});
    waitMs = Math.min(RETRY_MS.max, waitMs * 2);
  }
}

async function stream(
  worker: Peer,
  end: AbortSignal,
  onSnapshot: (snapshot: LiveSnapshot) => void,
): Promise<void> {
  const silence = new AbortController();
  const giveUp = () => silence.abort(new Error(`nothing for ${SILENCE_MS_MAX / 1_000} s`));
  let silent = new Overdue(SILENCE_MS_MAX, giveUp);
  try {
    const signal = AbortSignal.any([end, silence.signal]);
    const headers = new Headers({ accept: "text/event-stream" });
    const response = await fetchFrom(worker, "/dashboard/live", { signal, headers });
    if (!response.ok || response.body === null) throw new Error(`it answered ${response.status}`);
    const events = new EventReader();
    for await (const bytes of response.body) {
      silent.cancel();
      silent = new Overdue(SILENCE_MS_MAX, giveUp);
      for (const data of events.push(bytes)) onSnapshot(JSON.parse(data) as LiveSnapshot);
    }
  } finally {
    silent.cancel();
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as Error & { code?: unknown };
  return typeof code === "string" ? code : message;
}
