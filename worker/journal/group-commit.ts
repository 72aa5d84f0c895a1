/**
 * Group commit as a core: transitions that are appended while a batch is being committed make up the
 * next one. When a commit fails nothing of it was stored: payments that wanted in are turned away,
 * everything else (it has already happened at a processor) is tried again, in order, until it holds.
 * Nobody is let in meanwhile, so when nothing is left to try again a probe finds out whether commits
 * work: otherwise the trouble would never end.
 *
 * A store across a network may not know whether a commit was stored. Then the batch stays under way, and
 * is asked for again until that is known.
 */
import type { CommitStats, OnDurable } from "./driver.ts";
import type { Transition, TransitionResult } from "../transitions.ts";

/** Counts how many of the first transitions, at most `max`, may share a commit. */
export type Fitting = (transitions: Iterable<Transition>, max: number) => number;

export const GROUP_COMMIT_DEFAULTS = {
  /** Bounds the time that one commit holds up everything else; a full batch takes about 5 ms. */
  batchMax: 512,
  /** At this many, settlements go with the next commit, so that no commit of theirs is a long one. */
  settlementsApartMax: 64,
};
export type GroupCommitOptions = Readonly<typeof GROUP_COMMIT_DEFAULTS>;
const RETRY_MS = 250;

type Waiting = { readonly transition: Transition; readonly done: OnDurable };

export class GroupCommit {
  readonly stats: CommitStats = { commits: 0, failures: 0, transitions: 0 };
  trouble: string | null = null;
  #waiting: Waiting[] = [];
  /** Settlements are later than all in `#waiting` but acceptances and assignments, which overtake them. */
  #settlements: Waiting[] = [];
  #inFlight: Waiting[] | null = null;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  readonly #fitting: Fitting | null;
  readonly #options: GroupCommitOptions;

  /** Without a rule for what fits together, everything does. */
  constructor(fitting: Fitting | null = null, options: GroupCommitOptions = GROUP_COMMIT_DEFAULTS) {
    this.#fitting = fitting;
    this.#options = options;
  }

  get queued(): number {
    return this.#waiting.length + this.#settlements.length + (this.#inFlight?.length ?? 0);
  }

  /** True when `next` would have a batch without being asked for all. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0 || this.#hasManySettlements;
  }

  /** All that waits or is under way. */
  *transitions(): Generator<Transition> {
    yield* transitionsOf(this.#inFlight ?? []);
    yield* transitionsOf(this.#waiting);
    yield* transitionsOf(this.#settlements);
  }

  get idle(): boolean {
    return this.#inFlight === null;
  }

  append(transition: Transition, done: OnDurable): void {
    const one = { transition, done };
    if (isPatient(transition)) return void this.#settlements.push(one);
    if (!overtakes(transition)) this.#takeSettlements();
    this.#waiting.push(one);
  }

  /**
   * The next batch to commit, or null while one is under way, none waits, or a retry is not due.
   * Settlements, for which nobody waits, are in it only when there are many of them or `all` is asked
   * for, now and then: an acceptance is quicker without them.
   */
  next(nowMs: number, all = true): Transition[] | null {
    if (this.#inFlight !== null || nowMs < this.#retryAtMs) return null;
    if (all || this.#hasManySettlements) this.#takeSettlements();
    const batch = this.#waiting.splice(0, this.#countOfNext());
    if (batch.length === 0 && this.trouble !== null) batch.push(PROBE);
    if (batch.length === 0) return null;
    this.#inFlight = batch;
    return batch.map(({ transition }) => transition);
  }

  committed(results: readonly TransitionResult[]): void {
    const batch = this.#takeInFlight();
    if (results.length !== batch.length) throw new Error("a commit answered for another batch");
    this.trouble = null;
    this.stats.commits++;
    this.stats.transitions += batch.length;
    for (const [i, { done }] of batch.entries()) done(results[i] as TransitionResult);
  }

  failed(nowMs: number, reason: string): void {
    const batch = this.#takeInFlight();
    this.trouble = reason;
    this.stats.failures++;
    this.#retryAtMs = nowMs + RETRY_MS;
    const kept = batch.filter(({ transition }) => isKept(transition));
    this.#waiting = [...kept, ...this.#waiting];
    for (const { transition, done } of batch) if (transition.kind === "accept") done(null);
  }

  /**
   * The batch under way, the group's or one beside it, may have been stored or not, and is asked for
   * again until that is known. What waits for it cannot be told when its turn comes: payments that want
   * in are turned away.
   */
  doubted(reason: string): void {
    if (this.trouble === null) this.stats.failures++;
    this.trouble = reason;
    const turnedAway = this.#waiting.filter(({ transition }) => transition.kind === "accept");
    if (turnedAway.length === 0) return;
    this.#waiting = this.#waiting.filter(({ transition }) => transition.kind !== "accept");
    for (const { done } of turnedAway) done(null);
  }

  #countOfNext(): number {
    const { batchMax } = this.#options;
    if (this.#fitting === null) return batchMax;
    return this.#fitting(transitionsOf(this.#waiting), batchMax);
  }

  get #hasManySettlements(): boolean {
    return this.#settlements.length >= this.#options.settlementsApartMax;
  }

  #takeSettlements(): void {
    if (this.#settlements.length === 0) return;
    this.#waiting = this.#waiting.concat(this.#settlements);
    this.#settlements = [];
  }

  #takeInFlight(): Waiting[] {
    const batch = this.#inFlight;
    if (batch === null) throw new Error("no commit is under way");
    this.#inFlight = null;
    return batch;
  }
}

function* transitionsOf(waiting: readonly Waiting[]): Generator<Transition> {
  for (const { transition } of waiting) yield transition;
}

const PROBE: Waiting = { transition: { kind: "probe" }, done: () => {} };

/** True when it has happened and must be written; a transition that only asks can be asked again. */
function isKept({ kind }: Transition): boolean {
  return kind !== "accept" && kind !== "probe";
}

/**
 * True for a settlement, for which nobody waits: after a crash its processor is asked, and has it. So it is
 * for the cursor of webhooks: what it has not reached is sent again.
 */
function isPatient(transition: Transition): boolean {
  const { kind } = transition;
  return (kind === "settle" || kind === "webhooks") && transition.intervention === undefined;
}

/** True when it is about a payment that is not settled, and touches nothing that a settlement touches. */
function overtakes({ kind }: Transition): boolean {
  return kind === "accept" || kind === "assign";
}
