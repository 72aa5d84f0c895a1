/** Orders for the bare client, and its report. */
export type ClientPlan = {
  readonly urls: readonly string[];
  /** Calls at a time to each processor. */
  readonly inFlight: number;
  readonly warmupMs: number;
  readonly durationMs: number;
};

export type ClientReport = {
  readonly accepted: number;
  readonly others: number;
  readonly perSecond: number;
};
