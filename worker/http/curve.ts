/**
 * Draws the curve of a window: its settled payments by processor, in at most 300 buckets of
 * requestedAt. Each bucket is a reading of the ledger's columns, as the summary is, so that the buckets
 * add up to it; a long window is read in pieces, so that no summary waits for it.
 */
import { iso } from "../../shared/clock.ts";
import type { Curve } from "../../shared/http-api/dashboard.ts";
import { decimalFromCents } from "../../shared/money.ts";
import type { MoneyReader } from "./money.ts";
import type { SummaryReader, SummaryWindow } from "../summary.ts";

const BUCKETS_MAX = 300;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WIDTHS_MS = [
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  DAY,
];
/** Longest time that a curve keeps the thread before others have their turn. */
const TURN_MS = 5;

/** Settled payments, as the summary reads them. */
export type Settled = Pick<SummaryReader, "read" | "span" | "exactFromMs">;

/** Finds a round width with which the window has no more buckets than are wanted. */
export function bucketMsOf({ fromMs, toMs }: SummaryWindow): number {
  const bucketsWith = (widthMs: number) =>
    Math.floor(toMs / widthMs) - Math.floor(fromMs / widthMs) + 1;
  const round = WIDTHS_MS.find((widthMs) => bucketsWith(widthMs) <= BUCKETS_MAX);
  return round ?? DAY * Math.ceil((toMs - fromMs) / DAY / (BUCKETS_MAX - 1));
}

export async function readCurve(
  summary: Settled,
  fees: Pick<MoneyReader, "read">,
  names: readonly string[],
  asked: SummaryWindow,
): Promise<Curve> {
  const window = closed(asked, summary.span());
  if (window === null) {
    return { from: null, to: null, bucketMs: 0, processors: [], buckets: [], money: null };
  }
  const bucketMs = bucketMsOf(window);
  const read: { readonly at: string; readonly counts: number[]; readonly cents: number[] }[] = [];
  const seen = new Set<number>();
  let turnedAtMs = performance.now();
  const firstMs = Math.floor(window.fromMs / bucketMs) * bucketMs;
  for (let atMs = firstMs; atMs <= window.toMs; atMs += bucketMs) {
    const { counts, cents } = await summary.read({
      fromMs: Math.max(atMs, window.fromMs),
      toMs: Math.min(atMs + bucketMs - 1, window.toMs),
    });
    for (const [number, count] of counts.entries()) if (count > 0) seen.add(number);
    read.push({ at: iso(atMs), counts: [...counts], cents: [...cents] });
    if (performance.now() - turnedAtMs < TURN_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    turnedAtMs = performance.now();
  }
  const shown = [...seen].sort((a, b) => a - b);
  const only = (values: readonly number[]) => shown.map((number) => values[number] as number);
  return {
    from: iso(window.fromMs),
    to: iso(window.toMs),
    bucketMs,
    processors: shown.map((number) => names[number] as string),
    buckets: read.map(({ at, counts, cents }) => ({
      at,
      counts: only(counts),
      cents: only(cents),
    })),
    money: await fees.read(window),
  };
}

export function curveCsv({ processors, buckets }: Curve): string {
  const columns = processors.flatMap((name) => [`${name}_payments`, `${name}_amount`]);
  const lines = buckets.map(({ at, counts, cents }) => {
    const values = counts.flatMap((count, i) => [count, decimalFromCents(cents[i] as number)]);
    return [at, ...values].join(",");
  });
  return [["at", ...columns].join(","), ...lines, ""].join("\r\n");
}

/** Closes a window's open ends where the settled payments end; null when there are none. */
function closed({ fromMs, toMs }: SummaryWindow, span: SummaryWindow | null): SummaryWindow | null {
  if (span === null) return null;
  const window = {
    fromMs: fromMs === Number.NEGATIVE_INFINITY ? span.fromMs : fromMs,
    toMs: toMs === Number.POSITIVE_INFINITY ? span.toMs : toMs,
  };
  return window.fromMs <= window.toMs ? window : null;
}
