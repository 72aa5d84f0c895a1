/** An API passes on 128 questions at a time, and refuses more. */
const CALLS_AT_A_TIME = 32;

/** Gives the results in the order of the items, with a bounded number of calls at a time, begun in that order. */
export async function eachOf<T, R>(
  items: readonly T[],
  call: (item: T) => Promise<R>,
  atATime = CALLS_AT_A_TIME,
): Promise<R[]> {
  const results: R[] = Array.from({ length: items.length });
  let next = 0;
  const caller = async () => {
    while (next < items.length) {
      const at = next++;
      results[at] = await call(items[at] as T);
    }
  };
  await Promise.all(Array.from({ length: atATime }, caller));
  return results;
}
