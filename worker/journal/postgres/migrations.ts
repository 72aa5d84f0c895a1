/**
 * Brings a database to this program's schema, forward only: one transaction for all that is missing, under
 * a lock that keeps two starts apart. A database of a later schema, or of somebody else's, is refused
 * before anything is written. The functions are made anew by each version under names of its own.
 */
import { VERSION } from "../../../shared/version.ts";
import type { Connection } from "./connection.ts";
import { FUNCTIONS } from "./functions.ts";
import { tables } from "./migrations/0001-tables.ts";
import { moves } from "./migrations/0002-moves.ts";
import { carried } from "./migrations/0003-carried.ts";
import { webhooks } from "./migrations/0004-webhooks.ts";
import { codes } from "./migrations/0005-codes.ts";
import { map } from "./migrations/0006-map.ts";
import { endings } from "./migrations/0007-endings.ts";
import { configurations } from "./migrations/0008-configurations.ts";
import { cents } from "./migrations/0009-cents.ts";
import { given } from "./migrations/0010-given.ts";
import { settled } from "./migrations/0011-settled.ts";
import type { PostgresMigration } from "./migrations/migration.ts";

/** The nth leaves schema n. */
export const POSTGRES_MIGRATIONS: readonly PostgresMigration[] = [
  tables,
  moves,
  carried,
  webhooks,
  codes,
  map,
  endings,
  configurations,
  cents,
  given,
  settled,
];

/**
 * Seals all workers there are, once there are shards. Those of earlier versions have ended, or only sleep: one
 * that woke up would work on with functions that know nothing of the new schema.
 */
const SEAL_ALL = [
  "UPDATE workers SET sealed_at = clock_timestamp() WHERE sealed_at IS NULL",
  "UPDATE streams SET worker = NULL WHERE worker IS NOT NULL",
  "UPDATE shards SET worker = NULL WHERE worker IS NOT NULL",
];

/** Number of the lock that a migration holds: "PaLe". */
export const LOCK = 0x50_61_4c_65;
const TABLES = ["meta", "workers", "streams", "payments", "ledger"];

/** Gives the number of the schema; 0 of an empty database. Throws when it is somebody else's. */
export async function schemaOf(ask: Connection["ask"]): Promise<number> {
  const rows = await ask<{ tablename: string }>(
    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
  );
  const names = rows.map(({ tablename }) => tablename);
  if (names.length === 0) return 0;
  if (!TABLES.every((name) => names.includes(name))) {
    throw new Error("it has tables, and they are no journal's: give it a database of its own");
  }
  const [meta] = await ask<{ schema: number }>("SELECT schema FROM meta");
  return meta?.schema ?? 0;
}

/** Throws with one sentence when the schema is a later program's. */
export function refuseLater(schema: number, known: number = POSTGRES_MIGRATIONS.length): void {
  if (schema <= known) return;
  throw new Error(
    `it is of schema ${schema}, and this is papa-leguas ${VERSION}, which knows schemas up to ${known}: \
start the version that wrote it, or a later one`,
  );
}

/** Does what is to be done; gives the names of the migrations that were. */
export async function migratePostgres(
  connection: Connection,
  migrations: readonly PostgresMigration[] = POSTGRES_MIGRATIONS,
): Promise<string[]> {
  const done: string[] = [];
  await connection.together(async (ask) => {
    // Another start makes the tables, which takes its time; tables themselves are waited for as usual.
    await ask("SET LOCAL lock_timeout = 0");
    await ask(`SELECT pg_advisory_xact_lock(${LOCK})`);
    await ask("SET LOCAL lock_timeout TO DEFAULT");
    const schema = await schemaOf(ask);
    refuseLater(schema, migrations.length);
    for (const { name, sql } of migrations.slice(schema)) {
      for (const statement of statementsOf(sql)) await ask(statement);
      done.push(name);
    }
    if (done.length > 0) {
      await ask("UPDATE meta SET schema = $1::int", [migrations.length]);
      if (migrations.includes(map)) for (const statement of SEAL_ALL) await ask(statement);
    }
    for (const { name, sql } of FUNCTIONS) {
      const there = await ask(
        "SELECT FROM pg_proc WHERE proname = $1::text AND pronamespace = current_schema()::regnamespace",
        [name],
      );
      if (there.length === 0) await ask(sql);
    }
  });
  return done;
}

/** Cuts a migration, which has no functions, at its semicolons: one question is one statement. */
function statementsOf(sql: string): string[] {
  return sql.split(";").filter((statement) => statement.trim() !== "");
}
