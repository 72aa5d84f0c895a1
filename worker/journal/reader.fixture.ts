/**
 * A journal on PostgreSQL with the facts that a journal's file has, for the contract of readers: rows are
 * copied, and know their payment by its id there. The tables are those that a reader asks; once the
 * driver's own migrations are in the tree, `makeTables` is the place to run them instead.
 */
import { Database } from "bun:sqlite";
import { uuidFromHex } from "../uuid.ts";
import { STREAM } from "./open-reader.ts";

const TABLES = `
CREATE TABLE meta (one boolean PRIMARY KEY DEFAULT true CHECK (one), schema int NOT NULL,
  purges bigint NOT NULL DEFAULT 0, purged_at_ms bigint, restored_at_ms bigint);
INSERT INTO meta (schema) VALUES (1);
CREATE TABLE streams (stream smallint PRIMARY KEY, batch bigint NOT NULL DEFAULT 0,
  rows bigint NOT NULL DEFAULT 0, base bigint NOT NULL DEFAULT 0);
INSERT INTO streams SELECT i FROM generate_series(0, 63) i;
CREATE TABLE processors (number int PRIMARY KEY, name text NOT NULL UNIQUE, url text,
  mode text NOT NULL DEFAULT 'auto');
CREATE TABLE payments (id uuid PRIMARY KEY, seq bigint NOT NULL, amount_cents bigint NOT NULL,
  accepted_at_ms bigint NOT NULL, requested_at_ms bigint, settled_at_ms bigint,
  shard smallint NOT NULL, state smallint NOT NULL, processor int) WITH (fillfactor = 75);
CREATE INDEX open_payments ON payments (shard) WHERE state <> 4;
CREATE TABLE ledger (stream smallint NOT NULL, row bigint NOT NULL, requested_at_ms bigint NOT NULL,
  amount_cents bigint NOT NULL, id uuid NOT NULL, processor int NOT NULL, PRIMARY KEY (stream, row));
CREATE TABLE attempts (id uuid NOT NULL, nth bigint GENERATED ALWAYS AS IDENTITY,
  at_ms bigint NOT NULL, processor int NOT NULL, outcome text NOT NULL, reason text NOT NULL,
  PRIMARY KEY (id, nth));
CREATE TABLE attempts_left_out (id uuid PRIMARY KEY, count bigint NOT NULL);
CREATE TABLE interventions (nth bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid,
  processor int, at_ms bigint NOT NULL, who text NOT NULL, action text NOT NULL, why text NOT NULL,
  evidence text);
CREATE INDEX interventions_of_payment ON interventions (id);
`;

async function makeTables(sql: Bun.SQL): Promise<void> {
  await sql.unsafe(TABLES).simple();
}

type Facts = readonly Record<string, unknown>[];

/** Copies the file at `path` into the empty database at `url`. */
export async function copyToPostgres(path: string, url: string): Promise<void> {
  using file = new Database(path, { readonly: true });
  await using sql = new Bun.SQL({ url, max: 1 });
  await makeTables(sql);
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
  const facts = "amount_cents, state, accepted_at_ms, processor, requested_at_ms, settled_at_ms";
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
