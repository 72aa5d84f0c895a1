/**
 * Keeps a steady beat. Timers of the event loop have whole milliseconds, which is as long as what is to
 * be measured; a thread that sleeps on a futex keeps time to a tenth of one, without turning a core.
 */
import type { Pace, Paced } from "./pacer-thread.ts";

/** Calls `onBeat` `count` times; it is told how late the beat is. */
export function startPacer(
  ratePerSecond: number,
  count: number,
  onBeat: (lateMs: number) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const thread = new Worker(new URL("./pacer-thread.ts", import.meta.url).href);
  thread.onerror = ({ message }) => reject(new Error(message));
  let left = count;
  thread.onmessage = ({ data: { dueAtMs } }: MessageEvent<Paced>) => {
    onBeat(performance.timeOrigin + performance.now() - dueAtMs);
    if (--left > 0) return;
    thread.terminate();
    resolve();
  };
  thread.postMessage({ intervalMs: 1_000 / ratePerSecond, count } satisfies Pace);
  return promise;
}
