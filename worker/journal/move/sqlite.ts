/** Reads a journal's file for a move, and writes one that has no other reader until it is whole. */
import type { Database } from "bun:sqlite";
import { sumOf } from "../copies.ts";
import { metaOf, type MetaKey } from "../meta.ts";
import { migrate } from "../migrations.ts";
import { SqliteBlocks } from "../sqlite-blocks.ts";
import { columnsOf, ROWS_AT_ONCE, type Meta, type Row, type Source, type Table } from "./facts.ts";
import { tallyOf, type Tally } from "./tally.ts";

/** SQLite's hex of nothing is an empty text. */
const ID = "nullif(lower(hex(p.id)), '') AS id";
/** The attempts as a database has them: with the code of a rejection, which is of its payment's last one. */
const ATTEMPTS = `(SELECT a.rowid AS nth, a.*, iif(EXISTS (SELECT 1 FROM attempts later
    WHERE later.seq = a.seq AND later.rowid > a.rowid), NULL, code) AS code
  FROM attempts a LEFT JOIN codes USING (seq))`;
const READ: Readonly<Record<Table, string>> = {
  processors: `SELECT number, name, url, coalesce(mode, 'auto') AS mode
    FROM processors LEFT JOIN processor_modes ON processor = number ORDER BY number`,
  tariffs: "SELECT number, processor, from_ms, terms FROM tariffs ORDER BY number",
  payments: `SELECT seq, ${ID}, amount_cents, state, accepted_at_ms, processor, requested_at_ms, settled_at_ms,
      reference FROM payments p ORDER BY seq`,
  sources: `SELECT ${ID}, print, source FROM sources CROSS JOIN payments p USING (seq) ORDER BY seq`,
  ledger: `SELECT row, ${ID}, l.processor, l.requested_at_ms, l.amount_cents
    FROM ledger l CROSS JOIN payments p USING (seq) ORDER BY row`,
  attempts: `SELECT ${ID}, at_ms, a.processor, outcome, reason, code
    FROM ${ATTEMPTS} a CROSS JOIN payments p USING (seq) ORDER BY nth`,
  attempts_left_out: `SELECT ${ID}, count FROM attempts_left_out o CROSS JOIN payments p USING (seq)`,
  interventions: `SELECT ${ID}, i.processor, at_ms, who, action, why, evidence
    FROM interventions i LEFT JOIN payments p USING (seq) ORDER BY i.rowid`,
};

const SEQ = "(SELECT seq FROM payments p WHERE p.id = unhex($id, '-'))";
const WRITE: Readonly<Record<Exclude<Table, "processors">, string>> = {
  tariffs: "INSERT INTO tariffs VALUES ($number, $processor, $from_ms, $terms)",
  payments: `INSERT INTO payments (seq, id, amount_cents, state, accepted_at_ms, processor, requested_at_ms,
      settled_at_ms, reference, sum)
    SELECT *, ${sumOf()} FROM (SELECT $seq AS seq, unhex($id, '-') AS id, $amount_cents AS amount_cents,
      $state AS state, $accepted_at_ms AS accepted_at_ms, $processor AS processor,
      $requested_at_ms AS requested_at_ms, $settled_at_ms AS settled_at_ms,
      $reference AS reference)`,
  sources: `INSERT INTO sources VALUES (${SEQ}, $print, $source)`,
  ledger: `INSERT INTO ledger VALUES ($row, ${SEQ}, $processor, $requested_at_ms, $amount_cents)`,
  attempts: `INSERT INTO attempts VALUES (${SEQ}, $at_ms, $processor, $outcome, $reason)`,
  attempts_left_out: `INSERT INTO attempts_left_out VALUES (${SEQ}, $count)`,
  interventions: `INSERT INTO interventions VALUES (${SEQ}, $processor, $at_ms, $who, $action, $why, $evidence)`,
};

const WRITE_CODE = `INSERT INTO codes VALUES (${SEQ}, $code)`;

const META_KEYS = {
  purgedAtMs: "purged_at_ms",
  prunedBeforeMs: "pruned_before_ms",
  restoredAtMs: "restored_at_ms",
  requestedUpToMs: "requested_up_to_ms",
} as const satisfies Partial<Record<keyof Meta, MetaKey>>;

export function sourceOf(db: Database): Source {
  return {
    async meta() {
      const baseRow = metaOf(db, "base_row") ?? 0;
      const [last] = db.query("SELECT max(row) FROM ledger").values() as [[number | null]];
      const instants = Object.entries(META_KEYS).map(([name, key]) => [name, metaOf(db, key)]);
      const nextRow = Math.max(baseRow, (last[0] ?? -1) + 1);
      const known = { epoch: metaOf(db, "epoch") ?? 0, baseRow, nextRow };
      return { ...known, ...Object.fromEntries(instants) };
    },
    async *rows(table) {
      let some: Row[] = [];
      for (const row of db.prepare<Row, []>(READ[table]).iterate()) {
        some.push(row);
        if (some.length < ROWS_AT_ONCE) continue;
        yield some;
        some = [];
      }
      if (some.length > 0) yield some;
    },
    ask: async (question) => db.query<Row, []>(question).all(),
  };
}

export function tallyOfFile(db: Database): Promise<Tally> {
  return tallyOf(sourceOf(db), "ledger", ATTEMPTS);
}

/** Writes all of it; `told` hears of every payment. The database is new, and nobody else's. */
export async function writeFile(
  db: Database,
  source: Source,
  tables: readonly Table[],
  told: (payments: number) => void,
): Promise<void> {
  migrate(db);
  // A draft that is lost is made anew: nothing has to be durable, and the log need not grow.
  db.run("PRAGMA synchronous = OFF");
  db.run("PRAGMA wal_autocheckpoint = 4096");
  for (const table of tables) {
    for await (const rows of source.rows(table)) {
      db.transaction(() => writeRows(db, table, rows))();
      if (table === "payments") told(rows.length);
    }
  }
  const meta = await source.meta();
  const set = db.prepare("INSERT OR REPLACE INTO meta VALUES (?, ?)");
  set.run("epoch", meta.epoch);
  set.run("base_row", meta.baseRow);
  for (const [name, key] of Object.entries(META_KEYS)) {
    const value = meta[name as keyof typeof META_KEYS];
    if (value !== null) set.run(key, value);
  }
  db.transaction(() => new SqliteBlocks(db).complete(meta.baseRow, meta.nextRow))();
}

function writeRows(db: Database, table: Table, rows: readonly Row[]): void {
  if (table === "processors") return writeProcessors(db, rows);
  const columns = columnsOf(table).map(([name]) => name);
  const write = db.query(WRITE[table]);
  for (const row of rows) {
    write.run(Object.fromEntries(columns.map((name) => [name, row[name] ?? null])));
  }
  if (table === "attempts") writeCodes(db, rows);
}

function writeCodes(db: Database, attempts: readonly Row[]): void {
  const write = db.query(WRITE_CODE);
  for (const { id, code } of attempts) if (code !== null) write.run({ id: id!, code: code! });
}

function writeProcessors(db: Database, rows: readonly Row[]): void {
  for (const { number, name, url, mode } of rows) {
    db.run("INSERT INTO processors (number, name, url) VALUES (?, ?, ?)", [
      number!,
      name!,
      url ?? null,
    ]);
    if (mode !== "auto") db.run("INSERT INTO processor_modes VALUES (?, ?)", [number!, mode!]);
  }
}
