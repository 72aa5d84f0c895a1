/** Compares a whole window once, in parts that are compared on their own. */
import { iso } from "../../shared/clock.ts";
import type { ProcessorAudit, Sum } from "../../shared/http-api/audit.ts";
import type { SummaryWindow } from "../summary.ts";
import {
  agree,
  firstOf,
  reconcile,
  isoFrom,
  NOTHING_FOUND,
  type Part,
  type Sides,
} from "./reconcile.ts";
import type { Ours } from "./ours.ts";

export type Thoroughness = { readonly parts: number; readonly calls: number };

/** Rejects with `NoAnswer`. */
export async function compare(
  name: string,
  sides: Sides,
  window: SummaryWindow,
  { parts, calls }: Thoroughness,
): Promise<ProcessorAudit> {
  const { ours, theirs } = sides;
  const budget = { calls };
  const differ: Part[] = [];
  let total: Sum = { count: 0, cents: 0 };
  for (const part of await slices(ours, window, parts)) {
    budget.calls--;
    const there = await theirs.totals(part);
    total = { count: total.count + there.count, cents: total.cents + there.cents };
    if (!agree(await ours.totals(part), there)) differ.push({ window: part, theirs: there });
  }
  const found = differ.length === 0 ? NOTHING_FOUND : await reconcile(sides, differ, budget);
  const { differences: differing, windows } = found;
  const equalUpToMs = Math.min(firstOf(found) - 1, window.toMs);
  return {
    name,
    state: differing.length + windows.length === 0 ? "equal" : "drift",
    from: isoFrom(window.fromMs),
    to: new Date(window.toMs).toISOString(),
    ours: await ours.totals(window),
    theirs: total,
    equalUpTo: equalUpToMs < window.fromMs ? null : iso(equalUpToMs),
    differing,
    differingMore: 0,
    windows,
    pending: found.pending.length,
    checkedAt: iso(Date.now()),
    error: null,
  };
}

/** Halves the window again and again where we have payments; a slice is at least one instant. */
async function slices(ours: Ours, window: SummaryWindow, parts: number): Promise<SummaryWindow[]> {
  const { fromMs, toMs } = window;
  if (parts <= 1 || fromMs >= toMs) return [window];
  if ((await ours.totals(window)).count === 0) return [window];
  const middle = await ours.middle(window);
  const early = Math.floor(parts / 2);
  return [
    ...(await slices(ours, { fromMs, toMs: middle }, early)),
    ...(await slices(ours, { fromMs: middle + 1, toMs }, parts - early)),
  ];
}
