/**
 * Settings and bounds of the gateway in a run. A third of the seeds have those of production, with the contest's
 * two processors. The others draw each, small ones often, so that a run of sixty payments comes to the end
 * of a queue, a window, a batch or the ring, which otherwise takes thousands.
 */
import { LINK_CLIENT_DEFAULTS, type LinkClientBounds } from "../../shared/link/client.ts";
import {
  GROUP_COMMIT_DEFAULTS,
  type GroupCommitOptions,
} from "../../worker/journal/group-commit.ts";
import { JOURNAL_QUEUE_MAX } from "../../worker/pipeline/intake.ts";
import type { Tuning } from "../../worker/pipeline/options.ts";
import { PACE_DEFAULTS } from "../../worker/pipeline/pace.ts";
import { RESOLVER_DEFAULTS } from "../../worker/pipeline/resolver.ts";
import { BREAKER_DEFAULTS } from "../../worker/router/breaker.ts";
import { LIMIT_DEFAULTS } from "../../worker/router/limit.ts";
import { COMPACT_AT } from "../../worker/queue.ts";
import { ROUTER_DEFAULTS } from "../../worker/router.ts";
import type { Chance } from "./chance.ts";

export type Bounds = {
  readonly processors: number;
  /** Each start has the processors in another order in its configuration. */
  readonly isShuffled: boolean;
  /** Share of the payments that are posted: many processors are slow to simulate. */
  readonly share: number;
  readonly backlogMax: number;
  readonly inFlightMax: number;
  readonly ledgerSlots: number;
  readonly batch: GroupCommitOptions;
  readonly link: LinkClientBounds;
  readonly tuning: Tuning;
};

export const USUAL: Bounds = {
  processors: 2,
  isShuffled: false,
  share: 1,
  backlogMax: 10_000,
  inFlightMax: 64,
  ledgerSlots: 4_096,
  batch: GROUP_COMMIT_DEFAULTS,
  link: LINK_CLIENT_DEFAULTS,
  tuning: {},
};
const DEFAULTS: Required<Tuning> = {
  breaker: BREAKER_DEFAULTS,
  limit: LIMIT_DEFAULTS,
  router: ROUTER_DEFAULTS,
  pace: PACE_DEFAULTS,
  resolver: RESOLVER_DEFAULTS,
  journalQueueMax: JOURNAL_QUEUE_MAX,
  compactAt: COMPACT_AT,
};

/** Processors from which on few payments are posted. */
const MANY = 7;

/** Values beside the usual one, by the name of what they are for; one of them stands in half of the runs. */
type Others<T> = { readonly [name in keyof T]?: readonly number[] };

export function drawBounds(chance: Chance): Bounds {
  if (chance.happens(1 / 3)) return USUAL;
  const processors = drawCount(chance);
  const one = <T>(usual: T, others: readonly T[]) =>
    chance.happens(0.5) ? usual : chance.pick(others);
  const some = <T extends Record<string, number>>(usual: T, others: Others<T>): T => {
    const drawn = Object.entries<readonly number[]>(
      others as Record<string, readonly number[]>,
    ).map(([name, values]) => [name, one(usual[name]!, values)]);
    return { ...usual, ...Object.fromEntries(drawn) };
  };
  return {
    processors,
    isShuffled: chance.happens(0.5),
    share: processors >= MANY ? 0.2 : 1,
    backlogMax: one(USUAL.backlogMax, [2, 5, 12, 30]),
    inFlightMax: one(USUAL.inFlightMax, [1, 2, 6]),
    ledgerSlots: one(USUAL.ledgerSlots, [256, 512]),
    batch: some(GROUP_COMMIT_DEFAULTS, { batchMax: [1, 2, 7], settlementsApartMax: [1, 3] }),
    link: some(LINK_CLIENT_DEFAULTS, {
      windowMin: [1, 2],
      windowStart: [1, 4],
      windowMax: [4, 8],
      waitingMax: [1, 3, 8],
    }),
    tuning: {
      breaker: some(DEFAULTS.breaker, {
        consecutiveFailuresMax: [1, 2, 12],
        successFreshMs: [0, 1_000],
        rateWindowMs: [200, 1_000],
        rateSamplesMin: [2, 6],
        trialSpacingMsMax: [50, 200],
        trialsUnansweredMax: [1, 2],
        halfOpenInFlightMax: [1, 2],
        halfOpenSuccesses: [1, 2],
      }),
      limit: some(DEFAULTS.limit, { start: [1, 2], min: [1, 2], dropRememberedMs: [200, 1_000] }),
      router: some(DEFAULTS.router, { lateWaitMsMax: [0, 300] }),
      pace: some(DEFAULTS.pace, { perMsStart: [0.01], perMsMin: [0.01] }),
      resolver: some(DEFAULTS.resolver, {
        backoffMsMax: [250, 2_000],
        looksInFlightMax: [1, 3],
        looksWhileOpenMax: [1, 2],
        triesAsTrialMax: [1],
      }),
      journalQueueMax: one(DEFAULTS.journalQueueMax, [2, 10]),
    },
  };
}

/** Mostly a few; a hundredth of the seeds have the most that are drawn. */
function drawCount(chance: Chance): number {
  const draw = chance.next();
  if (draw < 0.15) return 1;
  if (draw < 0.55) return 2;
  if (draw < 0.8) return 3;
  if (draw < 0.97) return chance.between(4, 6);
  return draw < 0.985 ? chance.between(7, 12) : 20;
}

/** Writes what is not as usual; empty where all is. */
export function describeBounds(bounds: Bounds): string {
  const usual = { ...USUAL, tuning: DEFAULTS };
  const differing = (ours: object, theirs: object): string[] =>
    Object.entries(ours).flatMap(([name, value]) => {
      const other = (theirs as Record<string, unknown>)[name];
      if (typeof value === "object") return differing(value, other as object);
      return value === other ? [] : [`${name} ${value}`];
    });
  return differing(bounds, usual).join(", ");
}
