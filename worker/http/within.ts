import { Overdue } from "../../shared/net/overdue.ts";

export const TOO_LATE = Symbol("too late");

export function within<T>(ms: number, promise: Promise<T>): Promise<T | typeof TOO_LATE> {
  const { promise: late, resolve } = Promise.withResolvers<typeof TOO_LATE>();
  const overdue = new Overdue(ms, () => resolve(TOO_LATE));
  return Promise.race([promise, late]).finally(() => overdue.cancel());
}

/**
 * Makes a reader that reads once at a time, however often it is asked: on a disk that answers nothing
 * those that ask wait `ms` each, and one call alone hangs.
 */
export function readerWithin<T>(ms: number, read: () => Promise<T>): Reader<T> {
  let reading: Promise<T> | null = null;
  return () => within(ms, (reading ??= read().finally(() => (reading = null))));
}

type Reader<T> = () => Promise<T | typeof TOO_LATE>;
