/** Orders for the load generator, and its report. */
export type LoadPlan = {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Time during which payments are sent before anything is measured. */
  readonly warmupMs: number;
  readonly durationMs: number;
  /** Null sends as fast as answers come. */
  readonly ratePerSecond: number | null;
  /** True when an answer must name the payment in its Location header. */
  readonly location: boolean;
};

/** Counts are over the whole load, the rest is over the measured part of it. */
export type LoadReport = {
  readonly sent: number;
  readonly answered: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** Cents of the payments answered 202. */
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
  /** CPU time of the generator itself, over its whole life. */
  readonly cpuMs: number;
};
