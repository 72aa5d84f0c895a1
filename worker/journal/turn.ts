/**
 * The journal's driver for production commits at the end of every turn of the event loop all that the
 * turn has appended, in the pipeline's own thread. A thread of its own was measured and given up: its
 * two hops cost an acknowledgement more than the commit (docs/adr/0018).
 */
import { SQLiteError, type Database } from "bun:sqlite";
import { nextMultipleMs, type Clock } from "../../shared/clock.ts";
import type { OnDurable } from "./driver.ts";
import type { Transition } from "../transitions.ts";
import type { FromThread, Start } from "./checkpoint-thread.ts";
import { damage } from "./damage.ts";
import { lastEnding, noteCleanEnd, noteRunning, thisBoot } from "./ending.ts";
import { InlineJournal } from "./inline.ts";
import { DAY_MS, Integrity } from "./integrity.ts";
import { lockJournal, type JournalLock } from "./lock.ts";
import type { Upgrade } from "./migrations.ts";
import { Presence } from "./presence.ts";
import { RESTORE, START_AGAIN } from "./restore.ts";
import { CHECKED_BYTES_MAX, openDatabase, SqliteStore, type JournalSync } from "./store.ts";
import { REST_MS, Ticker } from "../ticker.ts";
import { forgetTrouble, isTroubleNoted, noteTrouble } from "./trouble-note.ts";

/** Looks this far apart notice within half a second that a journal is taken away which takes anything, and within a second any other. */
const PRESENCE_MS = 500;
const PRESENCE_IDLE_MS = 1_000;

export type JournalSettings = { readonly JOURNAL: string; readonly JOURNAL_SYNC: JournalSync };

export type JournalOptions = {
  /** Told once why the journal cannot go on; nothing is committed, and nobody answered, afterwards. */
  readonly fatal?: (reason: string) => void;
  readonly warn?: (reason: string) => void;
  /** Told of each step by which a journal of an earlier format is upgraded. */
  readonly upgraded?: (upgrade: Upgrade) => void;
  /** A larger file is looked through beside the work, and not before it. */
  readonly checkedBytesMax?: number;
  /** A number that differs after the machine was down. */
  readonly boot?: number;
};

/** Opens or creates the journal. Rejects with one sentence when it cannot be. */
export async function openJournal(
  { JOURNAL: path, JOURNAL_SYNC: sync }: JournalSettings,
  processors: readonly string[],
  clock: Clock,
  options: JournalOptions = {},
): Promise<TurnJournal> {
  const { warn = () => {}, checkedBytesMax = CHECKED_BYTES_MAX, boot = thisBoot() } = options;
  const about = (reason: string) => warn(`journal ${path}: ${reason}`);
  const lock = lockJournal(path);
  try {
    const db = openDatabase(path, sync);
    const bytesMax = mayBeBuiltOn(db, path, boot) ? checkedBytesMax : Number.POSITIVE_INFINITY;
    const { upgraded } = options;
    const store = new SqliteStore(path, sync, processors, clock.wallMs(), db, bytesMax, upgraded);
    // With a note of trouble the store has looked through all of it, and it is whole.
    forgetTrouble(path);
    claimPlace(path, db, boot, lock);
    for (const reason of lock.warnings) about(reason);
    const fatal = options.fatal ?? fail;
    const checkpointer = await openCheckpointer(store, { path, fd: lock.fd, sync });
    const integrity = await Integrity.open(path, about);
    return new TurnJournal({ store, db, checkpointer, integrity, lock, path, clock, fatal, about });
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** True when work may begin before the whole file was looked through. */
function mayBeBuiltOn(db: Database, path: string, boot: number): boolean {
  if (isTroubleNoted(path)) return false;
  try {
    return lastEnding(db, boot) !== "machine";
  } catch {
    return false;
  }
}

/** Notes on disk that a worker is here, and that there is a journal. */
function claimPlace(path: string, db: Database, boot: number, lock: JournalLock): void {
  try {
    noteRunning(db, boot);
    lock.remember();
  } catch (error) {
    throw new Error(`journal ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function fail(reason: string): never {
  throw new Error(reason);
}

type Parts = {
  readonly store: SqliteStore;
  readonly db: Database;
  readonly checkpointer: Checkpointer;
  readonly integrity: Integrity;
  readonly lock: JournalLock;
  readonly path: string;
  readonly clock: Clock;
  readonly fatal: (reason: string) => void;
  /** Warns in a sentence about the journal. */
  readonly about: (reason: string) => void;
};

export class TurnJournal extends InlineJournal {
  readonly #parts: Parts;
  readonly #presence: Presence;
  /** Commits settlements, for which nobody waits, and all that a failed commit left. */
  readonly #ticker: Ticker;
  #scheduled = false;
  #isOver = false;
  /** When the next look is due, at the latest; it comes from the first one on if anything ticks then. */
  #presenceFromMs = 0;
  #presenceDueAtMs = 0;

  constructor(parts: Parts) {
    super(parts.store, parts.clock);
    const { store, path, clock, checkpointer, integrity } = parts;
    this.#parts = parts;
    integrity.onDamage = (found) => this.#end(found);
    integrity.start(clock.steadyMs(), store.isChecked ? DAY_MS : 0);
    this.#presence = new Presence(path);
    const tick = () => this.#tick();
    this.#ticker = new Ticker({ clock, tick, nextAtMs: () => this.#nextTickAtMs });
    this.#ticker.soon();
    checkpointer.onResult = (failure) => {
      if (failure === null) this.checkpoints.succeeded();
      else this.checkpoints.failed(clock.steadyMs(), failure);
    };
  }

  override append(transition: Transition, done: OnDurable): void {
    super.append(transition, done);
    if (this.isAwaited) this.#schedule();
    else this.#ticker.soon();
  }

  override commit(nowMs: number, all = true): boolean {
    if (this.#isOver || !super.commit(nowMs, all)) return false;
    this.#parts.checkpointer.grown();
    this.#lookSooner(nowMs);
    if (this.trouble !== null) this.#ticker.soon();
    return true;
  }

  /** Ends the journal for damage that a reader has met. */
  override onCorruption(message: string): void {
    this.#end(damage(message));
  }

  override async close(): Promise<void> {
    this.#ticker.stop();
    await this.#parts.checkpointer.close();
    await this.#parts.integrity.close();
    await super.close();
    this.#parts.lock.close();
  }

  /** Without the note a next start looks further than it would have to, and finds all of it. */
  protected override finish(): void {
    if (this.#isOver || this.trouble !== null) return;
    try {
      noteCleanEnd(this.#parts.db);
    } catch (error) {
      if (!(error instanceof SQLiteError)) throw error;
      this.#parts.about(`it cannot be noted that this worker has ended: ${error.message}`);
    }
  }

  get #nextTickAtMs(): number {
    if (this.queued > 0 || this.trouble !== null) return Number.NEGATIVE_INFINITY;
    return Math.min(this.#presenceDueAtMs, this.#parts.integrity.nextTickAtMs);
  }

  #tick(): void {
    const nowMs = this.#parts.clock.steadyMs();
    if (nowMs >= this.#presenceFromMs) {
      this.#presenceFromMs = nowMs + REST_MS;
      this.#presenceDueAtMs = nowMs + PRESENCE_IDLE_MS;
      this.#look();
    }
    this.commit(nowMs);
    if (!this.#isOver) this.#parts.integrity.tick(nowMs);
  }

  /** A journal that takes something is looked at twice as often as one that only might. */
  #lookSooner(nowMs: number): void {
    const dueAtMs = nextMultipleMs(PRESENCE_MS, nowMs);
    if (dueAtMs >= this.#presenceFromMs) return;
    this.#presenceFromMs = this.#presenceDueAtMs = dueAtMs;
    this.#ticker.soon();
  }

  #look(): void {
    const loss = this.#isOver ? null : this.#presence.loss();
    if (loss === null) return;
    const wayOut = loss.isLogAlone ? this.#saveLog() : `put it back, or ${RESTORE}`;
    this.#end(`${loss.what}; ${wayOut}`);
  }

  /** Copies a log that has lost its name into the database, which still has its own. */
  #saveLog(): string {
    try {
      if (this.#parts.store.checkpointAll()) return START_AGAIN;
    } catch {
      // A full disk, say, loses some of it, and the line below says so.
    }
    return `what was in it could not be saved; ${RESTORE}`;
  }

  #end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { path, fatal } = this.#parts;
    noteTrouble(path, reason);
    fatal(`journal ${path}: ${reason}`);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      // A batch has a bound: the rest waits until those who came in meanwhile had their turn.
      if (this.commit(this.#parts.clock.steadyMs(), false)) this.#schedule();
    });
  }
}

type Checkpointer = {
  /** The log has more than at the last checkpoint. */
  grown(): void;
  /** Called with the reason when a checkpoint failed, and with null when they work again. */
  onResult: (failure: string | null) => void;
  close(): Promise<void>;
};

/** Starts a thread of its own, so that copying pages and syncing the database stall no acknowledgement. */
async function openCheckpointer(
  store: SqliteStore,
  files: Omit<Start, "isAsked">,
): Promise<Checkpointer> {
  const isAsked = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const thread = new Worker(new URL("./checkpoint-thread.ts", import.meta.url).href);
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const checkpointer: Checkpointer = {
    onResult: () => {},
    grown() {
      if (Atomics.exchange(isAsked, 0, 1) === 0) thread.postMessage("grown");
    },
    /** Waits until the thread has closed the file: a thread that holds it is never killed. */
    async close() {
      thread.postMessage("close");
      await closed.promise;
      thread.terminate();
    },
  };
  thread.onmessage = ({ data }: MessageEvent<FromThread>) => {
    if (data === "open") opened.resolve();
    else if (data === "closed") closed.resolve();
    else if (data === "works-again") checkpointer.onResult(null);
    else if (data === "log-too-long") checkpointInBetween(store, checkpointer);
    else checkpointer.onResult(data.failure);
  };
  thread.onerror = ({ message }) => {
    throw new Error(`the checkpoints' thread broke: ${message}`);
  };
  thread.postMessage({ ...files, isAsked } satisfies Start);
  await opened.promise;
  return checkpointer;
}

/**
 * Makes a checkpoint between two commits, which lets the log restart: commits came faster than the
 * thread could follow.
 */
function checkpointInBetween(store: SqliteStore, checkpointer: Checkpointer): void {
  try {
    store.checkpoint();
  } catch (error) {
    checkpointer.onResult((error as Error).message);
  }
}
