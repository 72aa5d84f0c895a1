/** Reads what `meta` says of the journal itself; store.ts tells what each key is. */
import type { Database } from "bun:sqlite";

export type MetaKey =
  | "epoch"
  | "base_row"
  | "recent_from_seq"
  | "pruned_before_ms"
  | "backup_at_ms"
  | "restored_at_ms"
  | "requested_up_to_ms"
  | "purged_at_ms"
  | "moved_at_ms";

export function metaOf(db: Database, key: MetaKey): number | null {
  const [row] = db.query("SELECT value FROM meta WHERE key = ?").values(key);
  return (row?.[0] as number | undefined) ?? null;
}
