/** Turns a lane's changes into stretches of time: in which state its breaker was, and why. */
import type { BreakerKind, LaneChange } from "../shared/http-api/live.ts";
import { span } from "./format.ts";

export type Stretch = {
  readonly kind: BreakerKind;
  readonly fromMs: number;
  readonly toMs: number;
  /** Cause of its beginning; null for what began before the first change that is known. */
  readonly cause: string | null;
};

type BreakerChange = Extract<LaneChange, { kind: "breaker" }>;

export function breakerChanges(
  changes: readonly LaneChange[],
  processor: string,
): readonly BreakerChange[] {
  return changes.filter(
    (change): change is BreakerChange =>
      change.kind === "breaker" && change.processor === processor,
  );
}

/**
 * Gives stretches in order of time, without gaps, cut to the window. Nothing is known from before
 * the start.
 */
export function stretchesOf(
  changes: readonly (Pick<BreakerChange, "from" | "to" | "cause"> & { readonly atMs: number })[],
  now: BreakerKind,
  { fromMs, toMs, startedAtMs }: { fromMs: number; toMs: number; startedAtMs: number },
): Stretch[] {
  const stretches: Stretch[] = [];
  const begin = Math.max(fromMs, startedAtMs);
  let open = { kind: changes[0]?.from ?? now, fromMs: startedAtMs, cause: null as string | null };
  const close = (atMs: number) => {
    const cut = { fromMs: Math.max(begin, open.fromMs), toMs: Math.min(toMs, atMs) };
    if (cut.toMs > cut.fromMs) stretches.push({ kind: open.kind, cause: open.cause, ...cut });
  };
  for (const { atMs, to, cause } of changes) {
    close(atMs);
    open = { kind: to, fromMs: atMs, cause };
  }
  close(toMs);
  return stretches;
}

const TICK_STEPS_MS = [15_000, 30_000, 60_000];
const TICKS_MAX = 5;
/** Share of the width, from the left end, that has no room for a label. */
const MARGIN_SHARE = 0.18;

/** Marks on a time line, each so many milliseconds before now. */
export function ticksOf(shownMs: number): { agoMs: number; label: string }[] {
  const stepMs = TICK_STEPS_MS.find((step) => shownMs / step <= TICKS_MAX) ?? 60_000;
  const count = Math.floor((shownMs * (1 - MARGIN_SHARE)) / stepMs);
  return Array.from({ length: count + 1 }, (_, i) => {
    const agoMs = i * stepMs;
    return { agoMs, label: i === 0 ? "now" : `${span(agoMs / 1_000)} ago` };
  });
}
