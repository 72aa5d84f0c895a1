/** Puts the sums of blocks together, which every driver keeps in a row for each block and processor. */
import type { BlockTotals } from "../transitions.ts";

export type BlockRow = [
  block: number,
  processor: number,
  minMs: number,
  maxMs: number,
  count: number,
  cents: number,
];

/** Gives totals of the blocks from `first` up to, not including, `end`, from their rows in any order. */
export function blockTotals(
  rows: readonly BlockRow[],
  first: number,
  end: number,
  processors: number,
): BlockTotals[] {
  const blocks = Array.from({ length: end - first }, () => ({
    minMs: Number.POSITIVE_INFINITY,
    maxMs: Number.NEGATIVE_INFINITY,
    counts: new Array<number>(processors).fill(0),
    cents: new Array<number>(processors).fill(0),
  }));
  for (const [block, processor, minMs, maxMs, count, cents] of rows) {
    const totals = blocks[block - first]!;
    totals.minMs = Math.min(totals.minMs, minMs);
    totals.maxMs = Math.max(totals.maxMs, maxMs);
    totals.counts[processor] = count;
    totals.cents[processor] = cents;
  }
  return blocks;
}
