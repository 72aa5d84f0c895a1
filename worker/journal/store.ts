/**
 * The changes that each transition makes to the journal's tables, whose SQL is in migrations/. It is
 * synchronous, one commit a call, and runs in the pipeline's thread.
 *
 *   payments   one row a payment, unique by id for ever, also after it settled and after a purge
 *   stragglers  those that are not settled and not recent; the view `unsettled` (sqlite-unsettled.ts)
 *   ledger     one row a settled payment, numbered in the order of settling; a purge empties it
 *   blocks     sums of each 256 rows of it (sqlite-blocks.ts)
 *   attempts   the first and the last of each payment that did not end in "accepted"
 *   attempts_left_out  how many there were in between (sqlite-attempts.ts)
 *   codes      the processor's own code of a rejection that has one
 *   interventions  decisions of operators on payments and processors, and their reasons
 *   processors names by number, and the address of each, null until one was known
 *   processor_modes  modes that an operator has set, where they are not the normal
 *   sources    what a shop said is charged, until its payment ends, and a print of it (sqlite-sources.ts)
 *   webhooks   how far webhooks have come (sqlite-webhooks.ts)
 *   deliveries  webhooks that failed, which are tried again or given up
 *   tariffs    what each processor charged, and from which requestedAt on (sqlite-tariffs.ts)
 *   meta       epoch (of starts), base_row (of the ledger), purged_at_ms (the audit begins there),
 *              recent_from_seq (payments before it are stragglers unless they are settled),
 *              pruned_before_ms (sums are exact from it on, until a purge begins them anew),
 *              restored_at_ms (the file is a copy that was put in place, until an operator trusts it),
 *              backup_at_ms (when that copy was made, as long),
 *              requested_up_to_ms (newest requestedAt of what was purged),
 *              moved_at_ms (it was moved to another journal: no worker starts here)
 *
 * Each move states in its WHERE which states it may start from (sqlite-moves.ts), so that a payment
 * that is settled, rejected or in conflict can never be moved again.
 */
import type { Database, Statement } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { compareAddresses, knownAddresses, type Address, type Addresses } from "../addresses.ts";
import { paymentOf } from "../../shared/payment.ts";
import { isCorruption } from "../corruption.ts";
import { refuseUnknown } from "../format.ts";
import { LEDGER_ROWS_MAX } from "../limits.ts";
import { sumAtAcceptance } from "./copies.ts";
import { damage, damageIn } from "./damage.ts";
import { metaOf, type MetaKey } from "./meta.ts";
import { migrate, type Upgrade } from "./migrations.ts";
import { refuseMoved } from "./moved.ts";
import { SqliteAttempts } from "./sqlite-attempts.ts";
import { SqliteBlocks } from "./sqlite-blocks.ts";
import { SqliteLedger } from "./sqlite-ledger.ts";
import { stateOf } from "./records.ts";
import { CODE } from "./sqlite-moves.ts";
import { prepare, type Statements } from "./sqlite-statements.ts";
import { SqliteSources } from "./sqlite-sources.ts";
import { RECENT, SqliteUnsettled } from "./sqlite-unsettled.ts";
import { SqliteTariffs } from "./sqlite-tariffs.ts";
import { SqliteWebhooks } from "./sqlite-webhooks.ts";
import { SqliteConnection } from "../sqlite-connection.ts";
import type { KnownTariff, Priced } from "../tariffs.ts";
import { uuidFromHex } from "../uuid.ts";
import {
  PAYMENT_STATES,
  type FailedAttempt,
  type JournalHead,
  CLAIMED,
  type OpenRow,
  type Intervention,
  type ProcessorMode,
  type Settled,
  type Transition,
  type TransitionResult,
} from "../transitions.ts";

export { uuidFromHex } from "../uuid.ts";
export type JournalSync = "full" | "normal" | "off";

/** A file up to this size is looked through for damage before anything is built on it: in 1.5 s at most. */
export const CHECKED_BYTES_MAX = 64 * 1024 * 1024;
/** Page size of a new journal. Nearly every id dirties a page of its own, which is written as a whole. */
export const PAGE_BYTES = 2048;
/**
 * Memory for pages while payments are taken. A commit in which two pages of the index of ids were made
 * three walks through all that are kept (decision 56), so it is no more than the largest commit writes
 * and the upper pages of that index for ten million payments.
 */
export const CACHE_BYTES = 4 * 1024 * 1024;
/** The same while a file is upgraded, looked through or filled, by commits of any size. */
const CACHE_BYTES_AT_LENGTH = 64 * 1024 * 1024;

/** Knows a copy that was put in place by other means by what only copies have. */
const MARK_COPY =
  "INSERT OR IGNORE INTO meta SELECT 'restored_at_ms', ? FROM meta WHERE key = 'backup_at_ms'";

type OpenColumns = [
  seq: number,
  hex: string,
  amountCents: number,
  code: number,
  acceptedAtMs: number,
  processor: number | null,
  requestedAtMs: number | null,
  reference: string | null,
  source: string | null,
  isClaimed: number,
];

export class SqliteStore {
  readonly head: JournalHead;
  readonly ledger: SqliteLedger;
  readonly blocks: SqliteBlocks;
  /** False when the file is larger than that, so that nobody knows yet whether it is whole. */
  readonly isChecked: boolean;
  readonly #db: Database;
  readonly #attempts: SqliteAttempts;
  readonly #sources: SqliteSources;
  readonly #unsettled: SqliteUnsettled;
  readonly #tariffs: SqliteTariffs;
  readonly #webhooks: SqliteWebhooks;
  readonly #openedAtMs: number;
  readonly #statements: Statements;

  /**
   * Opens, creates, upgrades or recovers the journal at `path`. Throws with one sentence when the file
   * cannot be written, is not a journal, or is damaged. `db` is the same, opened already; `told` hears
   * of the upgrade.
   */
  constructor(
    path: string,
    sync: JournalSync,
    processors: readonly string[],
    nowMs: number,
    db: Database = openDatabase(path, sync),
    checkedBytesMax: number = CHECKED_BYTES_MAX,
    told: (upgrade: Upgrade) => void = () => {},
    recent = RECENT,
  ) {
    this.#db = db;
    this.#openedAtMs = nowMs;
    this.#tariffs = new SqliteTariffs(db);
    try {
      this.isChecked = bytesOf(this.#db) <= checkedBytesMax;
      const found = this.isChecked ? damageIn(this.#db) : null;
      if (found !== null) throw new Error(found);
      migrate(this.#db, told);
      refuseMoved(metaOf(this.#db, "moved_at_ms"));
      this.blocks = new SqliteBlocks(this.#db);
      this.#unsettled = new SqliteUnsettled(this.#db, recent);
      this.head = this.#begin(processors, nowMs);
      this.#db.run(`PRAGMA synchronous = ${sync}`);
      this.#statements = prepare(this.#db);
      this.#attempts = new SqliteAttempts(this.#db);
      this.#sources = new SqliteSources(this.#db);
      this.#webhooks = new SqliteWebhooks(this.#db);
      this.ledger = new SqliteLedger(this.#db);
      this.#db.run(`PRAGMA cache_size = -${CACHE_BYTES / 1024}`);
      // Another writer holds up payments for this long, and then they are turned away.
      this.#db.run("PRAGMA busy_timeout = 250");
    } catch (error) {
      this.#db.close();
      throw new Error(`journal ${path}: ${reasonOf(error)}`, { cause: error });
    }
  }

  /**
   * Applies the transitions in order, in one transaction, and gives a result for each; they are
   * durable when it returns. Throws when nothing was applied (disk full, I/O error).
   */
  apply(transitions: readonly Transition[]): TransitionResult[] {
    const { begin, commit } = this.#statements;
    begin.run();
    try {
      const results = transitions.map((transition) => this.#applyOne(transition));
      const recentFromSeq = this.#unsettled.moveOn();
      commit.run();
      this.#unsettled.holds(recentFromSeq);
      return results;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  /** Syncs at any level: a call may leave for an address as soon as this has returned. */
  addresses(configured: readonly Address[]): Addresses {
    return this.#synced(() => {
      const compared = compareAddresses(configured, knownAddresses(this.#db));
      const set = this.#db.prepare("UPDATE processors SET url = ? WHERE name = ?");
      for (const [i, { kind }] of compared.configured.entries()) {
        if (kind !== "moved") set.run(configured[i]!.url, configured[i]!.name);
      }
      return compared;
    });
  }

  /** Syncs at any level, too: payments belong to a tariff from now on. */
  tariffs(configured: readonly Priced[]): KnownTariff[] {
    return this.#synced(() => this.#tariffs.begin(configured, () => this.open(), this.#openedAtMs));
  }

  /** Gives all payments that are not settled, oldest first. */
  *open(): Generator<OpenRow> {
    const rows = this.#db
      .query<OpenColumns, [string]>(
        `SELECT seq, lower(hex(id)), amount_cents, state, accepted_at_ms, processor, requested_at_ms,
           reference, (SELECT source FROM sources WHERE sources.seq = unsettled.seq),
           coalesce(?1 = (SELECT reason FROM attempts
             WHERE attempts.seq = unsettled.seq AND attempts.processor = unsettled.processor
             ORDER BY attempts.rowid DESC LIMIT 1), 0)
         FROM unsettled ORDER BY seq`,
      )
      .values(CLAIMED) as OpenColumns[];
    for (const row of rows) {
      const [seq, hex, amountCents, code, acceptedAtMs, processor, requestedAtMs, ...more] = row;
      const [reference, source, is] = more;
      const assignment =
        processor === null || requestedAtMs === null ? null : { processor, requestedAtMs };
      const state = stateOf(code);
      const payment = paymentOf(uuidFromHex(hex), amountCents, source, reference);
      yield { seq, ...payment, state, acceptedAtMs, assignment, isClaimed: is === 1 };
    }
  }

  /** Driver's `settled`. What an operator has settled shows nothing of the processor. */
  settled(processor: number, beforeSeq: number, beforeMs: number, among: number): Settled[] {
    const rows = this.#db
      .query<[hex: string, amountCents: number], number[]>(
        `SELECT lower(hex(id)), amount_cents FROM payments NOT INDEXED
         WHERE seq < ?2 AND seq >= ?2 - ?4
           AND state = ${CODE.settled} AND processor = ?1
           AND coalesce(settled_at_ms, accepted_at_ms) < ?3
           AND NOT EXISTS (SELECT 1 FROM interventions
             WHERE interventions.seq = payments.seq AND action = 'settle')
         ORDER BY seq DESC LIMIT 3`,
      )
      .values(processor, beforeSeq, beforeMs, among) as [string, number][];
    return rows.map(([hex, amountCents]) => ({ correlationId: uuidFromHex(hex), amountCents }));
  }

  /** Makes a transaction that no power cut undoes, at any level of the rest. */
  #synced<T>(change: () => T): T {
    const { synchronous } = this.#db.query("PRAGMA synchronous").get() as { synchronous: number };
    this.#db.run("PRAGMA synchronous = FULL");
    const found = this.#db.transaction(change).immediate();
    this.#db.run(`PRAGMA synchronous = ${synchronous}`);
    return found;
  }

  /** Moves finished commits from the log into the database, as far as no reader is in the way. */
  checkpoint(): void {
    this.#db.run("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /**
   * Moves all of them, waiting a moment for readers that are in the way; false when a reader stays.
   * Without its log the database is damaged then: pages that changed since that reader began are old.
   */
  checkpointAll(): boolean {
    const sql = "PRAGMA wal_checkpoint(FULL)";
    const { log, checkpointed } = this.#db.query(sql).get() as Record<string, number>;
    return log === checkpointed;
  }

  close(): void {
    this.#db.close();
  }

  #begin(processors: readonly string[], nowMs: number): JournalHead {
    // Names and numbers of processors must not roll back with a power cut, at any level of the rest.
    this.#db.run("PRAGMA synchronous = FULL");
    return this.#db
      .transaction(() => {
        const meta = (key: MetaKey) => metaOf(this.#db, key);
        const max = (sql: string) => this.#db.query<{ n: number | null }, []>(sql).get()?.n ?? null;
        // The epoch is for people only, and shows them about when: nothing rests on a right clock.
        const epoch = Math.max((meta("epoch") ?? 0) + 1, Math.floor(nowMs / 1000));
        const lastRow = max("SELECT max(row) AS n FROM ledger");
        const baseRow = baseRowAtStart(meta("base_row") ?? 0, lastRow);
        this.#db.run("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", [epoch]);
        this.#db.run("UPDATE meta SET value = ? WHERE key = 'base_row'", [baseRow]);
        const add = this.#db.query(
          `INSERT INTO processors (number, name) SELECT count(*), ?1 FROM processors
           HAVING NOT EXISTS (SELECT 1 FROM processors WHERE name = ?1)`,
        );
        for (const name of processors) add.run(name);
        const known = this.#db
          .query<{ name: string; mode: ProcessorMode }, []>(
            `SELECT name, coalesce(mode, 'auto') AS mode
             FROM processors LEFT JOIN processor_modes ON processor = number ORDER BY number`,
          )
          .all();
        const nextRow = Math.max(baseRow, (lastRow ?? -1) + 1);
        this.blocks.complete(baseRow, nextRow);
        const lastSeq = max("SELECT max(seq) AS n FROM payments") ?? 0;
        this.#unsettled.accepted(lastSeq);
        this.#unsettled.holds(this.#unsettled.moveOn());
        this.#db.run(MARK_COPY, [nowMs]);
        return {
          epoch,
          baseRow,
          restoredAtMs: meta("restored_at_ms"),
          prunedBeforeMs: meta("pruned_before_ms"),
          nextSeq: lastSeq + 1,
          nextRow,
          processors: known.map(({ name }) => name),
          modes: known.map(({ mode }) => mode),
        };
        // The transaction is one for writing: a reader that turns writer is told "locked" at once.
      })
      .immediate();
  }

  #applyOne(transition: Transition): TransitionResult {
    const statements = this.#statements;
    switch (transition.kind) {
      case "accept":
        return this.#accept(transition);
      case "assign":
      case "find": {
        const { processor, requestedAtMs } = transition.assignment;
        const { changes } = statements[transition.kind].run(
          processor,
          requestedAtMs,
          transition.seq,
        );
        return changes === 1 ? DONE : this.#moved(transition.seq);
      }
      case "release":
        return this.#withAttempt(statements.release, transition.seq, transition.attempt);
      case "unknown":
        return this.#withAttempt(statements.unknown, transition.seq, transition.attempt);
      case "reject":
      case "conflict": {
        const { kind, seq, attempt, hasSource } = transition;
        const result = this.#withAttempt(statements[kind], seq, attempt);
        if (result !== DONE) return result;
        if (kind === "reject" && attempt.code !== undefined) statements.code.run(seq, attempt.code);
        if (hasSource === true) this.#sources.forget(seq);
        return DONE;
      }
      case "settle":
        return this.#settle(transition);
      case "hold":
      case "resume":
      case "ask": {
        const { changes } = statements[transition.kind].run(transition.seq);
        return this.#intervened(changes, transition.seq, transition.intervention);
      }
      case "absent": {
        const { seq, processor, intervention } = transition;
        return this.#intervened(statements.absent.run(seq, processor).changes, seq, intervention);
      }
      case "mode":
        statements.automatic.run(transition.processor);
        if (transition.mode !== "auto") statements.mode.run(transition.processor, transition.mode);
        this.#record(null, transition.processor, transition.intervention);
        return DONE;
      case "address":
        statements.address.run(transition.url, transition.processor);
        this.#record(null, transition.processor, transition.intervention);
        return DONE;
      case "trust":
        statements.trust.run();
        this.#record(null, null, transition.intervention);
        return DONE;
      case "webhooks":
        this.#webhooks.keep(transition.changes);
        if (transition.intervention) this.#record(null, null, transition.intervention);
        return DONE;
      case "purge":
        this.#tariffs.beforePurge();
        statements.purgeRows.run();
        this.blocks.purge();
        statements.purgeBase.run(transition.baseRow, transition.atMs);
        statements.purgePruned.run();
        return DONE;
      case "probe":
        statements.probe.run();
        return DONE;
    }
  }

  #accept(accept: Extract<Transition, { kind: "accept" }>): TransitionResult {
    const { correlationId, amountCents, source, reference, assignment } = accept;
    const code = assignment === null ? CODE.accepted : CODE.assigned;
    const { changes } = this.#statements.accept.run(
      accept.seq,
      correlationId,
      amountCents,
      code,
      accept.acceptedAtMs,
      assignment?.processor ?? null,
      assignment?.requestedAtMs ?? null,
      sumAtAcceptance(accept, code),
      reference ?? null,
    );
    if (changes === 1) {
      this.#unsettled.accepted(accept.seq);
      if (source !== undefined) this.#sources.keep(accept.seq, correlationId, source);
      return DONE;
    }
    return this.#sources.isKnown(accept) ? DUPLICATE : CONFLICT;
  }

  #settle(settle: Extract<Transition, { kind: "settle" }>): TransitionResult {
    const { seq, row, processor, requestedAtMs, amountCents, settledAtMs, intervention } = settle;
    const { changes } = this.#statements.settle.run(settledAtMs, seq, processor);
    if (changes !== 1) return this.#moved(seq);
    this.#statements.ledger.run(row, seq, processor, requestedAtMs, amountCents);
    this.blocks.written(row);
    this.#unsettled.settled(seq);
    if (settle.hasSource === true) this.#sources.forget(seq);
    if (intervention !== undefined) this.#record(seq, null, intervention);
    return DONE;
  }

  #intervened(changes: number, seq: number, intervention: Intervention): TransitionResult {
    if (changes !== 1) return this.#moved(seq);
    this.#record(seq, null, intervention);
    return DONE;
  }

  #record(seq: number | null, processor: number | null, intervention: Intervention): void {
    const { atMs, who, action, why, evidence } = intervention;
    this.#statements.intervention.run(seq, processor, atMs, who, action, why, evidence);
  }

  #withAttempt(move: Statement, seq: number, attempt: FailedAttempt): TransitionResult {
    const { changes } = move.run(seq, attempt.processor);
    if (changes !== 1) return this.#moved(seq);
    this.#attempts.add(seq, attempt);
    return DONE;
  }

  #moved(seq: number): TransitionResult {
    const row = this.#statements.stateOf.get(seq) as { state: number } | null;
    return { kind: "moved", state: row === null ? null : (PAYMENT_STATES[row.state] ?? null) };
  }

  #rollback(): void {
    this.#unsettled.undone();
    // SQLite has already rolled back by itself after some errors; then there is nothing to undo.
    if (this.#db.inTransaction) this.#db.run("ROLLBACK");
  }
}

/** Row numbers begin anew once half of them are used and no row is left after a purge. */
function baseRowAtStart(baseRow: number, lastRow: number | null): number {
  return lastRow === null && baseRow >= LEDGER_ROWS_MAX / 2 ? 0 : baseRow;
}

const DONE: TransitionResult = { kind: "done" };
const DUPLICATE: TransitionResult = { kind: "duplicate" };
const CONFLICT: TransitionResult = { kind: "conflict" };

export function openDatabase(path: string, sync: JournalSync): Database {
  let db: Database | null = null;
  try {
    if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true });
    db = new SqliteConnection(path, { create: true, readwrite: true, strict: true });
    refuseUnknown(db);
    db.run(`PRAGMA page_size = ${PAGE_BYTES}`);
    db.run("PRAGMA journal_mode = WAL");
    db.run(`PRAGMA synchronous = ${sync}`);
    db.run("PRAGMA wal_autocheckpoint = 0");
    db.run(`PRAGMA cache_size = -${CACHE_BYTES_AT_LENGTH / 1024}`);
    return db;
  } catch (error) {
    db?.close();
    throw new Error(`journal ${path} cannot be opened: ${reasonOf(error)}`, { cause: error });
  }
}

/** The message of an error; for a damaged file it says what to do. */
function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return isCorruption(error) ? damage(message) : message;
}

/** Size of the database, with the pages that are still in its log. */
function bytesOf(db: Database): number {
  const value = (pragma: string) => (db.query(`PRAGMA ${pragma}`).values()[0] as [number])[0];
  return value("page_count") * value("page_size");
}
