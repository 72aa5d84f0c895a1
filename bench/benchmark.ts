/**
 * A benchmark is a module with a name and a `run` that gives rows. `rowOf` refuses a row without a
 * checked answer, since a fast wrong answer is worth nothing.
 */
export type BenchContext = {
  /** Tiny sizes: shows that a benchmark works, not how fast anything is. */
  readonly quick: boolean;
  /** Interleaved runs that each median is taken of. */
  readonly runs: number;
  /** Folder of the compiled binaries that run; null runs the source. */
  readonly dist: string | null;
  /** Folder of the journals, on the disk that is to be measured. */
  readonly directory: string;
  /** Users wait a second to the millisecond, and clump, as the contest's do. */
  readonly isFixedSecond?: boolean;
};

export interface Benchmark {
  readonly name: string;
  run(context: BenchContext): Row[] | Promise<Row[]>;
}

/** `/s` is better when it is more, a span or a size when it is less. */
export type Unit = "/s" | "ns" | "ms" | "MB";

/** The result that a row shall have. "2 times as long at most" is a ratio of at least 1/2. */
export type Target = {
  readonly op: "<=" | ">=";
  readonly value: number;
  readonly of: "figure" | "ratio";
};

export type Row = {
  readonly name: string;
  readonly unit: Unit;
  readonly figure: number;
  readonly baseline: number | null;
  /** The baseline's time over ours: below 1 is slower. Median of the runs' own ratios. */
  readonly ratio: number | null;
  /** Bounds of the median of the ratios, with 95 % confidence; null with too few of them. */
  readonly interval: Interval | null;
  /** Half the distance between the best and the worst run, as a part of the median. */
  readonly spread: number;
  /** Most rows have no target: they explain those that have one. */
  readonly targets: readonly Target[];
  readonly note: string;
  /** Answers that were compared with what they must be. */
  readonly checks: number;
};

/** A figure of each run, in the order of the runs, beside what the baseline did in the same run. */
export type Series = {
  readonly figures: readonly number[];
  readonly baselines?: readonly number[];
};

export function rowOf(
  name: string,
  unit: Unit,
  { figures, baselines }: Series,
  checks: Checks,
  note: string,
  targets: readonly Target[] = [],
): Row {
  if (figures.length === 0) throw new Error(`${name}: nothing was measured`);
  if (checks.count === 0) throw new Error(`${name}: no answer was checked`);
  const ratios = baselines && ratiosOf(unit, { figures, baselines });
  if (ratios === undefined && targets.some(({ of }) => of === "ratio"))
    throw new Error(`${name}: a target for a ratio, and no baseline`);
  return {
    name,
    unit,
    figure: median(figures),
    baseline: baselines === undefined ? null : median(baselines),
    ratio: ratios === undefined ? null : median(ratios),
    interval: ratios === undefined ? null : intervalOf(ratios),
    spread: (Math.max(...figures) - Math.min(...figures)) / 2 / median(figures),
    targets,
    note,
    checks: checks.count,
  };
}

export type Verdict = "met" | "missed" | "not shown" | "–";

/**
 * Verdicts are read by people: a benchmark is no timed assertion. Tiny sizes have none. A ratio with an
 * interval is met or missed by all of it, and else not shown.
 */
export function verdictOf(row: Row, quick: boolean): Verdict {
  if (quick || row.targets.length === 0) return "–";
  const verdicts = new Set(row.targets.map((target) => judge(row, target)));
  return (["missed", "not shown"] as const).find((one) => verdicts.has(one)) ?? "met";
}

function judge(row: Row, { op, value, of }: Target): "met" | "missed" | "not shown" {
  const actual = row[of] as number;
  const [least, most] = of === "ratio" && row.interval !== null ? row.interval : [actual, actual];
  const isMet = (bound: number) => (op === "<=" ? bound <= value : bound >= value);
  if (isMet(least) && isMet(most)) return "met";
  return isMet(least) || isMet(most) ? "not shown" : "missed";
}

export type Interval = readonly [least: number, most: number];
/** Chance that a median lies on one given side of its interval. */
const BESIDE = 0.025;

/**
 * Gives the bounds of a median with 95 % confidence, whatever the values are distributed like: those between
 * which it lies unless as many of them fell to one side as a coin does in one of forty rows. Null for fewer than six.
 */
export function intervalOf(values: readonly number[]): Interval | null {
  const sorted = values.toSorted((a, b) => a - b);
  let [rank, chance, beside] = [0, 0.5 ** sorted.length, 0];
  // A binomial coefficient follows from the one before it.
  while (beside + chance <= BESIDE) {
    beside += chance;
    chance *= (sorted.length - rank) / (rank + 1);
    rank++;
  }
  return rank === 0 ? null : [sorted[rank - 1]!, sorted[sorted.length - rank]!];
}

/** Tells an interval, and how many turns would make it as narrow as asked for, to either side. */
export function shownBy(ratios: readonly number[], toEitherSide: number): string {
  const bounds = intervalOf(ratios);
  if (bounds === null) return "too few turns to tell it from chance";
  const [least, most] = bounds;
  const wanted = Math.ceil(ratios.length * ((most - least) / 2 / toEitherSide) ** 2);
  const more = wanted > ratios.length ? `, ${wanted} turns for ±${toEitherSide}` : "";
  return `the median lies between ${least.toFixed(3)} and ${most.toFixed(3)}${more}`;
}

/** Times as fast as the baseline, of each run. */
export function ratiosOf(unit: Unit, { figures, baselines }: Required<Series>): number[] {
  const speed = (figure: number, baseline: number) =>
    unit === "/s" ? figure / baseline : baseline / figure;
  return baselines.map((baseline, run) => speed(figures[run] as number, baseline));
}

/** Says what the turns were, and that they are no difference where one has another sign than the rest. */
export function differenceOf(ratios: readonly number[]): string {
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)];
  const turns = `turns ${ratios.map((ratio) => ratio.toFixed(2)).join(" ")}`;
  return least <= 1 && most >= 1 ? `no difference, ${turns}` : turns;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/**
 * Has each of them measure once a round, another one first in every round, so that a slow moment hits all alike.
 * Gives the results of each, in the order of the rounds.
 */
export async function byTurns<T>(
  runs: number,
  measures: readonly (() => Promise<T>)[],
): Promise<T[][]> {
  const results = measures.map((): T[] => []);
  for (let round = 0; round < runs; round++) {
    for (let turn = 0; turn < measures.length; turn++) {
      const at = (round + turn) % measures.length;
      results[at]!.push(await measures[at]!());
    }
  }
  return results;
}

/** Counts what was compared, and ends the benchmark at the first wrong answer. */
export class Checks {
  count = 0;

  equal(what: string, actual: unknown, expected: unknown): void {
    this.count++;
    if (Bun.deepEquals(actual, expected, true)) return;
    throw new Error(`${what}: ${Bun.inspect(actual)}, and not ${Bun.inspect(expected)}`);
  }
}
