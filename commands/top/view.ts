/**
 * Keeps what the screen shows from one event to the next: the first event of a stream holds
 * everything that the worker keeps, later ones what is new.
 */
import { shownOf, sumOf } from "../../shared/tariff.ts";
import type { LaneChange, LiveLane, LiveSecond, LiveSnapshot } from "../../shared/http-api/live.ts";

/** Time over which a rate is taken. */
const RATE_SECONDS = 10;
const CHANGES_KEPT = 20;

export type Row = LiveLane & {
  /** Payments settled a second. */
  readonly rate: number;
  /** Fees paid there, to the cent, with the exact sum beside it; null while they are being added up. */
  readonly fees: string | null;
  /** The reason for the breaker's state; null when it never changed. */
  readonly cause: string | null;
};

export type Figures = {
  readonly at: string;
  readonly acceptedRate: number;
  readonly settledRate: number;
  readonly p99Ms: number | null;
  readonly snapshot: LiveSnapshot;
  readonly rows: readonly Row[];
  readonly changes: readonly LaneChange[];
};

export class View {
  #latest: LiveSnapshot | null = null;
  #seconds: LiveSecond[] = [];
  #changes: LaneChange[] = [];

  apply(snapshot: LiveSnapshot): void {
    // A worker that was started again counts from the beginning.
    const isAnother = this.#latest !== null && this.#latest.startedAt !== snapshot.startedAt;
    this.#seconds = merge(isAnother ? [] : this.#seconds, snapshot.seconds, RATE_SECONDS);
    this.#changes = merge(
      isAnother ? [] : this.#changes,
      snapshot.changes,
      Number.MAX_SAFE_INTEGER,
    );
    this.#latest = snapshot;
  }

  /** Null before the first event. */
  figures(): Figures | null {
    const snapshot = this.#latest;
    if (snapshot === null) return null;
    const spanMs = this.#seconds.reduce((sum, second) => sum + second.spanMs, 0);
    const rate = (of: (second: LiveSecond) => number) =>
      spanMs === 0
        ? 0
        : (this.#seconds.reduce((sum, second) => sum + of(second), 0) / spanMs) * 1_000;
    const rows = snapshot.lanes.map((lane, index) => ({
      ...lane,
      rate: rate(({ settled }) => settled[index] ?? 0),
      fees: feesAt(lane.name, snapshot),
      cause: this.#causeOf(lane.name),
    }));
    return {
      at: snapshot.at,
      acceptedRate: rate(({ accepted }) => accepted),
      settledRate: rows.reduce((sum, row) => sum + row.rate, 0),
      p99Ms: snapshot.untilDurable?.p99Ms ?? null,
      snapshot,
      rows,
      changes: this.#changes.slice(-CHANGES_KEPT),
    };
  }

  #causeOf(name: string): string | null {
    const last = this.#changes.findLast(
      ({ processor, kind }) => processor === name && kind === "breaker",
    );
    return last?.cause ?? null;
  }
}

function feesAt(name: string, { money }: LiveSnapshot): string | null {
  if (money === null) return null;
  const own = money.each.filter((one) => one.name === name);
  return shownOf(sumOf(own.map(({ paid }) => paid)));
}

/** Merges rows by their numbers: a stream that has started again tells again what is known. */
function merge<T extends { readonly number: number }>(
  kept: readonly T[],
  more: readonly T[],
  max: number,
): T[] {
  const last = kept.at(-1)?.number ?? -1;
  return [...kept, ...more.filter(({ number }) => number > last)].slice(-max);
}
