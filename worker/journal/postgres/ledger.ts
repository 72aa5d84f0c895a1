/**
 * The ledger's rows as they lie in a database: for the start, and for windows older than the ring. Rows
 * below the base of their stream are forgotten, and are deleted later.
 */
import { BLOCK_ROWS, type BlockTotals, type LedgerRows } from "../../transitions.ts";
import { blockTotals, type BlockRow } from "../block-totals.ts";

/** The one stream of commits while one worker has every payment. */
export const STREAM = 0;

type Ask = <Row>(text: string, values: readonly unknown[]) => Promise<readonly Row[]>;
type SettledRow = { readonly at: number; readonly cents: number; readonly processor: number };

type BlockColumns = {
  readonly block: number;
  readonly processor: number;
  readonly min_ms: number;
  readonly max_ms: number;
  readonly count: number;
  readonly cents: number;
};

/** Sums of the full blocks from `fromRow`, which is a block's first, up to, not including, `toRow`. */
export async function ledgerBlocks(
  ask: Ask,
  stream: number,
  fromRow: number,
  toRow: number,
  processors: number,
): Promise<BlockTotals[]> {
  const [first, end] = [fromRow / BLOCK_ROWS, toRow / BLOCK_ROWS];
  const rows = await ask<BlockColumns>(
    `SELECT block::float8, processor, min_ms::float8, max_ms::float8, count, cents::float8
     FROM blocks WHERE stream = $1::int AND block >= $2::bigint AND block < $3::bigint`,
    [stream, first, end],
  );
  const inOrder = rows.map(({ block, processor, min_ms, max_ms, count, cents }): BlockRow => {
    return [block, processor, min_ms, max_ms, count, cents];
  });
  return blockTotals(inOrder, first, end, processors);
}

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
