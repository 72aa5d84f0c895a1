/**
 * The reconciliation goes from two totals that differ to the payments that make the difference.
 *
 *   window ─ halve by our own rows, ask for one half's totals, the other's are the remainder ┐
 *      ▲                                                                                     │
 *      └── halves that differ ◄──────────────────────────────────────────────────────────────┘
 *   a small window: ask for each of our ids there       404: missing; other data: amount, time
 *   a difference that remains is theirs and not ours: halve by time, down to one millisecond, then ask
 *   for ids that may have been charged there after all   found: extra; else the window is reported
 *
 * Everything found carries its change to a total, and the instant of it, so that one payment explains
 * the difference in every window that it touches. A payment that is open here and recorded there
 * explains as well, and is no drift. The processor is busy with payments, so calls are made one at a
 * time and within a budget; differences that it leaves unexplained are reported as windows.
 *
 * Differences that cancel out in a window are not seen in it: an equal total ends the search there.
 */
import type { Difference, DifferingWindow, Sum } from "../../shared/http-api/audit.ts";
import type { SummaryWindow } from "../summary.ts";
import type { OurPayment, Ours, SettledHere } from "./ours.ts";
import { BEGIN_MS, type Found, type Theirs } from "./theirs.ts";

export type Sides = {
  readonly ours: Ours;
  readonly theirs: Theirs;
  /** Names of processors by number; `processor` is the number of the one that is reconciled. */
  readonly names: readonly string[];
  readonly processor: number;
};

/** A change to the processor's totals at an instant. */
type Shift = Sum & { readonly atMs: number };

export type Findings = {
  readonly differences: readonly Difference[];
  /** Payments that are recorded there and open here. */
  readonly pending: readonly OurPayment[];
  readonly windows: readonly DifferingWindow[];
  readonly shifts: readonly Shift[];
};

export const NOTHING_FOUND: Findings = { differences: [], pending: [], windows: [], shifts: [] };

/** A window, and the processor's totals of it. */
export type Part = { readonly window: SummaryWindow; readonly theirs: Sum };

/** A window with no more of our payments than this is asked for by their ids. */
const IDS_PER_WINDOW = 16;
/** Open payments are asked for at once when they are not more. */
const OPEN_MAX = 256;
const SUSPECTS_MAX = 256;
const PASSES_MAX = 3;
const PENDING: ReadonlySet<string> = new Set(["assigned", "unknown", "held"]);

/** `budget`: calls that may still be made; it is counted down. */
export type Budget = { calls: number };

class Reconciliation {
  readonly #sides: Sides;
  readonly #budget: Budget;
  readonly #asked = new Set<string>();
  readonly #differences: Difference[] = [];
  readonly #pending: OurPayment[] = [];
  readonly #shifts: Shift[] = [];
  /** Windows in which all of ours were asked for, and still something differs. */
  readonly #doubtful: [SummaryWindow, theirs: Sum][] = [];
  readonly #left: [SummaryWindow, theirs: Sum][] = [];

  constructor(sides: Sides, budget: Budget) {
    this.#sides = sides;
    this.#budget = budget;
  }

  /** Searches windows that differ and do not overlap. Rejects with `NoAnswer`. */
  async run(parts: readonly Part[]): Promise<Findings> {
    for (const { window, theirs } of parts) {
      await this.#askOpen(window);
      await this.#narrow(window, theirs);
    }
    // A payment with another time differs in two windows, and is found in one of them.
    for (const [each, their] of this.#doubtful) await this.#narrowByTime(each, their);
    await this.#askSuspects();
    const windows = await this.#leftOver();
    return {
      differences: this.#differences.sort((a, b) => instantOf(a) - instantOf(b)),
      pending: this.#pending,
      windows,
      shifts: this.#shifts,
    };
  }

  /** Asks for totals once more: those of a while ago may miss payments that were settled since. */
  async #leftOver(): Promise<Findings["windows"]> {
    const windows = [];
    for (const [window, before] of this.#left) {
      if (await this.#agrees(window, before)) continue;
      const theirs = this.#budget.calls > 0 ? await this.#totals(window) : before;
      const ours = await this.#expected(window);
      if (agree(ours, theirs)) continue;
      const { fromMs, toMs } = window;
      windows.push({
        from: isoFrom(fromMs),
        to: new Date(toMs).toISOString(),
        ours,
        theirs,
      });
      const [count, cents] = [theirs.count - ours.count, theirs.cents - ours.cents];
      this.#shifts.push({ atMs: fromMs, count, cents });
    }
    return windows;
  }

  async #narrow(window: SummaryWindow, theirs: Sum): Promise<void> {
    const { ours } = this.#sides;
    if (await this.#agrees(window, theirs)) return;
    const { count } = await ours.totals(window);
    const isSmall = count <= IDS_PER_WINDOW || window.fromMs === window.toMs;
    if (!isSmall) return this.#halve(window, theirs, await ours.middle(window), this.#narrow);
    const calls = Math.max(0, this.#budget.calls);
    for (const payment of await ours.settled(window, calls)) await this.#askSettled(payment);
    if (!(await this.#agrees(window, theirs))) this.#doubtful.push([window, theirs]);
  }

  async #narrowByTime(window: SummaryWindow, theirs: Sum): Promise<void> {
    if (await this.#agrees(window, theirs)) return;
    await this.#askOpen(window);
    if (await this.#agrees(window, theirs)) return;
    const { fromMs, toMs } = window;
    if (fromMs === toMs) this.#left.push([window, theirs]);
    else {
      const middle = fromMs + Math.floor((toMs - fromMs - 1) / 2);
      await this.#halve(window, theirs, middle, this.#narrowByTime);
    }
  }

  async #halve(
    { fromMs, toMs }: SummaryWindow,
    theirs: Sum,
    middle: number,
    go: (window: SummaryWindow, theirs: Sum) => Promise<void>,
  ): Promise<void> {
    if (this.#budget.calls <= 0) {
      this.#left.push([{ fromMs, toMs }, theirs]);
      return;
    }
    const early = await this.#totals({ fromMs, toMs: middle });
    const late = { count: theirs.count - early.count, cents: theirs.cents - early.cents };
    await go.call(this, { fromMs, toMs: middle }, early);
    await go.call(this, { fromMs: middle + 1, toMs }, late);
  }

  async #askSettled(payment: SettledHere): Promise<void> {
    const { correlationId, cents, requestedAtMs } = payment;
    if (this.#asked.has(correlationId) || this.#budget.calls <= 0) return;
    const found = await this.#find(correlationId);
    if (found === null) this.#differs("missing", payment, null);
    else if (found.cents !== cents) this.#differs("amount", payment, found);
    else if (found.requestedAtMs !== requestedAtMs) this.#differs("time", payment, found);
  }

  async #askOpen(window: SummaryWindow): Promise<void> {
    const open = await this.#sides.ours.open(window, OPEN_MAX + 1);
    if (open.length > OPEN_MAX) return;
    for (const payment of open) await this.#askOther(payment);
  }

  /** Looks among ids that we know for a payment that is at one millisecond and not ours there. */
  async #askSuspects(): Promise<void> {
    const instants = this.#left
      .filter(([{ fromMs, toMs }]) => fromMs === toMs)
      .map(([{ fromMs }]) => fromMs);
    if (instants.length === 0) return;
    for (const payment of await this.#sides.ours.suspects(instants, SUSPECTS_MAX)) {
      await this.#askOther(payment);
    }
  }

  /** Asks for a payment that is not settled at this processor by our account. */
  async #askOther(payment: OurPayment): Promise<void> {
    if (this.#asked.has(payment.correlationId) || this.#budget.calls <= 0) return;
    const found = await this.#find(payment.correlationId);
    if (found === null) return;
    const isHere = payment.processor === this.#sides.processor;
    if (!isHere || !PENDING.has(payment.status)) return this.#differs("extra", payment, found);
    this.#pending.push(payment);
    this.#shifts.push({ atMs: found.requestedAtMs, count: 1, cents: found.cents });
  }

  #differs(kind: Difference["kind"], payment: OurPayment, found: Found | null): void {
    const { correlationId, cents, requestedAtMs, status } = payment;
    const isOurs = kind !== "extra" && requestedAtMs !== null;
    if (isOurs) this.#shifts.push({ atMs: requestedAtMs, count: -1, cents: -cents });
    if (found !== null) {
      this.#shifts.push({ atMs: found.requestedAtMs, count: 1, cents: found.cents });
    }
    this.#differences.push({
      correlationId,
      kind,
      oursCents: isOurs ? cents : null,
      theirsCents: found?.cents ?? null,
      oursRequestedAt: isoOrNull(requestedAtMs),
      theirsRequestedAt: isoOrNull(found?.requestedAtMs ?? null),
      status,
      processor: payment.processor === null ? null : (this.#sides.names[payment.processor] ?? null),
    });
  }

  #find(correlationId: string): Promise<Found | null> {
    this.#asked.add(correlationId);
    this.#budget.calls--;
    return this.#sides.theirs.find(correlationId);
  }

  #totals(window: SummaryWindow): Promise<Sum> {
    this.#budget.calls--;
    return this.#sides.theirs.totals(window);
  }

  async #agrees(window: SummaryWindow, theirs: Sum): Promise<boolean> {
    return agree(await this.#expected(window), theirs);
  }

  async #expected(window: SummaryWindow): Promise<Sum> {
    return shifted(await this.#sides.ours.totals(window), this.#shifts, window);
  }
}

/** Starts over when our own side has moved meanwhile: something was settled while it was asked for. */
export async function reconcile(
  sides: Sides,
  parts: readonly Part[],
  budget: Budget,
): Promise<Findings> {
  const ours = () => Promise.all(parts.map(({ window }) => sides.ours.totals(window)));
  let there = parts;
  for (let passes = 1; ; passes++) {
    const before = await ours();
    const found = await new Reconciliation(sides, budget).run(there);
    if (passes === PASSES_MAX || Bun.deepEquals(before, await ours())) return found;
    const asked: Part[] = [];
    for (const { window } of parts) {
      asked.push({ window, theirs: await sides.theirs.totals(window) });
    }
    there = asked;
  }
}

export function agree(a: Sum, b: Sum): boolean {
  return a.count === b.count && a.cents === b.cents;
}

/** Our totals of a window with the known differences in it. */
export function shifted(ours: Sum, shifts: readonly Shift[], window: SummaryWindow): Sum {
  let { count, cents } = ours;
  for (const shift of shifts) {
    if (shift.atMs < window.fromMs || shift.atMs > window.toMs) continue;
    count += shift.count;
    cents += shift.cents;
  }
  return { count, cents };
}

/** Gives null where a window has no beginning. */
export function isoFrom(atMs: number): string | null {
  return atMs <= BEGIN_MS ? null : new Date(atMs).toISOString();
}

export function isoOrNull(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}

/** The instant of the first difference; infinite without one. */
export function firstOf({ differences, windows }: Findings): number {
  const beginnings = windows.map(({ from }) => (from === null ? BEGIN_MS : Date.parse(from)));
  return Math.min(...differences.map(instantOf), ...beginnings, Number.POSITIVE_INFINITY);
}

/** The first instant that it touches; our own time of an extra payment belongs elsewhere. */
function instantOf({ kind, oursRequestedAt, theirsRequestedAt }: Difference): number {
  const atMs = (iso: string | null) => (iso === null ? Number.POSITIVE_INFINITY : Date.parse(iso));
  return Math.min(
    atMs(theirsRequestedAt),
    kind === "extra" ? Number.POSITIVE_INFINITY : atMs(oursRequestedAt),
  );
}
