/**
 * Tries several ways to the same end beside each other: the next begins a while after the one before,
 * or at once when that has failed, so that a silent one costs no more than the while, and each has all
 * the time that there is.
 */
import { Overdue } from "./overdue.ts";

export type Rules<V> = {
  readonly nextAfterMs: number;
  /** True for a failure after which no other way begins. */
  readonly isFinal: (error: unknown) => boolean;
  /** Disposes of what comes about beside the first. */
  readonly discard: (other: V) => void;
};

/** Gives what comes about first of one way or more. Rejects with the last failure. */
export function firstOf<W, V>(
  ways: readonly W[],
  attempt: (way: W) => Promise<V>,
  { nextAfterMs, isFinal, discard }: Rules<V>,
): Promise<V> {
  const { promise, resolve, reject } = Promise.withResolvers<V>();
  const waiting = [...ways];
  let underWay = 0;
  let isOver = false;
  let pause: Overdue | null = null;

  const begin = () => {
    pause?.cancel();
    underWay += 1;
    attempt(waiting.shift() as W).then(succeeded, failed);
    if (waiting.length > 0) pause = new Overdue(nextAfterMs, begin);
  };
  const succeeded = (value: V) => {
    if (isOver) return discard(value);
    isOver = true;
    pause?.cancel();
    resolve(value);
  };
  const failed = (error: unknown) => {
    underWay -= 1;
    if (isOver) return;
    if (isFinal(error)) waiting.length = 0;
    if (waiting.length > 0) return begin();
    pause?.cancel();
    if (underWay === 0) reject(error as Error);
  };
  begin();
  return promise;
}
