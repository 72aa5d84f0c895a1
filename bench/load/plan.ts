/** Orders for the load generator, and its report. */
import type { spentBetween } from "../../testing/proc.ts";

export type LoadPlan = {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Time during which payments are sent before anything is measured. */
  readonly warmupMs: number;
  readonly durationMs: number;
  /** Null sends as fast as answers come. */
  readonly ratePerSecond: number | null;
  /** Least and most that each connection of a closed load waits after an answer; without it, not at all. */
  readonly thinkMs?: readonly [number, number];
  /** Processes whose CPU time counts as well. */
  readonly pids?: readonly number[];
  /** True when an answer must name the payment in its Location header. */
  readonly location: boolean;
};

/** Counts are over the whole load, the rest is over the measured part of it. */
export type LoadReport = {
  readonly sent: number;
  readonly answered: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly cents: number;
  /** Answers whose Location names another payment. */
  readonly misplaced: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Lateness of the generator itself. */
  readonly lateP99Ms: number;
  /** Answers in the measured part. */
  readonly measured: number;
  /** CPU time of the generator itself. */
  readonly cpuMs: number;
  /** CPU time of each of the plan's processes, by thread. */
  readonly spent: readonly ReturnType<typeof spentBetween>[];
  /** Times that the main thread of each woke up. */
  readonly wakes: readonly number[];
};
