/**
 * Looks for damage beside the work: at the start of what was not looked through before it, and once a
 * day. SQLite looks through a file in one statement, so that meanwhile the log grows by what is
 * committed, as behind every reader; the first checkpoint afterwards takes all of it.
 */
export const DAY_MS = 86_400_000;
/** A thread that is in the middle of a file does not listen; the process ends without it. */
const CLOSE_MS_MAX = 500;

export class Integrity {
  readonly #path: string;
  readonly #onDamage: (damage: string) => void;
  #nextAtMs: number;
  #looking: { readonly thread: Worker; readonly done: Promise<void> } | null = null;

  constructor(path: string, nextAtMs: number, onDamage: (damage: string) => void) {
    this.#path = path;
    this.#nextAtMs = nextAtMs;
    this.#onDamage = onDamage;
  }

  tick(nowMs: number): void {
    if (this.#looking !== null || nowMs < this.#nextAtMs) return;
    this.#nextAtMs = nowMs + DAY_MS;
    this.#look();
  }

  #look(): void {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const thread = new Worker(new URL("./integrity-thread.ts", import.meta.url).href);
    this.#looking = { thread, done };
    thread.onmessage = ({ data }: MessageEvent<string | null>) => {
      // It has closed the file: a thread that holds it is never terminated.
      thread.terminate();
      this.#looking = null;
      if (data !== null) this.#onDamage(data);
      resolve();
    };
    thread.onerror = ({ message }) => {
      throw new Error(`the thread that looks for damage broke: ${message}`);
    };
    thread.postMessage(this.#path);
  }

  async close(): Promise<void> {
    if (this.#looking === null) return;
    const { thread, done } = this.#looking;
    await Promise.race([done, Bun.sleep(CLOSE_MS_MAX)]);
    thread.unref();
  }
}
