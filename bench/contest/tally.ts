/** Counts how every HTTP call of a test ended, and how long the successful ones took. */
import { build } from "hdr-histogram-js";
import type { Failure } from "../../shared/http/connection.ts";

const MICROS_MAX = 60_000_000;

export type Latencies = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Successful calls. */
  readonly calls: number;
};

/** The end of a call, as far as it counts. */
export type Counted =
  | { readonly kind: "answer"; readonly status: number; readonly ms: number }
  | { readonly kind: "failure"; readonly reason: Failure };

export class Tally {
  /** Calls by status, or by the reason why there is none. */
  readonly calls: Record<string, number> = {};
  readonly #micros = build({
    highestTrackableValue: MICROS_MAX,
    numberOfSignificantValueDigits: 3,
  });

  add(outcome: Counted): void {
    const key = outcome.kind === "answer" ? String(outcome.status) : outcome.reason;
    this.calls[key] = (this.calls[key] ?? 0) + 1;
    if (outcome.kind === "failure" || !isSuccess(outcome.status)) return;
    const micros = Math.min(MICROS_MAX, Math.max(1, Math.round(outcome.ms * 1_000)));
    this.#micros.recordValue(micros);
  }

  /** Latencies in hundredths of a millisecond, which is how the contest publishes and scores them. */
  latencies(): Latencies {
    const max = this.#micros.maxValue;
    // This is a bucket's upper end, which may lie above the largest value in it.
    const ms = (percentile: number) =>
      hundredths(Math.min(max, this.#micros.getValueAtPercentile(percentile)));
    return {
      p50Ms: ms(50),
      p99Ms: ms(99),
      p999Ms: ms(99.9),
      maxMs: hundredths(max),
      calls: this.#micros.totalCount,
    };
  }
}

/** k6 expects anything but an error. */
function isSuccess(status: number): boolean {
  return status >= 200 && status < 400;
}

function hundredths(micros: number): number {
  return Math.round(micros / 10) / 100;
}
