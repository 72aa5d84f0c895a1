/**
 * The journal's driver for production: it commits at the end of every turn of the event loop what the
 * turn has appended, in the pipeline's own thread. A thread of its own was measured and given up: its
 * two hops cost an acknowledgement more than the commit (docs/adr/0018).
 */
import type { Database } from "bun:sqlite";
import type { Clock } from "../../shared/clock.ts";
import type { Journal, OnDurable } from "../journal.ts";
import type { Transition } from "../transitions.ts";
import type { FromThread, Start } from "./checkpoint-thread.ts";
import { InlineJournal } from "./inline.ts";
import { lockJournal } from "./lock.ts";
import { CHECKED_BYTES_MAX, openDatabase, SqliteStore, type JournalSync } from "./store.ts";

/** Settlements are committed this often, and so is what a failed commit left. */
const COMMIT_ALL_MS = 10;
/** A thread that still looks for damage does not listen; the process ends without it. */
const CLOSE_MS_MAX = 500;

export type JournalSettings = { readonly JOURNAL: string; readonly JOURNAL_SYNC: JournalSync };

/**
 * Opens or creates the journal. Rejects with one sentence when it cannot be. Of a file larger than
 * `checkedBytesMax` it is found out afterwards whether it is whole: `onDamage` is told when it is not.
 */
export async function openJournal(
  { JOURNAL: path, JOURNAL_SYNC: sync }: JournalSettings,
  processors: readonly string[],
  clock: Clock,
  onDamage: (reason: string) => void = fail,
  checkedBytesMax: number = CHECKED_BYTES_MAX,
): Promise<Journal> {
  const lock = lockJournal(path);
  try {
    const db = openDatabase(path, sync);
    const store = new SqliteStore(path, sync, processors, clock.wallMs(), db, checkedBytesMax);
    const checkpointer = new Checkpointer(store, path, sync, onDamage);
    return new TurnJournal(store, checkpointer, lock, clock);
  } catch (error) {
    lock.close();
    throw error;
  }
}

function fail(reason: string): never {
  throw new Error(reason);
}

class TurnJournal extends InlineJournal {
  readonly #checkpointer: Checkpointer;
  readonly #lock: Database;
  readonly #clock: Clock;
  readonly #timer: Timer;
  #scheduled = false;

  constructor(store: SqliteStore, checkpointer: Checkpointer, lock: Database, clock: Clock) {
    super(store, clock);
    this.#checkpointer = checkpointer;
    this.#lock = lock;
    this.#clock = clock;
    this.#timer = setInterval(() => this.commit(clock.steadyMs()), COMMIT_ALL_MS);
    checkpointer.onResult = (failure) => {
      if (failure === null) this.checkpoints.succeeded();
      else this.checkpoints.failed(clock.steadyMs(), failure);
    };
  }

  override append(transition: Transition, done: OnDurable): void {
    super.append(transition, done);
    if (this.isAwaited) this.#schedule();
  }

  override async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#checkpointer.close();
    await super.close();
    this.#lock.close();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      // A batch has a bound: what is left waits until those who came in meanwhile had their turn.
      if (this.commit(this.#clock.steadyMs(), false)) this.#schedule();
    });
  }
}

/** A thread of its own, so that copying pages and syncing the database stall no acknowledgement. */
class Checkpointer {
  /** Called with why a checkpoint failed, and with null when they work again. */
  onResult: (failure: string | null) => void = () => {};
  readonly #thread: Worker;
  readonly #closed = Promise.withResolvers<boolean>();

  constructor(
    store: SqliteStore,
    path: string,
    sync: JournalSync,
    onDamage: (reason: string) => void,
  ) {
    this.#thread = new Worker(new URL("./checkpoint-thread.ts", import.meta.url).href);
    this.#thread.onmessage = ({ data }: MessageEvent<FromThread>) => {
      if (data === "log-too-long") this.#checkpoint(store);
      else if (data === "closed") this.#closed.resolve(true);
      else if (data === "works-again") this.onResult(null);
      else if ("failure" in data) this.onResult(data.failure);
      else onDamage(`journal ${path}: ${data.damage}`);
    };
    this.#thread.onerror = ({ message }) => {
      throw new Error(`the checkpoints' thread broke: ${message}`);
    };
    this.#thread.postMessage({ path, sync, isChecked: store.isChecked } satisfies Start);
  }

  /** Commits came faster than it could follow; one between two commits lets the log restart. */
  #checkpoint(store: SqliteStore): void {
    try {
      store.checkpoint();
    } catch (error) {
      this.onResult((error as Error).message);
    }
  }

  /** It lets go of the file before we do: a thread that holds it is never killed. */
  async close(): Promise<void> {
    this.#thread.postMessage("close");
    const late = setTimeout(() => this.#closed.resolve(false), CLOSE_MS_MAX);
    if (await this.#closed.promise) this.#thread.terminate();
    else this.#thread.unref();
    clearTimeout(late);
  }
}
