/**
 * A journal on PostgreSQL with the facts that a journal's file has, for the contract of readers: its tables
 * are the driver's own, rows are copied, and know their payment by its id there.
 */
import { Database } from "bun:sqlite";
import { uuidFromHex } from "../uuid.ts";
import { Connection } from "./postgres/connection.ts";
import { STREAM } from "./postgres/ledger.ts";
import { migratePostgres } from "./postgres/migrations.ts";

async function makeTables(url: string): Promise<void> {
  const connection = new Connection(url, Number.POSITIVE_INFINITY);
  await migratePostgres(connection);
  connection.drop();
}

type Facts = readonly Record<string, unknown>[];

/** Copies the file at `path` into the empty database at `url`. */
export async function copyToPostgres(path: string, url: string): Promise<void> {
  using file = new Database(path, { readonly: true });
  await makeTables(url);
  await using sql = new Bun.SQL({ url, max: 1 });
  const ids = new Map<number, string>();
  const all = (query: string) => file.query(query).all() as Facts;
  for (const { seq, hex } of all("SELECT seq, lower(hex(id)) AS hex FROM payments")) {
    ids.set(seq as number, uuidFromHex(hex as string));
  }
  const insert = async (table: string, columns: string, rows: Facts) => {
    if (rows.length > 0) {
      const text = `INSERT INTO ${table} (${columns}) SELECT ${columns}
        FROM json_populate_recordset(NULL::${table}, $1::json)`;
      await sql.unsafe(text, [rows]);
    }
  };
  // Columns that a table does not have are left out by `insert`.
  const withId = (rows: Facts, more: Record<string, unknown> = {}) =>
    rows.map((row) => ({ ...row, ...more, id: ids.get(row["seq"] as number) ?? null }));
  const facts =
    "amount_cents, state, accepted_at_ms, processor, requested_at_ms, settled_at_ms, reference";
  const payments = withId(all(`SELECT seq, ${facts} FROM payments ORDER BY seq`), { shard: 7 });
  await insert("payments", `id, seq, shard, ${facts}`, payments);
  const ledger = withId(all("SELECT * FROM ledger ORDER BY row"), { stream: STREAM });
  await insert("ledger", "stream, row, requested_at_ms, amount_cents, id, processor", ledger);
  const attempts = withId(all("SELECT * FROM attempts ORDER BY rowid"));
  await insert("attempts", "id, at_ms, processor, outcome, reason", attempts);
  await insert("attempts_left_out", "id, count", withId(all("SELECT * FROM attempts_left_out")));
  const interventions = withId(all("SELECT * FROM interventions ORDER BY rowid"));
  const said = "id, processor, at_ms, who, action, why, evidence";
  await insert("interventions", said, interventions);
  await insert("processors", "number, name, url", all("SELECT number, name, url FROM processors"));
  const meta = new Map(all("SELECT key, value FROM meta").map(({ key, value }) => [key, value]));
  const base = (meta.get("base_row") as number | undefined) ?? 0;
  await sql`UPDATE meta SET purged_at_ms = ${meta.get("purged_at_ms") ?? null},
    restored_at_ms = ${meta.get("restored_at_ms") ?? null}`;
  await sql`UPDATE streams SET base = ${base} WHERE stream = ${STREAM}`;
  // Rows below the base are deleted later, and another stream's are not of this one.
  const strange = { requested_at_ms: 1, amount_cents: 1, id: crypto.randomUUID(), processor: 0 };
  const forgotten = base === 0 ? [] : [{ stream: STREAM, row: base - 1, ...strange }];
  await insert("ledger", "stream, row, requested_at_ms, amount_cents, id, processor", [
    ...forgotten,
    { stream: STREAM + 1, row: base + 1, ...strange },
  ]);
}
