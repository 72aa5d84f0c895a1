/** The pipeline on a journal that was restored from a copy, between processors that a test answers for. */
import type { LookOutcome } from "../processor.ts";
import { TIMEOUT_MS } from "./operator.fixture.ts";
import { Bench, type BenchOptions, type Left } from "./scripted.fixture.ts";
import { WALL_START_MS } from "./world.fixture.ts";

export const THEN_MS = WALL_START_MS - 5_000;
export const FOUND: LookOutcome = { kind: "found", amountCents: 1_990, requestedAtMs: THEN_MS };

/** A copy that was put in place so long ago that nothing of before is under way, with what is open in it. */
export async function restored(
  more: BenchOptions = {},
  open: readonly Left[] = [],
): Promise<Bench> {
  const restoredAtMs = WALL_START_MS - 60_000;
  const options = { processorTimeoutMs: TIMEOUT_MS, settledBefore: true, restoredAtMs };
  const bench = new Bench({ ...options, ...more });
  await bench.crash(open);
  return bench;
}

/** The controls are asked for, then the payments. */
export async function looked(bench: Bench, ms?: number): Promise<void> {
  await bench.tick(ms);
  await bench.tick();
}

export async function taken(bench: Bench, n = 1): Promise<void> {
  bench.take(n);
  await bench.commit();
  await looked(bench);
}

export const chargesOf = (bench: Bench) => [
  bench.default.charges.length,
  bench.fallback.charges.length,
];
export const rowsOf = (bench: Bench) =>
  bench.db
    .query("SELECT processor, requested_at_ms AS atMs, amount_cents AS cents FROM ledger")
    .all();
