/**
 * Group commit as a core: what is appended gathers while a batch is being committed and makes up the
 * next one. When a commit fails nothing of it was stored: payments that wanted in are turned away,
 * everything else (what has already happened at a processor) is tried again, in order, until it holds.
 * Nobody is let in meanwhile, so when nothing is left to try again a probe finds out whether commits
 * work: otherwise the trouble would never end.
 */
import type { CommitStats, OnDurable } from "../journal.ts";
import type { Transition, TransitionResult } from "../transitions.ts";

/** Bounds the time that one commit holds up everything else; a full batch takes about 5 ms. */
export const BATCH_MAX = 512;
const RETRY_MS = 250;

type Waiting = { readonly transition: Transition; readonly done: OnDurable };

export class GroupCommit {
  readonly stats: CommitStats = { commits: 0, failures: 0, transitions: 0 };
  trouble: string | null = null;
  #waiting: Waiting[] = [];
  #inFlight: Waiting[] | null = null;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  /** Somebody waits for one of those that wait. */
  #awaited = false;

  get queued(): number {
    return this.#waiting.length + (this.#inFlight?.length ?? 0);
  }

  get idle(): boolean {
    return this.#inFlight === null;
  }

  append(transition: Transition, done: OnDurable): void {
    this.#waiting.push({ transition, done });
    if (isAwaited(transition)) this.#awaited = true;
  }

  /**
   * The next batch to commit, or null while one is under way, none waits, or a retry is not due. What
   * nobody waits for makes up a batch of its own only when `all` is asked for, now and then.
   */
  next(nowMs: number, all = true): Transition[] | null {
    if (this.#inFlight !== null || nowMs < this.#retryAtMs) return null;
    if (!all && !this.#awaited) return null;
    const batch = this.#waiting.splice(0, BATCH_MAX);
    this.#awaited = this.#waiting.length > 0;
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
    this.#awaited = true;
    for (const { transition, done } of batch) if (transition.kind === "accept") done(null);
  }

  #takeInFlight(): Waiting[] {
    const batch = this.#inFlight;
    if (batch === null) throw new Error("no commit is under way");
    this.#inFlight = null;
    return batch;
  }
}

const PROBE: Waiting = { transition: { kind: "probe" }, done: () => {} };

/** What has happened must be written; what only asks can be asked again. */
function isKept({ kind }: Transition): boolean {
  return kind !== "accept" && kind !== "probe";
}

/** Nobody waits for a settlement: after a crash its processor is asked, and has it. */
function isAwaited(transition: Transition): boolean {
  return transition.kind !== "settle" || transition.intervention !== undefined;
}
