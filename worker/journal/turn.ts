/**
 * The journal's driver for production: it commits at the end of every turn of the event loop what the
 * turn has appended, in the pipeline's own thread. A thread of its own was measured and given up: its
 * two hops cost an acknowledgement more than the commit (docs/adr/0018).
 */
import type { Database } from "bun:sqlite";
import type { Clock } from "../../shared/clock.ts";
import type { Journal, OnDurable } from "../journal.ts";
import type { Transition } from "../transitions.ts";
import { InlineJournal } from "./inline.ts";
import { lockJournal } from "./lock.ts";
import { SqliteStore, type JournalSync } from "./store.ts";

/** What nobody waits for is committed this often, and so is what a failed commit left. */
const COMMIT_ALL_MS = 10;

export type JournalSettings = { readonly JOURNAL: string; readonly JOURNAL_SYNC: JournalSync };

/** Opens or creates the journal. Rejects with one sentence when it cannot be. */
export async function openJournal(
  { JOURNAL: path, JOURNAL_SYNC: sync }: JournalSettings,
  processors: readonly string[],
  clock: Clock,
): Promise<Journal> {
  const lock = lockJournal(path);
  try {
    const store = new SqliteStore(path, sync, processors, clock.wallMs());
    return new TurnJournal(store, new Checkpointer(store, path, sync), lock, clock);
  } catch (error) {
    lock.close();
    throw error;
  }
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
  }

  override append(transition: Transition, done: OnDurable): void {
    super.append(transition, done);
    this.#schedule();
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
  readonly #thread: Worker;
  readonly #closed = Promise.withResolvers<void>();

  constructor(store: SqliteStore, path: string, sync: JournalSync) {
    this.#thread = new Worker(new URL("./checkpoint-thread.ts", import.meta.url).href);
    this.#thread.onmessage = ({ data }) => {
      // Commits came faster than it could follow; one between two commits lets the log restart.
      if (data === "log-too-long") store.checkpoint();
      else if (data === "closed") this.#closed.resolve();
    };
    this.#thread.onerror = ({ message }) => {
      throw new Error(`the checkpoints' thread broke: ${message}`);
    };
    this.#thread.postMessage({ path, sync });
  }

  /** It lets go of the file before we do: a thread that holds it is never killed. */
  async close(): Promise<void> {
    this.#thread.postMessage("close");
    await this.#closed.promise;
    this.#thread.terminate();
  }
}
