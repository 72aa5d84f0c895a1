import { Overdue } from "../../shared/net/overdue.ts";

export const TOO_LATE = Symbol("too late");

/** Gives what a promise gives, or `TOO_LATE`. */
export function within<T>(ms: number, promise: Promise<T>): Promise<T | typeof TOO_LATE> {
  const { promise: late, resolve } = Promise.withResolvers<typeof TOO_LATE>();
  const overdue = new Overdue(ms, () => resolve(TOO_LATE));
  return Promise.race([promise, late]).finally(() => overdue.cancel());
}
