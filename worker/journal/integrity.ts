/**
 * Looks for damage beside the work: at the start, if the file was not looked through before it, and once
 * a day. SQLite looks through a file in one statement, so the log grows by every commit meanwhile, as
 * behind every reader; the first checkpoint afterwards takes all of it.
 *
 * The thread is there from the start, idle: Bun ends a process that has no descriptor left to load one.
 * A look that fails says nothing of the file, and is tried again.
 */
export const DAY_MS = 86_400_000;
/** Descriptors and memory that a look needs may be short for as long as an outage takes. */
export const AGAIN_MS = 5 * 60_000;
/** A thread that is in the middle of a file does not listen; the process ends without it. */
const CLOSE_MS_MAX = 500;

/** `damage` is null when the file is whole; `failure` is the reason why nobody could look. */
export type Looked = { readonly damage: string | null } | { readonly failure: string };

export class Integrity {
  onDamage: (damage: string) => void = () => {};
  readonly #path: string;
  readonly #warn: (reason: string) => void;
  readonly #thread: Worker;
  #nextAtMs = Number.POSITIVE_INFINITY;
  #looking: PromiseWithResolvers<void> | null = null;
  #fails = false;

  /** Resolves when the thread is there. `warn` is told once of looks that fail one after the other. */
  static async open(path: string, warn: (reason: string) => void): Promise<Integrity> {
    const thread = new Worker(new URL("./integrity-thread.ts", import.meta.url).href);
    const ready = Promise.withResolvers<void>();
    thread.onmessage = () => ready.resolve();
    thread.onerror = ({ message }) => {
      throw new Error(`the thread that looks for damage broke: ${message}`);
    };
    await ready.promise;
    return new Integrity(path, warn, thread);
  }

  private constructor(path: string, warn: (reason: string) => void, thread: Worker) {
    this.#path = path;
    this.#warn = warn;
    this.#thread = thread;
    thread.onmessage = ({ data }: MessageEvent<Looked>) => this.#looked(data);
  }

  /** The first look is due in `firstMs`. */
  start(nowMs: number, firstMs: number): void {
    this.#nextAtMs = nowMs + firstMs;
    this.tick(nowMs);
  }

  /** When the next look is due; one under way says itself when it has ended. */
  get nextTickAtMs(): number {
    return this.#looking === null ? this.#nextAtMs : Number.POSITIVE_INFINITY;
  }

  tick(nowMs: number): void {
    if (this.#looking !== null || nowMs < this.#nextAtMs) return;
    this.#nextAtMs = nowMs;
    this.#looking = Promise.withResolvers<void>();
    this.#thread.postMessage(this.#path);
  }

  /** Resolves when a look that is under way has ended. */
  async looked(): Promise<void> {
    await this.#looking?.promise;
  }

  async close(): Promise<void> {
    if (this.#looking !== null) await Promise.race([this.looked(), Bun.sleep(CLOSE_MS_MAX)]);
    // A thread that holds the file is never terminated.
    if (this.#looking === null) this.#thread.terminate();
    else this.#thread.unref();
  }

  #looked(result: Looked): void {
    this.#looking?.resolve();
    this.#looking = null;
    const failed = "failure" in result;
    this.#nextAtMs += failed ? AGAIN_MS : DAY_MS;
    if (failed && !this.#fails) this.#warn(notLooked(result.failure));
    this.#fails = failed;
    if (!failed && result.damage !== null) this.onDamage(result.damage);
  }
}

function notLooked(failure: string): string {
  const minutes = AGAIN_MS / 60_000;
  return `it could not be looked through for damage, tried again every ${minutes} minutes: ${failure}`;
}
