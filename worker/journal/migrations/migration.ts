import type { Database } from "bun:sqlite";

/**
 * The way from the format before to the next one, in one transaction that the caller makes. It never
 * changes once it is released: its SQL is written out, and uses nothing that other files may change.
 */
export type Migration = {
  /** The name of its file, which begins with the number of the format that it leaves. */
  readonly name: string;
  /** Says in a few words what is different afterwards. */
  readonly what: string;
  /** Tables that it reads or writes as a whole, each as often as it does: the time it takes. */
  readonly walks: readonly string[];
  readonly up: (db: Database) => void;
};

/** Tells migrations up to 4 what is there: a journal of before the number may have what they bring. */
export function hasColumn(db: Database, table: string, column: string): boolean {
  const sql = "SELECT 1 FROM pragma_table_info(?) WHERE name = ?";
  return db.query(sql).all(table, column).length > 0;
}
