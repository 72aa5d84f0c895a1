/**
 * The ledger's rows as they lie in a database: for the start, and for windows older than the ring. Rows
 * below the base of their stream are forgotten, and are deleted later.
 */
import { BLOCK_ROWS, type BlockTotals, type LedgerRows } from "../../transitions.ts";
import type { StreamRows } from "../../journal-reader.ts";
import { blockTotals, type BlockRow } from "../block-totals.ts";

/** The stream that a journal from elsewhere is written to. */
export const STREAM = 0;

export type Ask = <Row>(text: string, values: readonly unknown[]) => Promise<readonly Row[]>;
/**
 * Rows `l` of the ledger in pieces, which are the first three values of a statement: what is not forgotten. Each piece
 * is a question of its own, or the planner would take a ninth of the ledger for it, and read all of the ledger.
 */
export const PIECES = `unnest($1::int[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS piece (stream, lo, hi, nth)
  JOIN streams s ON s.stream = piece.stream
  JOIN LATERAL (SELECT * FROM ledger r WHERE r.stream = s.stream AND r.row >= greatest(s.base, piece.lo) AND r.row < piece.hi OFFSET 0) l ON true`;

/** Pieces as three values. */
export function arraysOf(pieces: readonly StreamRows[]): [string, string, string] {
  return [
    arrayOf(pieces.map(({ stream }) => stream)),
    arrayOf(pieces.map(({ fromRow }) => fromRow)),
    arrayOf(pieces.map(({ toRow }) => toRow)),
  ];
}

/** Numbers as a statement takes them. */
export function arrayOf(values: readonly number[]): string {
  return `{${values.join(",")}}`;
}

type SettledColumns = Readonly<Record<"at" | "cents" | "processor", readonly number[] | null>>;

type BlockColumns = Readonly<
  Record<"block" | "processor" | "min" | "max" | "count" | "cents", readonly number[] | null>
>;

/**
 * Sums of the full blocks from `fromRow`, which is a block's first, up to, not including, `toRow`. They come as
 * arrays, as rows do.
 */
export async function ledgerBlocks(
  ask: Ask,
  stream: number,
  fromRow: number,
  toRow: number,
  processors: number,
): Promise<BlockTotals[]> {
  const [first, end] = [fromRow / BLOCK_ROWS, toRow / BLOCK_ROWS];
  const [columns] = await ask<BlockColumns>(
    `SELECT array_agg(block::float8) AS block, array_agg(processor::int) AS processor, array_agg(min_ms::float8) AS min,
       array_agg(max_ms::float8) AS max, array_agg(count::int) AS count, array_agg(cents::float8) AS cents
     FROM blocks WHERE stream = $1::int AND block >= $2::bigint AND block < $3::bigint`,
    [stream, first, end],
  );
  const { block, processor, min, max, count, cents } = columns!;
  const rows = (block ?? []).map((number, i): BlockRow => {
    return [number, processor![i]!, min![i]!, max![i]!, count![i]!, cents![i]!];
  });
  return blockTotals(rows, first, end, processors);
}

/** Rows of some streams, in the order of the pieces. They come as arrays, which are read in half of the time. */
export async function ledgerRows(ask: Ask, ...pieces: readonly StreamRows[]): Promise<LedgerRows> {
  const [columns] = await ask<SettledColumns>(
    `SELECT array_agg(requested_at_ms::float8) AS at, array_agg(amount_cents::float8) AS cents,
       array_agg(processor::int) AS processor
     FROM (SELECT l.* FROM ${PIECES} ORDER BY nth, l.row) in_order`,
    arraysOf(pieces),
  );
  return {
    requestedAtMs: Float64Array.from(columns?.at ?? []),
    amountCents: Float64Array.from(columns?.cents ?? []),
    processor: Float64Array.from(columns?.processor ?? []),
  };
}
