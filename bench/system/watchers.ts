/** Open dashboards: event streams of the worker, each read to the last byte. */
import type { Checks } from "../benchmark.ts";
import type { BenchStack } from "./stack.ts";

export type Watchers = {
  /** Ends all of them, after checking that each was told something every second. */
  end(checks: Checks): Promise<void>;
};

export async function watch({ workerHttp }: BenchStack, count: number): Promise<Watchers> {
  const abort = new AbortController();
  const startedAtMs = performance.now();
  const readers = await Promise.all(
    Array.from({ length: count }, async () => {
      const answer = await fetch(`${workerHttp.url}/dashboard/live`, { signal: abort.signal });
      if (!answer.ok || answer.body === null) throw new Error(`a stream answers ${answer.status}`);
      return { events: 0, ended: null as Promise<void> | null, body: answer.body };
    }),
  );
  for (const reader of readers) reader.ended = read(reader);
  return {
    async end(checks) {
      const seconds = (performance.now() - startedAtMs) / 1_000;
      abort.abort();
      await Promise.all(readers.map(({ ended }) => ended));
      const fewest = Math.min(...readers.map(({ events }) => events));
      // The last event may be under way.
      const isCurrent = fewest >= Math.floor(seconds) - 1;
      checks.equal("every dashboard was kept up to date", isCurrent, true);
    },
  };
}

async function read(reader: { events: number; body: ReadableStream<Uint8Array> }): Promise<void> {
  const decoder = new TextDecoder();
  try {
    for await (const bytes of reader.body) {
      reader.events += decoder.decode(bytes).split("event: live\n").length - 1;
    }
  } catch {
    // It was ended by this side.
  }
}
