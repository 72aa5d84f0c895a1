/**
 * Waits for a state by asking for it again and again. The limit ends a wait for what never comes and judges
 * nobody: how long something took on a busy machine says nothing about the code.
 */
const ASK_EVERY_MS = 10;
/** Longer than anything takes beside others on two cores, and shorter than a test may take. */
const WAIT_MS_MAX = 60_000;

/** Nobody could answer a question now: while one waits that is no answer yet, and else it is an error. */
export class Unanswered extends Error {}

/** Resolves to how long it took, in milliseconds; throws when it is still not so after `msMax`. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  msMax: number = WAIT_MS_MAX,
): Promise<number> {
  const startedAtMs = performance.now();
  for (;;) {
    const answer = await ask(isSo);
    const tookMs = performance.now() - startedAtMs;
    if (answer === true) return tookMs;
    if (tookMs > msMax) throw new Error(`not within ${msMax} ms: ${what}`, { cause: answer });
    await Bun.sleep(ASK_EVERY_MS);
  }
}

async function ask(isSo: () => boolean | Promise<boolean>): Promise<boolean | Unanswered> {
  try {
    return await isSo();
  } catch (error) {
    if (error instanceof Unanswered) return error;
    throw error;
  }
}
