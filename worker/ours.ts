/** Tells whether a database is a journal, so that nobody else's is ever written to. */
import type { Database } from "bun:sqlite";

/** The number "PaLe" in the file's header; `file` and other tools show it. */
export const APPLICATION_ID = 0x50_61_4c_65;
/** Tables of a journal that was begun before there was the number. */
const TABLES = ["meta", "payments", "ledger"];

/** Throws with one sentence for a database of somebody else's; without tables it is nobody's. */
export function refuseForeign(db: Database): void {
  const id = applicationIdOf(db);
  if (id === APPLICATION_ID) return;
  const names = tablesOf(db);
  const isOurs = id === 0 && (names.length === 0 || TABLES.every((name) => names.includes(name)));
  if (!isOurs) throw new Error("it is an SQLite database, but no journal");
}

export function tablesOf(db: Database): unknown[] {
  return db.query("SELECT name FROM sqlite_schema WHERE type = 'table'").values().flat();
}

function applicationIdOf(db: Database): number {
  const [[id]] = db.query("PRAGMA application_id").values() as [[number]];
  return id;
}
