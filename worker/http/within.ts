export const TOO_LATE = Symbol("too late");

/** What a promise gives, or `TOO_LATE`. */
export function within<T>(ms: number, promise: Promise<T>): Promise<T | typeof TOO_LATE> {
  const { promise: late, resolve } = Promise.withResolvers<typeof TOO_LATE>();
  const timer = setTimeout(() => resolve(TOO_LATE), ms);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
