/**
 * The continuous audit of one processor. A round compares the time that has closed since the last one:
 *
 *   begin ────────────────── equal up to ──────────────── checked up to ──── now − lag ──── now
 *          compared, equal                differences,                  new:              calls in flight:
 *          again every ten minutes        compared again every round    compared now      nobody's yet
 *
 * So each round is a fixed window of its own, in which a difference cannot cancel out against one of
 * another round, and costs the processor one call while all is well. A difference is reconciled within
 * a budget of calls. A call that gets no clear answer ends the round, and changes nothing.
 *
 * When the clock is set back, new payments come into windows that were compared already. So all that
 * lies beyond it counts as not compared any more, but for the differences that were found there, and the
 * rest is compared again.
 */
import type { ProcessorAudit, Sum } from "../../shared/http-api/audit.ts";
import type { AuditGauges } from "../http/audit.ts";
import { whyNotAsked } from "../addresses.ts";
import type { SummaryWindow } from "../summary.ts";
import {
  agree,
  firstOf,
  reconcile,
  isoFrom,
  isoOrNull,
  NOTHING_FOUND,
  shifted,
} from "./reconcile.ts";
import type { Budget, Findings, Sides } from "./reconcile.ts";
import { BEGIN_MS, NoAnswer } from "./theirs.ts";

const CALLS_PER_ROUND = 400;
const EVERYTHING_EVERY_MS = 600_000;
const LISTED_MAX = 100;
/** A clock that is only slowed down loses less than this between two rounds. */
const SET_BACK_MS = 500;
const NOTHING: Sum = { count: 0, cents: 0 };

export type WatchOptions = {
  readonly name: string;
  readonly sides: Sides;
  /** Longest time after its `requestedAt` that a payment may be under way. */
  readonly lagMs: number;
  /** Instant up to which a purge, or a prune, has forgotten the history; null if there was none. */
  readonly purgedAtMs: () => Promise<number | null>;
  /** The address that its payments belong to, while nothing may be asked at the configured one. */
  readonly movedFrom: () => Promise<string | null>;
};

/** The last instant up to which all is equal, and the sum on their side up to it. */
type Passed = { readonly upToMs: number; readonly theirs: Sum };

export class Watch {
  readonly #options: WatchOptions;
  #beginMs = BEGIN_MS;
  #passed: Passed = { upToMs: BEGIN_MS - 1, theirs: NOTHING };
  /** Before the beginning at first, as the last instant of what is equal is. */
  #checkedUpToMs = BEGIN_MS - 1;
  /** Time of the last comparison of everything, by the steady clock. */
  #everythingAtMs = Number.NEGATIVE_INFINITY;
  #lastRound: { readonly nowMs: number; readonly steadyMs: number } | null = null;
  #checkedAtMs: number | null = null;
  /** Differences between that instant and the last one that was checked. */
  #known: Findings = NOTHING_FOUND;
  /** Differences beyond that one, found before the clock was set back. */
  #ahead: Findings = NOTHING_FOUND;
  /** Ids of payments that were found there while they are open here: each may be found again. */
  readonly #pending = new Set<string>();
  #trouble: NoAnswer | null = null;
  #movedFrom: string | null = null;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Takes the time of both clocks. Never rejects: an obstacle becomes part of the report. */
  async round(nowMs: number, steadyMs: number): Promise<void> {
    try {
      await this.#followPurge();
      await this.#followClock(nowMs, steadyMs);
      this.#movedFrom = await this.#options.movedFrom();
      if (this.#movedFrom === null) await this.#compare(nowMs, steadyMs);
      this.#trouble = null;
    } catch (error) {
      const { message } = error as Error;
      this.#trouble = error instanceof NoAnswer ? error : new NoAnswer(`here: ${message}`, false);
    }
  }

  /** Tells one moment of the audit, also when a round goes on meanwhile. Rejects as `Ours` does. */
  async report(): Promise<ProcessorAudit> {
    const { name, state, error } = this.gauges();
    const isChecked = this.#checkedAtMs !== null;
    const { differences, windows } = this.#differing();
    const from = isChecked ? isoFrom(this.#beginMs) : null;
    const to = isChecked ? isoOrNull(this.#checkedUpToMs) : null;
    const equalUpTo = isoOrNull(this.#equalUpTo());
    const checkedAt = isoOrNull(this.#checkedAtMs);
    const found = {
      differing: differences.slice(0, LISTED_MAX),
      differingMore: Math.max(0, differences.length - LISTED_MAX),
      windows: windows.slice(0, LISTED_MAX),
    };
    const all = { fromMs: this.#beginMs, toMs: this.#checkedUpToMs };
    const [ours, theirs, pending] = await Promise.all([
      isChecked ? this.#options.sides.ours.totals(all) : NOTHING,
      isChecked ? this.#theirs() : NOTHING,
      this.#stillPending(),
    ]);
    const sums = { from, to, ours, theirs, equalUpTo };
    return { name, state, ...sums, ...found, pending, checkedAt, error };
  }

  gauges(): AuditGauges {
    return {
      name: this.#options.name,
      state: this.#state(),
      error:
        this.#movedFrom === null ? (this.#trouble?.message ?? null) : whyNotAsked(this.#movedFrom),
      ...driftOf(this.#differing()),
      equalUpToMs: this.#equalUpTo(),
      checkedAtMs: this.#checkedAtMs,
    };
  }

  async #compare(nowMs: number, steadyMs: number): Promise<void> {
    const toMs = nowMs - this.#options.lagMs;
    if (toMs <= this.#checkedUpToMs) return;
    const budget = { calls: CALLS_PER_ROUND };
    const late = await this.#late(steadyMs, budget);
    const known = await this.#again(budget);
    const fresh = await this.#differencesIn({ fromMs: this.#checkedUpToMs + 1, toMs }, budget);
    const all = [late, known, fresh].reduce(both);
    let passed = this.#passed;
    if (isDrift(late)) passed = await this.#passedUpTo(passed, firstOf(late) - 1, late);
    passed = await this.#passedUpTo(passed, Math.min(firstOf(all) - 1, toMs), all);
    // All of it is known now, or nothing: a report may be asked for at any moment.
    for (const one of [...late.pending, ...fresh.pending]) this.#pending.add(one.correlationId);
    this.#checkedUpToMs = toMs;
    this.#checkedAtMs = nowMs;
    this.#passed = passed;
    this.#known = isDrift(all) ? all : NOTHING_FOUND;
  }

  /** Compares the equal part again now and then: a processor may record, or lose, something later. */
  async #late(steadyMs: number, budget: Budget): Promise<Findings> {
    if (steadyMs - this.#everythingAtMs < EVERYTHING_EVERY_MS) return NOTHING_FOUND;
    const window = { fromMs: this.#beginMs, toMs: this.#passed.upToMs };
    const late =
      window.toMs < window.fromMs ? NOTHING_FOUND : await this.#differencesIn(window, budget);
    this.#everythingAtMs = steadyMs;
    return late;
  }

  /** Compares again the part that was known to differ. */
  async #again(budget: Budget): Promise<Findings> {
    const known = this.#known;
    if (!isDrift(known)) return NOTHING_FOUND;
    const { ours, theirs } = this.#options.sides;
    const window = { fromMs: this.#passed.upToMs + 1, toMs: this.#checkedUpToMs };
    budget.calls--;
    const there = await theirs.totals(window);
    const here = await ours.totals(window);
    if (!agree(shifted(here, known.shifts, window), there))
      return this.#reconcile(window, there, budget);
    if (!agree(here, there)) return known;
    // Differences that cancel each other out are each looked at where they are.
    const instants = new Set(known.shifts.map(({ atMs }) => atMs));
    let found = NOTHING_FOUND;
    for (const atMs of instants) {
      found = both(found, await this.#differencesIn({ fromMs: atMs, toMs: atMs }, budget));
    }
    return found;
  }

  async #differencesIn(window: SummaryWindow, budget: Budget): Promise<Findings> {
    const { ours, theirs } = this.#options.sides;
    budget.calls--;
    const there = await theirs.totals(window);
    return agree(await ours.totals(window), there)
      ? NOTHING_FOUND
      : this.#reconcile(window, there, budget);
  }

  #reconcile(window: SummaryWindow, there: Sum, budget: Budget): Promise<Findings> {
    return reconcile(this.#options.sides, [{ window, theirs: there }], budget);
  }

  async #passedUpTo(before: Passed, upToMs: number, { shifts }: Findings): Promise<Passed> {
    if (upToMs === before.upToMs) return before;
    const window = { fromMs: this.#beginMs, toMs: upToMs };
    const ours = await this.#options.sides.ours.totals(window);
    return { upToMs, theirs: shifted(ours, shifts, window) };
  }

  async #theirs(): Promise<Sum> {
    const window = { fromMs: this.#passed.upToMs + 1, toMs: this.#checkedUpToMs };
    const [passed, { shifts }] = [this.#passed.theirs, this.#known];
    return sumOf(passed, shifted(await this.#options.sides.ours.totals(window), shifts, window));
  }

  /** Begins anew after a purge: there is nothing left to compare with the processor's older payments. */
  async #followPurge(): Promise<void> {
    const purgedAtMs = await this.#options.purgedAtMs();
    const beginMs = purgedAtMs === null ? BEGIN_MS : purgedAtMs + 1;
    if (beginMs === this.#beginMs) return;
    this.#beginMs = beginMs;
    this.#passed = { upToMs: beginMs - 1, theirs: NOTHING };
    this.#checkedUpToMs = beginMs - 1;
    this.#checkedAtMs = null;
    this.#known = NOTHING_FOUND;
    this.#ahead = NOTHING_FOUND;
    this.#pending.clear();
  }

  async #followClock(nowMs: number, steadyMs: number): Promise<void> {
    const last = this.#lastRound ?? { nowMs, steadyMs };
    const sinceMs = steadyMs - last.steadyMs;
    const stepMs = nowMs - last.nowMs - sinceMs;
    if (stepMs <= -SET_BACK_MS) {
      // All that was sent since the last round may have been sent by the clock as it is now.
      await this.#turnBack(nowMs - Math.max(this.#options.lagMs, sinceMs) - 1);
      if (this.#checkedAtMs !== null) this.#checkedAtMs += stepMs;
    }
    this.#lastRound = { nowMs, steadyMs };
  }

  async #turnBack(toMs: number): Promise<void> {
    const upToMs = Math.max(this.#beginMs - 1, Math.min(this.#passed.upToMs, toMs));
    this.#passed = await this.#passedUpTo(this.#passed, upToMs, NOTHING_FOUND);
    this.#ahead = both(this.#ahead, beyond(this.#known, upToMs));
    this.#known = NOTHING_FOUND;
    this.#checkedUpToMs = upToMs;
    this.#everythingAtMs = Number.NEGATIVE_INFINITY;
  }

  /** All that is known to differ. */
  #differing(): Findings {
    return both(this.#known, beyond(this.#ahead, this.#checkedUpToMs));
  }

  #state(): ProcessorAudit["state"] {
    if (this.#movedFrom !== null) return "moved";
    if (this.#trouble?.lasting === true) return "failed";
    if (this.#checkedAtMs === null) return "waiting";
    return isDrift(this.#differing()) ? "drift" : "equal";
  }

  #equalUpTo(): number | null {
    return this.#checkedAtMs === null || this.#passed.upToMs < this.#beginMs
      ? null
      : this.#passed.upToMs;
  }

  async #stillPending(): Promise<number> {
    const { ours } = this.#options.sides;
    const asked = [...this.#pending];
    const open = await Promise.all(asked.map((id) => ours.isOpen(id)));
    const over = asked.filter((_, i) => !open[i]);
    for (const id of over) this.#pending.delete(id);
    return asked.length - over.length;
  }
}

/** Payments that are found or known to differ, and by how much more the processor has. */
export function driftOf({ differences, windows }: Pick<Findings, "differences" | "windows">) {
  let driftPayments = differences.length;
  let driftCents = 0;
  for (const { oursCents, theirsCents } of differences) {
    driftCents += (theirsCents ?? 0) - (oursCents ?? 0);
  }
  for (const { ours, theirs } of windows) {
    driftPayments += Math.max(1, Math.abs(theirs.count - ours.count));
    driftCents += theirs.cents - ours.cents;
  }
  return { driftPayments, driftCents };
}

function both(a: Findings, b: Findings): Findings {
  return {
    differences: [...a.differences, ...b.differences],
    pending: [...a.pending, ...b.pending],
    windows: [...a.windows, ...b.windows],
    shifts: [...a.shifts, ...b.shifts],
  };
}

/** Keeps the differences and windows that lie after an instant. */
function beyond({ differences, windows }: Findings, atMs: number): Findings {
  return {
    ...NOTHING_FOUND,
    differences: differences.filter(
      (one) => firstOf({ ...NOTHING_FOUND, differences: [one] }) > atMs,
    ),
    windows: windows.filter(({ to }) => Date.parse(to) > atMs),
  };
}

function sumOf(a: Sum, b: Sum): Sum {
  return { count: a.count + b.count, cents: a.cents + b.cents };
}

function isDrift({ differences, windows }: Findings): boolean {
  return differences.length + windows.length > 0;
}
