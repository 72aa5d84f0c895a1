/**
 * The ledger's rows as they lie in a database: for the start, and for windows older than the ring. Rows
 * below the base of their stream are forgotten, and are deleted later.
 */
import type { LedgerRows } from "../../transitions.ts";

/** The one stream of commits while one worker has every payment. */
export const STREAM = 0;

type Ask = <Row>(text: string, values: readonly unknown[]) => Promise<readonly Row[]>;
type SettledRow = { readonly at: number; readonly cents: number; readonly processor: number };

/** Rows from `fromRow` up to, not including, `toRow`. */
export async function ledgerRows(
  ask: Ask,
  stream: number,
  fromRow: number,
  toRow: number,
): Promise<LedgerRows> {
  const rows = await ask<SettledRow>(
    `SELECT l.requested_at_ms::float8 AS at, l.amount_cents::float8 AS cents, l.processor::int
     FROM ledger l JOIN streams s USING (stream)
     WHERE stream = $1::int AND l.row >= greatest(s.base, $2::bigint) AND l.row < $3::bigint
     ORDER BY l.row`,
    [stream, fromRow, toRow],
  );
  return {
    requestedAtMs: Float64Array.from(rows, ({ at }) => at),
    amountCents: Float64Array.from(rows, ({ cents }) => cents),
    processor: Float64Array.from(rows, ({ processor }) => processor),
  };
}
