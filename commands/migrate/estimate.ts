/**
 * Tells how long a migration will take, from how many rows it walks over and how fast rows of this file
 * can be read here. It is a range: on a busy machine, or from a cold disk, a step takes several times as
 * long as the quickest one of its kind.
 */

/** Rows of each table; a table that is not there yet has none. */
export type Counts = ReadonlyMap<string, number>;
export type Range = { readonly fromMs: number; readonly toMs: number };

/** Measured steps took between 0.6 and 1.8 times a plain read of the same rows. */
const [QUICKEST, SLOWEST] = [0.5, 3];
/** A transaction and its sync, whatever it does. */
const STEP_MS_MAX = 100;

/** `walks` names tables, each as often as all of its rows are read or written. */
export function estimate(walks: readonly string[], counts: Counts, rowsPerMs: number): Range {
  const rows = walks.reduce((sum, table) => sum + (counts.get(table) ?? 0), 0);
  const ms = rows / rowsPerMs;
  return { fromMs: QUICKEST * ms, toMs: STEP_MS_MAX + SLOWEST * ms };
}

export function sumOf(ranges: readonly Range[]): Range {
  const sum = (key: keyof Range) => ranges.reduce((all, range) => all + range[key], 0);
  return { fromMs: sum("fromMs"), toMs: sum("toMs") };
}

export function describeRange({ fromMs, toMs }: Range): string {
  const [from, to] = [Math.floor(fromMs / 1_000), Math.ceil(toMs / 1_000)];
  return to <= 1 ? "less than a second" : `${from} to ${to} s`;
}
