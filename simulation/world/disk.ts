/**
 * The worker's disk: the journal's real store over a database in memory that outlives the worker's
 * process. What a commit has synced survives a power cut; what it has not may be rolled back.
 */
import { Database, type Statement } from "bun:sqlite";
import type { Address } from "../../worker/addresses.ts";
import type { CommitStats, Journal, OnDurable, SharedJournal } from "../../worker/journal.ts";
import { shardOf } from "../../shared/shards.ts";
import type { SumsOfRows } from "../../worker/journal-reader.ts";
import { Checkpoints } from "../../worker/journal/checkpoints.ts";
import { GroupCommit, type GroupCommitOptions } from "../../worker/journal/group-commit.ts";
import { migrate } from "../../worker/journal/migrations.ts";
import { CHECKED_BYTES_MAX, SqliteStore, uuidFromHex } from "../../worker/journal/store.ts";
import type { SummaryWindow } from "../../worker/summary.ts";
import type { Priced } from "../../worker/tariffs.ts";
import {
  PAYMENT_STATES,
  type JournalHead,
  type LedgerRows,
  type OpenRow,
  type Transition,
  type TransitionResult,
} from "../../worker/transitions.ts";
import type { Chance } from "./chance.ts";
import type { Time } from "./time.ts";

/** SQLite's code for synchronous=FULL: every commit is on the disk when it returns. */
const FULL = 2;
const [UNKNOWN, HELD] = (["unknown", "held"] as const).map((state) =>
  PAYMENT_STATES.indexOf(state),
);

/** The look takes longer than all else that a start does, and no bit of this disk turns over. */
const LOOKED_THROUGH_EVERY = 8;
/** Few, so that a run has payments that are older. */
const RECENT = { least: 8, step: 4 };

export type PaymentOnDisk = {
  readonly seq: number;
  readonly amount_cents: number;
  /** Index into PAYMENT_STATES. */
  readonly state: number;
  readonly requested_at_ms: number | null;
  readonly name: string | null;
  /** Address of its processor, as the journal has it. */
  readonly url: string | null;
  readonly has_attempts: number;
};

export class Disk {
  #drive = SPARE.pop() ?? new Drive(EMPTY);
  /** Commits fail while true. */
  full = false;
  stallMsMax = 0;
  /** Gives how many statements of the next commit run before one fails; null: all of them. */
  drawFault: () => number | null = () => null;
  #starts = 0;
  /** State that a power cut leaves, where commits are not synced. */
  #synced: Uint8Array | null = null;

  /** True when this start has a small file, which is looked through for damage before it is used. */
  isLookedThrough(): boolean {
    return this.#starts++ % LOOKED_THROUGH_EVERY === 0;
  }

  get db(): Database {
    return this.#drive.db;
  }

  /** Fails statements of a commit while it is set. */
  get fault(): Fault {
    return this.#drive.fault;
  }

  /** Leaves what is prepared to the next world; only for a world that has ended well, with nothing under way. */
  handOn(): void {
    this.#drive.empty();
    SPARE.push(this.#drive);
  }

  /** Writes everything back, as a checkpoint does now and then. */
  checkpoint(): void {
    if (!this.syncsEveryCommit) this.#synced = this.db.serialize();
  }

  powerCut(): void {
    if (this.syncsEveryCommit) return;
    this.#drive.db.close();
    this.#drive = new Drive(this.#synced ?? EMPTY);
  }

  /** A copy of the journal, as `worker backup` makes one. */
  copy(): Uint8Array {
    return this.db.serialize();
  }

  /** Puts a copy in the journal's place, marked as `worker restore` does. */
  putBack(copy: Uint8Array, nowMs: number): void {
    this.#drive.db.close();
    this.#drive = new Drive(copy);
    this.db.run("INSERT OR REPLACE INTO meta VALUES ('restored_at_ms', ?)", [nowMs]);
    this.checkpoint();
  }

  /** True when a table would have a row that matches after a power cut now. */
  holds(sql: string, ...values: (string | number | null)[]): boolean {
    return this.db.query<{ n: number }, (string | number | null)[]>(sql).get(...values)?.n === 1;
  }

  /** All payments by id, oldest first. */
  payments(): Map<string, PaymentOnDisk> {
    return this.#payments("");
  }

  /** Payments that are not settled; asked for all the time, so it must not read the others. */
  unsettled(): Map<string, PaymentOnDisk> {
    return this.#payments("", "unsettled");
  }

  /** Unsettled payments that may have been charged. */
  doubted(): Map<string, PaymentOnDisk> {
    return this.#payments(
      `WHERE state IN (${UNKNOWN}, ${HELD}) AND processor IS NOT NULL`,
      "unsettled",
    );
  }

  payment(correlationId: string): PaymentOnDisk | undefined {
    return this.#payments("WHERE id = unhex(?, '-')", "payments", correlationId).get(correlationId);
  }

  #payments(where: string, from = "payments", ...values: string[]): Map<string, PaymentOnDisk> {
    const sql = `SELECT lower(hex(id)) AS hex, seq, amount_cents, state, requested_at_ms, name, url,
      EXISTS (SELECT 1 FROM attempts WHERE attempts.seq = one.seq) AS has_attempts
      FROM ${from} AS one LEFT JOIN processors ON number = processor ${where} ORDER BY seq`;
    const rows = this.db.query<PaymentOnDisk & { hex: string }, string[]>(sql).all(...values);
    return new Map(rows.map((row) => [uuidFromHex(row.hex), row]));
  }

  urlOf(name: string): string | null {
    const sql = "SELECT url FROM processors WHERE name = ?";
    return this.db.query<{ url: string | null }, [string]>(sql).get(name)?.url ?? null;
  }

  idOf(seq: number): string {
    const sql = "SELECT lower(hex(id)) AS hex FROM payments WHERE seq = ?";
    return uuidFromHex(this.db.query<{ hex: string }, [number]>(sql).get(seq)?.hex ?? "");
  }

  /** Names of the processors about which an operator's word is in force. */
  notAutomatic(): string[] {
    const sql = "SELECT name FROM processor_modes JOIN processors ON number = processor";
    return this.db
      .query<{ name: string }, []>(sql)
      .all()
      .map(({ name }) => name);
  }

  /** Names of the processors, by number. */
  names(): string[] {
    const sql = "SELECT name FROM processors ORDER BY number";
    return this.db.query(sql).values().flat() as string[];
  }

  /** Names of the processors that an operator has drained. */
  drained(): string[] {
    const sql =
      "SELECT name FROM processor_modes JOIN processors ON number = processor WHERE mode = 'drained'";
    const rows = this.db.query<{ name: string }, []>(sql).all();
    return rows.map(({ name }) => name);
  }

  /** True when the journal has set synchronous to FULL. */
  get syncsEveryCommit(): boolean {
    const row = this.db.query<{ synchronous: number }, []>("PRAGMA synchronous").get();
    return (row?.synchronous ?? 0) >= FULL;
  }
}

/** A database has about a hundred statements. */
Database.MAX_QUERY_CACHE_SIZE = 500;

/** A journal that nothing has been written to; to make its tables for each seed would be a tenth of a run. */
const { EMPTY, TABLES, META } = (() => {
  using db = new Database(":memory:", { strict: true });
  migrate(db, () => {});
  const rows = (sql: string) => db.query(sql).values() as [string, number][];
  return {
    EMPTY: db.serialize(),
    TABLES: rows("SELECT name FROM sqlite_schema WHERE type = 'table'").map(([name]) => name),
    META: rows("SELECT key, value FROM meta"),
  };
})();

/** Statements that still run before one fails, the commit itself among them; null while all is well. */
type Fault = { runsLeft: number | null };
class DiskFault extends Error {}

const FRAGILE = new WeakSet<object>();

/** Fails the statement when its turn has come. */
function fragile<T extends Pick<Statement, "run">>(statement: T, sql: string, fault: Fault): T {
  if (FRAGILE.has(statement)) return statement;
  FRAGILE.add(statement);
  const run = statement.run.bind(statement);
  statement.run = (...values) => {
    if (fault.runsLeft !== null && fault.runsLeft-- <= 0) {
      fault.runsLeft = null;
      throw new DiskFault(`disk I/O error at ${sql}`);
    }
    return run(...values);
  };
  return statement;
}

/** Drives of worlds that have ended, as good as new: statements are prepared once for all of them. */
const SPARE: Drive[] = [];

/** A database that keeps what is prepared: each worker that starts on it would prepare all anew. */
class Drive {
  readonly db: Database;
  readonly fault: Fault = { runsLeft: null };

  constructor(bytes: Uint8Array) {
    this.db = Database.deserialize(bytes);
    this.db.prepare = (sql: string) => fragile(this.db.query(sql), sql, this.fault);
  }

  /** Makes it as EMPTY is. */
  empty(): void {
    this.db.transaction(() => {
      for (const table of TABLES) this.db.query(`DELETE FROM ${table}`).run();
      const insert = this.db.query("INSERT INTO meta VALUES (?, ?)");
      for (const row of META) insert.run(...row);
    })();
    this.db.run(`PRAGMA synchronous = ${FULL}`);
  }
}

export type DiskJournalOptions = {
  readonly disk: Disk;
  readonly time: Time;
  readonly chance: Chance;
  readonly processors: readonly string[];
  readonly batch: GroupCommitOptions;
  /** False once the process that owns this journal is gone. */
  readonly alive: () => boolean;
  /** Called after a batch was applied, before anybody is told. */
  readonly onApplied: (
    transitions: readonly Transition[],
    results: readonly TransitionResult[],
  ) => void;
  readonly onFault: (what: string) => void;
  /** Null where all payments are this worker's. */
  readonly shared: SharedJournal | null;
  /** Called with each transition as the worker decides on it. */
  readonly onDecided: (transition: Transition) => void;
  /** Called with its result before the worker is told. */
  readonly onResult: (transition: Transition, result: TransitionResult | null) => void;
};

/** The journal of one process of the worker: group commit and store are real, its thread is time. */
export class DiskJournal implements Journal {
  readonly head: JournalHead;
  readonly checkpoints = new Checkpoints();
  readonly shared?: SharedJournal;
  onCommit: (durationMs: number) => void = () => {};
  onCommitting: (isUnderWay: boolean) => void = () => {};
  readonly #options: DiskJournalOptions;
  readonly #store: SqliteStore;
  readonly #group: GroupCommit;
  #scheduled = false;

  constructor(options: DiskJournalOptions) {
    const { disk, processors, time } = options;
    this.#options = options;
    if (options.shared !== null) this.shared = options.shared;
    this.#group = new GroupCommit(null, options.batch);
    const bytesMax = disk.isLookedThrough() ? CHECKED_BYTES_MAX : 0;
    const store = [time.wallMs(), disk.db, bytesMax, undefined, RECENT] as const;
    this.#store = new SqliteStore("disk", "full", processors, ...store);
    this.head = this.#store.head;
    disk.checkpoint();
  }

  get stats(): CommitStats {
    return this.#group.stats;
  }
  get queued(): number {
    return this.#group.queued;
  }
  get trouble(): string | null {
    return this.#group.trouble;
  }

  append(transition: Transition, done: OnDurable): void {
    const { onDecided, onResult } = this.#options;
    onDecided(transition);
    this.#group.append(transition, (result) => {
      onResult(transition, result);
      done(result);
    });
    this.#schedule(0);
  }

  async addresses(configured: readonly Address[]) {
    return this.#store.addresses(configured);
  }
  async tariffs(configured: readonly Priced[]) {
    return this.#store.tariffs(configured);
  }
  open(shards?: readonly number[]): Promise<OpenRow[]> {
    const isAsked = ({ correlationId }: OpenRow) => shards!.includes(shardOf(correlationId));
    return this.#later(() => {
      const open = [...this.#store.open()];
      return shards === undefined ? open : open.filter(isAsked);
    });
  }
  settled(processor: number, beforeSeq: number, beforeMs: number, among: number) {
    return this.#later(() => this.#store.settled(processor, beforeSeq, beforeMs, among));
  }
  rows(fromRow: number, toRow: number) {
    return this.#later(() => this.#store.ledger.rows(fromRow, toRow));
  }
  blocks(fromRow: number, toRow: number) {
    const count = this.head.processors.length;
    return this.#later(() => this.#store.blocks.totals(fromRow, toRow, count));
  }
  /** Reads rows as the http thread does, through a connection of its own. */
  rowsNow(fromRow: number, toRow: number): LedgerRows {
    return this.#store.ledger.rows(fromRow, toRow);
  }
  sumsNow(fromRow: number, toRow: number, window: SummaryWindow): SumsOfRows {
    return this.#store.ledger.sumsOf(fromRow, toRow, window);
  }
  async close(): Promise<void> {}

  /** Plans a commit for the end of the turn, or for when a failed one may be tried again. */
  #schedule(delayMs: number): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#after(delayMs, () => {
      this.#scheduled = false;
      this.#commit();
    });
  }

  /** The commit takes a while, then holds; the answer takes another while. A crash fits anywhere. */
  #commit(): void {
    const { disk, time, chance } = this.#options;
    // The draw has settlements, for which nobody waits, at times committed at once and at times
    // much later.
    const batch = this.#group.next(time.nowMs, chance.happens(0.6));
    if (batch === null) {
      const again = this.#group.queued > 0 || this.#group.trouble !== null;
      if (this.#group.idle && again) this.#schedule(10);
      return;
    }
    this.#after(chance.next() * disk.stallMsMax, () => {
      const results = this.#apply(batch);
      this.#after(chance.next() * 0.2, () => {
        if (results === null) this.#group.failed(time.nowMs, "disk full");
        else this.#group.committed(results);
        this.#schedule(results === null ? 50 : 0);
      });
    });
  }

  #apply(batch: readonly Transition[]) {
    const { disk, onApplied } = this.#options;
    if (disk.full) {
      this.#options.onFault("disk full");
      return null;
    }
    disk.fault.runsLeft = disk.drawFault();
    try {
      const results = this.#store.apply(batch);
      onApplied(batch, results);
      return results;
    } catch (error) {
      if (error instanceof DiskFault) {
        this.#options.onFault(error.message);
        return null;
      }
      throw error;
    } finally {
      disk.fault.runsLeft = null;
    }
  }

  #later<T>(read: () => T): Promise<T> {
    return new Promise((resolve) =>
      this.#after(this.#options.chance.next() * 3, () => resolve(read())),
    );
  }

  /** Runs an event unless its process has ended meanwhile. */
  #after(delayMs: number, event: () => void): void {
    this.#options.time.after(delayMs, () => {
      if (this.#options.alive()) event();
    });
  }
}
