/**
 * Fills a database with settled payments, by SQL alone. Ids come in two rounds over the whole range, as in a file
 * (settled-journal.ts), so that pages of their index are as full as months of payments would leave them.
 */
import { Connection } from "../../worker/journal/postgres/connection.ts";
import { migratePostgres } from "../../worker/journal/postgres/migrations.ts";
import { STREAM } from "../../worker/journal/postgres/ledger.ts";
import { CODE } from "../../worker/journal/sqlite-moves.ts";
import { BLOCK_ROWS, STREAMS } from "../../worker/limits.ts";
import { SHARDS } from "../../shared/shards.ts";
import { CALL_MS, CENTS, FALLBACK_EACH, FIRST_ROUND, IDS, PER_MS } from "./settled-journal.ts";

const AT_ONCE = 500_000;
const NEW_PAYMENTS = `INSERT INTO payments (id, seq, amount_cents, accepted_at_ms, requested_at_ms, settled_at_ms, shard, state, settled, processor)
  SELECT (lpad(to_hex($3::bigint + (n - $1::bigint) * $4::bigint), 12, '0') || lpad(to_hex(n), 20, '0'))::uuid, n,
    1 + n * ${CENTS.factor} % ${CENTS.max}, at_ms, at_ms, at_ms + ${CALL_MS}, n % ${SHARDS}, ${CODE.settled}, true, CASE WHEN n % ${FALLBACK_EACH} = 0 THEN 1 ELSE 0 END
  FROM (SELECT n, $5::bigint + n / ${PER_MS} AS at_ms FROM generate_series($1::bigint, $2::bigint) n) t`;

/** Writes so many into an empty database, and brings its statistics up to date. */
export async function fillDatabase(url: string, count: number): Promise<void> {
  const connection = new Connection(url, Number.POSITIVE_INFINITY);
  const ask = (text: string, values: readonly number[] = []) => connection.ask(text, values);
  await migratePostgres(connection);
  await ask("INSERT INTO processors (number, name) VALUES (0, 'default'), (1, 'fallback')");
  const firstMs = Date.now() - count / PER_MS - 60_000;
  const first = Math.ceil(count * FIRST_ROUND);
  for (const [from, to] of [
    [1, first],
    [first + 1, count],
  ] as const) {
    const step = Math.floor(IDS / (to - from + 1));
    for (let n = from; n <= to; n += AT_ONCE) {
      const last = Math.min(to, n + AT_ONCE - 1);
      await ask(NEW_PAYMENTS, [n, last, (n - from) * step, step, Math.floor(firstMs)]);
    }
  }
  await ask(
    `INSERT INTO ledger SELECT ${STREAM}, seq - 1, requested_at_ms, amount_cents, id, processor FROM payments ORDER BY seq`,
  );
  await ask(
    `INSERT INTO blocks SELECT stream, row / ${BLOCK_ROWS}, processor, min(requested_at_ms), max(requested_at_ms),
       count(*), sum(amount_cents) FROM ledger WHERE row < ${count} / ${BLOCK_ROWS} * ${BLOCK_ROWS} GROUP BY 1, 2, 3`,
  );
  await ask(`UPDATE streams SET rows = ${count}, seq = ${count} WHERE stream = ${STREAM}`);
  await ask(`UPDATE streams SET cents = (SELECT ceil(sum(amount_cents) / ${STREAMS}) FROM ledger)`);
  await ask("VACUUM (ANALYZE)");
  connection.drop();
}
