import { urlOf } from "../simulator/server.ts";
import type { PlannedWorker } from "./plan.ts";
import type { DevSettings } from "./settings.ts";

const READY_MS_MAX = 60_000;
const ASK_EVERY_MS = 25;

/** Workers that answer over HTTP. */
export async function whoAnswers(workers: readonly PlannedWorker[]): Promise<PlannedWorker[]> {
  const answers = await Promise.all(
    workers.map(({ http }) =>
      fetch(`${http}/livez`, { signal: AbortSignal.timeout(1_000) }).catch(() => null),
    ),
  );
  return workers.filter((_, n) => answers[n] !== null);
}

/** Resolves once an API says that it is ready, which takes an answer of the worker over the link. */
export async function untilApiReady({ HOST, PORT }: DevSettings): Promise<void> {
  const untilMs = performance.now() + READY_MS_MAX;
  while (performance.now() < untilMs) {
    const answer = await fetch(`${urlOf(HOST, PORT)}/readyz`, {
      // A connection kept open would ask the same API of the two every time.
      headers: { connection: "close" },
      signal: AbortSignal.timeout(1_000),
    }).catch(() => null);
    if (answer?.ok) return;
    await Bun.sleep(ASK_EVERY_MS);
  }
  throw new Error(`the APIs were not ready within ${READY_MS_MAX} ms`);
}
