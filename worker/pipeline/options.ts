/** Types that the parts of the pipeline share: what it is given, and what it gives. */
import type { Clock } from "../../shared/clock.ts";
import type { Log } from "../../shared/log.ts";
import type { Tariff } from "../../shared/tariff.ts";
import type { Verdict } from "../../shared/verdict.ts";
import type { Journal } from "../journal.ts";
import type { LedgerWriter } from "../ledger.ts";
import type { Processor } from "../processor.ts";
import type { BreakerOptions } from "../router/breaker.ts";
import type { LimitOptions } from "../router/limit.ts";
import type { RouterOptions } from "../router.ts";
import type { PaceOptions } from "./pace.ts";
import type { ResolverOptions } from "./resolver.ts";

export type PipelineOptions = {
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly journal: Journal;
  readonly ledger: LedgerWriter;
  readonly processors: readonly ConfiguredProcessor[];
  /** Beginning of the newest tariffs: no payment is sent with a `requestedAt` before it. */
  readonly tariffsFromMs: number;
  /** Open payments, and calls in flight to one processor. */
  readonly backlogMax: number;
  readonly inFlightMax: number;
  readonly processorTimeoutMs: number;
  readonly patienceMs: number;
  readonly tuning?: Tuning;
};

/** Constants of the parts, for a world that is to reach their bounds; those left out are the defaults. */
export type Tuning = {
  readonly breaker?: BreakerOptions;
  readonly limit?: LimitOptions;
  readonly router?: RouterOptions;
  readonly pace?: PaceOptions;
  readonly resolver?: ResolverOptions;
  /** Transitions that may wait for the journal; beyond, payments are turned away. */
  readonly journalQueueMax?: number;
  /** Emptied places at the front of a line that are given back at once. */
  readonly compactAt?: number;
};

export type ConfiguredProcessor = {
  readonly name: string;
  readonly fee: Tariff;
  readonly url: string;
  readonly client: Processor;
};

/** To be called once. */
export type Answer = (verdict: Verdict) => void;
