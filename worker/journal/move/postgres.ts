/**
 * Reads and writes a journal on PostgreSQL for a move, in a transaction that the caller has begun and in
 * which the streams are locked: every commit of a worker, and every start, would have to change one.
 * Several streams become one order: all rows of one follow those of another, since sums do not depend on it.
 */
import { BLOCK_ROWS, STREAMS } from "../../limits.ts";
import { shardOf } from "../../../shared/shards.ts";
import { withoutNul } from "../postgres/batch.ts";
import type { Connection } from "../postgres/connection.ts";
import { STREAM } from "../postgres/ledger.ts";
import { IS_OPEN } from "../postgres/open-rows.ts";
import { CODE } from "../sqlite-moves.ts";
import { columnsOf, ROWS_AT_ONCE, type Meta, type Row, type Source, type Table } from "./facts.ts";
import { tallyOf, type Tally } from "./tally.ts";

type Ask = Connection["ask"];

/** The ledger's rows that were not forgotten. */
const LEDGER = "ledger JOIN streams USING (stream) WHERE row >= base";
/** The attempts, of which only that by which its payment was rejected tells its code. */
const ATTEMPTS = `(SELECT nth, id, at_ms, a.processor, outcome, reason,
    CASE WHEN state = ${CODE.rejected} AND NOT EXISTS (SELECT FROM attempts later
      WHERE later.id = a.id AND later.nth > a.nth) THEN code END AS code
  FROM attempts a JOIN payments USING (id)) a`;
const FROM: Readonly<Record<Table, string>> = {
  processors: "processors ORDER BY number",
  tariffs: "tariffs ORDER BY number",
  payments: "payments ORDER BY seq",
  sources: "sources ORDER BY id",
  ledger: `${LEDGER} ORDER BY stream, row`,
  attempts: `${ATTEMPTS} ORDER BY nth`,
  attempts_left_out: "attempts_left_out ORDER BY id",
  interventions: "interventions ORDER BY nth",
};

/** Throws with one sentence when a worker works there or waits; keeps all others away afterwards. */
export async function lockDatabase(ask: Ask): Promise<void> {
  // Writing elsewhere may take its time meanwhile.
  await ask("SET LOCAL idle_in_transaction_session_timeout = 0");
  await ask("SELECT FROM streams ORDER BY stream FOR UPDATE");
  const [living] = await ask<{ name: string }>(
    "SELECT name FROM workers WHERE sealed_at IS NULL AND alive_until > clock_timestamp() LIMIT 1",
  );
  if (living !== undefined) throw new Error(`worker ${living.name} works there: stop it first`);
}

export async function isEmptyDatabase(ask: Ask): Promise<boolean> {
  const [row] = await ask<{ empty: boolean }>(
    `SELECT NOT EXISTS (SELECT FROM payments) AND NOT EXISTS (SELECT FROM ledger)
       AND NOT EXISTS (SELECT FROM processors) AND NOT EXISTS (SELECT FROM interventions) AS empty`,
  );
  return row!.empty;
}

export function sourceIn(ask: Ask): Source {
  const meta = () => metaIn(ask);
  return { meta, rows: (table) => rowsOf(ask, table), ask: (question) => ask<Row>(question) };
}

export function tallyOfDatabase(ask: Ask): Promise<Tally> {
  return tallyOf(sourceIn(ask), `(SELECT ledger.* FROM ${LEDGER}) l`, ATTEMPTS);
}

async function metaIn(ask: Ask): Promise<Meta> {
  const [meta] = await ask<Meta>(
    `SELECT epoch::float8, base::float8 AS "baseRow",
       (base + (SELECT count(*) FROM ${LEDGER}))::float8 AS "nextRow",
       purged_at_ms::float8 AS "purgedAtMs", pruned_before_ms::float8 AS "prunedBeforeMs",
       restored_at_ms::float8 AS "restoredAtMs", requested_up_to_ms::float8 AS "requestedUpToMs"
     FROM meta, streams WHERE stream = ${STREAM}`,
  );
  return { ...meta! };
}

async function* rowsOf(ask: Ask, table: Table): AsyncGenerator<readonly Row[]> {
  const columns = columnsOf(table).map(([name, type]) => {
    // Doubles hold every number of a journal exactly; a bigint would come as a text.
    const shown = type === "bigint" ? "float8" : type === "uuid" ? "text" : type;
    return `${name}::${shown}`;
  });
  let { baseRow: row } = await metaIn(ask);
  await ask(`DECLARE moved NO SCROLL CURSOR FOR SELECT ${columns.join(", ")} FROM ${FROM[table]}`);
  for (;;) {
    const rows = await ask<Row>(`FETCH ${ROWS_AT_ONCE} FROM moved`);
    if (rows.length === 0) break;
    yield table === "ledger" ? rows.map((one) => Object.assign({}, one, { row: row++ })) : rows;
  }
  await ask("CLOSE moved");
}

/** Writes all of it; `told` hears of every payment. The database is empty. */
export async function writeDatabase(
  ask: Ask,
  source: Source,
  tables: readonly Table[],
  told: (payments: number) => void,
): Promise<void> {
  for (const table of tables) {
    for await (const rows of source.rows(table)) {
      await writeRows(ask, table, rows);
      if (table === "payments") told(rows.length);
    }
  }
  const meta = await source.meta();
  const { epoch, baseRow, nextRow, purgedAtMs, prunedBeforeMs } = meta;
  await ask(
    `UPDATE meta SET epoch = $1::bigint, purged_at_ms = $2::bigint, pruned_before_ms = $3::bigint,
       restored_at_ms = $4::bigint, requested_up_to_ms = $5::bigint, modes_version = modes_version + 1`,
    [epoch, purgedAtMs, prunedBeforeMs, meta.restoredAtMs, meta.requestedUpToMs],
  );
  await ask(
    `UPDATE streams SET base = $1::bigint, rows = $2::bigint,
       seq = (SELECT coalesce(max(seq), 0) FROM payments) WHERE stream = ${STREAM}`,
    [baseRow, nextRow],
  );
  // Each stream has an equal part of what is settled and of what may be.
  await ask(
    `UPDATE streams SET cents = ceil(((SELECT coalesce(sum(amount_cents), 0) FROM ${LEDGER})
       + (SELECT coalesce(sum(amount_cents), 0) FROM payments WHERE ${IS_OPEN})) / ${STREAMS})`,
  );
  await ask(
    `INSERT INTO blocks SELECT stream, row / ${BLOCK_ROWS}, processor, min(requested_at_ms), max(requested_at_ms),
       count(*), sum(amount_cents) FROM ledger
     WHERE row < $1::bigint / ${BLOCK_ROWS} * ${BLOCK_ROWS} GROUP BY 1, 2, 3`,
    [nextRow],
  );
}

async function writeRows(ask: Ask, table: Table, rows: readonly Row[]): Promise<void> {
  const columns = columnsOf(table);
  const lists = columns.map(([name, type]) => {
    const isText = type === "text";
    return rows.map((row) => {
      const value = row[name] ?? null;
      return isText && value !== null ? withoutNul(String(value)) : value;
    });
  });
  const typed = columns.map(([, type], i) => `$${i + 1}::${type}[]`);
  const names = columns.map(([name]) => name);
  const [own, values] = ownOf(table, rows, columns.length);
  await ask(
    `INSERT INTO ${table} (${[...names, ...own.names].join(", ")})
     SELECT ${[...names, ...own.names].join(", ")}
     FROM unnest(${[...typed, ...own.typed].join(", ")})
       WITH ORDINALITY AS r(${[...names, ...own.names, "place"].join(", ")}) ORDER BY place`,
    [...lists, ...values],
  );
}

type Own = { readonly names: readonly string[]; readonly typed: readonly string[] };

/** Columns that only a database has. */
function ownOf(table: Table, rows: readonly Row[], before: number): [Own, readonly unknown[]] {
  const own = (types: Readonly<Record<string, string>>, ...of: ((row: Row) => unknown)[]) => {
    const typed = Object.values(types).map((type, i) => `$${before + 1 + i}::${type}[]`);
    const values = of.map((value) => rows.map(value));
    return [{ names: Object.keys(types), typed }, values] satisfies [Own, readonly unknown[]];
  };
  if (table === "payments") {
    const shard = ({ id }: Row) => shardOf(String(id));
    const settled = ({ state }: Row) => state === CODE.settled;
    return own({ shard: "smallint", settled: "boolean" }, shard, settled);
  }
  return table === "ledger" ? own({ stream: "smallint" }, () => STREAM) : own({});
}
