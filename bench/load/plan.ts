/** What the load generator is told, and what it says afterwards. */
export type LoadPlan = {
  readonly host: string;
  readonly port: number;
  readonly connections: number;
  /** Payments that are sent before anything is measured. */
  readonly warmupMs: number;
  readonly durationMs: number;
  /** Null: as fast as answers come. */
  readonly ratePerSecond: number | null;
  /** Whether an answer must name the payment in its Location header. */
  readonly location: boolean;
};

/** Counts are of the whole load, the rest is of the measured part of it. */
export type LoadReport = {
  readonly sent: number;
  readonly answered: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** Of the payments answered 202. */
  readonly cents: number;
  /** Answers whose Location is not that of their payment. */
  readonly misplaced: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** How late the generator itself was. */
  readonly lateP99Ms: number;
};
