/**
 * Brings a journal to this program's format, forward only: a migration for each number, each in one
 * transaction with the number that it leaves. Whoever is killed in between leaves a journal of the
 * format before, whole, and the next start goes on there. A new journal takes the same way, so that it
 * has the same schema as one that was upgraded.
 */
import type { Database } from "bun:sqlite";
import { FORMAT, formatOf } from "../format.ts";
import { tables } from "./migrations/0001-tables.ts";
import { attemptsLeftOut } from "./migrations/0002-attempts-left-out.ts";
import { addresses } from "./migrations/0003-addresses.ts";
import { copies } from "./migrations/0004-copies.ts";
import { pruned } from "./migrations/0005-pruned.ts";
import { unsettled } from "./migrations/0006-unsettled.ts";
import { tariffs } from "./migrations/0007-tariffs.ts";
import { carried } from "./migrations/0008-carried.ts";
import { webhooks } from "./migrations/0009-webhooks.ts";
import { codes } from "./migrations/0010-codes.ts";
import { codesApart } from "./migrations/0011-codes-apart.ts";
import type { Migration } from "./migrations/migration.ts";

/** The nth leaves format n. */
export const MIGRATIONS: readonly Migration[] = [
  tables,
  attemptsLeftOut,
  addresses,
  copies,
  pruned,
  unsettled,
  tariffs,
  carried,
  webhooks,
  codes,
  codesApart,
];
if (MIGRATIONS.length !== FORMAT) throw new Error(`there are not ${FORMAT} migrations`);

export type Upgrade =
  | { readonly kind: "begins"; readonly from: number; readonly to: number }
  | { readonly kind: "step"; readonly migration: string; readonly durationMs: number };

/** Removes what the first versions put back before they see that the format is none of theirs. */
const PUT_BACK =
  "DROP INDEX IF EXISTS open_payments; DROP INDEX IF EXISTS interventions_of_payment;";

/** Gives the migrations that are to be done. */
export function pendingIn(db: Database): readonly Migration[] {
  return MIGRATIONS.slice(formatOf(db));
}

/** Does what is to be done, and tells of each step; of a new journal it tells nothing. */
export function migrate(
  db: Database,
  told: (upgrade: Upgrade) => void = () => {},
  pending: readonly Migration[] = pendingIn(db),
): void {
  if (formatOf(db) === FORMAT) db.run(PUT_BACK);
  if (pending.length === 0) return;
  const tell = isNew(db) ? () => {} : told;
  // A format must not roll back with a power cut, at any level of the rest.
  db.run("PRAGMA synchronous = FULL");
  tell({ kind: "begins", from: formatOf(db), to: formatOf(db) + pending.length });
  for (const migration of pending) {
    const startMs = performance.now();
    step(db, migration);
    const durationMs = Math.round(performance.now() - startMs);
    tell({ kind: "step", migration: migration.name, durationMs });
  }
}

function step(db: Database, { up }: Migration): void {
  const format = formatOf(db) + 1;
  db.transaction(() => {
    up(db);
    db.run(`PRAGMA user_version = ${format}`);
    db.run("INSERT OR REPLACE INTO meta VALUES ('schema', ?)", [format]);
  }).immediate();
}

function isNew(db: Database): boolean {
  return db.query("SELECT 1 FROM sqlite_schema").all().length === 0;
}
