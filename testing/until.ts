const ASK_EVERY_MS = 10;

/** Resolves to how long it took, in milliseconds; throws when it is still not so after `msMax`. */
export async function until(
  what: string,
  msMax: number,
  isSo: () => boolean | Promise<boolean>,
): Promise<number> {
  const startedAtMs = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedAtMs > msMax) throw new Error(`not within ${msMax} ms: ${what}`);
    await Bun.sleep(ASK_EVERY_MS);
  }
  return performance.now() - startedAtMs;
}
