/**
 * Signs that a kill waits for, to come at the worst moment. Each arms a look-out and returns how to
 * disarm it.
 */
import { watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { HurtStack } from "./stack.ts";

export type Sign = (onSign: () => void) => () => void;

/** Bytes of a link frame without payments or verdicts in it. */
const EMPTY_FRAME_BYTES = 33;

/** The worker's database is written to by checkpoints and by nothing else. */
export const checkpointOf = (stack: HurtStack) => writeTo(stack.journalPath);

/** The epoch is the first that a worker writes when it starts. */
export const firstWriteOf = (stack: HurtStack) => writeTo(`${stack.journalPath}-wal`);

/** A verdict has left the worker, and is about to become a 202: what it says must be on disk now. */
export function verdictOf({ relay }: HurtStack): Sign {
  return (onSign) => {
    relay.onDown = (bytes) => {
      if (bytes.length > EMPTY_FRAME_BYTES) onSign();
    };
    return () => (relay.onDown = null);
  };
}

/** A charge has come to a processor: the payment's assignment must be on disk now. */
export function chargeOf(stack: HurtStack): Sign {
  return (onSign) => {
    stack.onCharge = onSign;
    return () => (stack.onCharge = null);
  };
}

function writeTo(path: string): Sign {
  return (onSign) => {
    const name = basename(path);
    const watcher = watch(dirname(path), (_event, changed) => {
      if (changed === name) onSign();
    });
    return () => watcher.close();
  };
}

/** True once the sign has come, false when it did not in time. `atOnce` is called as it comes. */
export async function untilSign(sign: Sign, msMax: number, atOnce = () => {}): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), msMax);
  const disarm = sign(() => {
    atOnce();
    resolve(true);
  });
  const seen = await promise;
  clearTimeout(timer);
  disarm();
  return seen;
}
