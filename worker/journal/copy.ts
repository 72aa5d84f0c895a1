/** A copy of a journal: what is in it, and what `meta` says of it beside the journal's own. */
import { refuseUnknown } from "../format.ts";
import { PAYMENT_STATES } from "../transitions.ts";
import { damagedBy } from "./damage.ts";
import { noteCleanEnd } from "./ending.ts";
import { metaOf } from "./meta.ts";
import { SqliteConnection } from "../sqlite-connection.ts";

/**
 * Keys in `meta`. Everything that was durable at `backup_at_ms` is in the copy; nothing that was
 * acknowledged between it and `restored_at_ms` is sure to be there.
 */
export type Mark = "backup_at_ms" | "restored_at_ms";

export type Contents = {
  readonly payments: number;
  readonly open: number;
  /** When the newest of them was accepted. */
  readonly newestAtMs: number | null;
  /** Null, or that of an earlier copy, in one that was made by other means. */
  readonly backupAtMs: number | null;
};

/** Told of the bytes that are written, and null when all are and are looked through. */
export type OnBytes = (bytes: number | null) => void;

/** Writes into a copy that nobody else has open; the caller syncs it. No log stays beside it. */
export function mark(path: string, key: Mark, atMs: number): void {
  using db = new SqliteConnection(path, { readwrite: true, create: false });
  db.run("PRAGMA journal_mode = MEMORY");
  db.run("PRAGMA synchronous = OFF");
  db.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, atMs]);
  // The worker that was at the journal is not at the copy.
  noteCleanEnd(db);
}

/** Looks through all of a copy. Throws with one sentence when it is damaged, or no journal. */
export function contentsOf(path: string): Contents {
  using db = new SqliteConnection(path, { readonly: true });
  const found = damagedBy(db);
  if (found !== null) throw new Error(`the copy is damaged: ${found.replaceAll(/\s+/g, " ")}`);
  refuseUnknown(db);
  const hasPayments = "SELECT 1 FROM sqlite_schema WHERE name = 'payments'";
  if (db.query(hasPayments).all().length === 0)
    throw new Error("it is no copy of a journal: it is empty");
  const number = (sql: string) => (db.query(sql).values()[0]?.[0] ?? null) as number | null;
  const settled = PAYMENT_STATES.indexOf("settled");
  return {
    payments: number("SELECT count(*) FROM payments") ?? 0,
    open: number(`SELECT count(*) FROM payments WHERE state <> ${settled}`) ?? 0,
    newestAtMs: number("SELECT accepted_at_ms FROM payments ORDER BY seq DESC LIMIT 1"),
    backupAtMs: metaOf(db, "backup_at_ms"),
  };
}
