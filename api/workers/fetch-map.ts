/** Asks a worker for its map; a worker that has none, or says nothing in time, is null. */
import { TABLE } from "../../shared/http-api/table.ts";
import { fetchFrom } from "../../shared/net/fetch.ts";
import { Overdue } from "../../shared/net/overdue.ts";
import { Owners } from "./owners.ts";
import type { Site } from "./sites.ts";

const MAP_MS_MAX = 1_000;

export async function fetchMap({ peer, base }: Site): Promise<Owners | null> {
  const abort = new AbortController();
  const overdue = new Overdue(MAP_MS_MAX, () => abort.abort());
  try {
    const init = { redirect: "manual", timeout: false, signal: abort.signal } as const;
    const answer = await fetchFrom(peer, base + TABLE.cluster.path, init);
    const text = await answer.text();
    return answer.ok ? Owners.of(JSON.parse(text)) : null;
  } catch {
    return null; // It is not there, or it is no worker: another one is asked at the same time.
  } finally {
    overdue.cancel();
  }
}
