/** What the bare client is told, and what it says afterwards. */
export type ClientPlan = {
  readonly urls: readonly string[];
  /** Calls at a time, a processor. */
  readonly inFlight: number;
  readonly warmupMs: number;
  readonly durationMs: number;
};

export type ClientReport = {
  readonly accepted: number;
  readonly others: number;
  readonly perSecond: number;
};
