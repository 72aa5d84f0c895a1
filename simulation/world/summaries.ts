/**
 * Checks I6 and G4: for every window the gateway's summary equals the processors' own records,
 * payment by payment and cent by cent, but for what a purge has forgotten. Windows are drawn at
 * random and at the very instants of payments, where an inclusive bound shows.
 */
import type { Totals } from "../../worker/summary.ts";
import { summaryJson } from "../../worker/http/server.ts";
import type { Recorded } from "../../simulator/processor/records.ts";
import type { Scene } from "./scene.ts";
import { Violation } from "./violation.ts";
import type { PaymentOnDisk } from "./disk.ts";
import { PAYMENT_STATES } from "../../worker/transitions.ts";

const WINDOWS = 60;
/** The name under which a sum over all of them goes. */
const ALL = ["all"];

type Window = { readonly fromMs: number; readonly toMs: number };

export function compareSummaries(world: Scene, payments: ReadonlyMap<string, PaymentOnDisk>): void {
  const recorded = world.models.map((model, number) =>
    [...model.records.values()]
      .filter((row) => !world.purged.has(row.correlationId))
      .map((row) => withOurInstant(world, row, payments.get(row.correlationId), number)),
  );
  checkSettledSet(world, recorded, payments);
  const names = isMixed(world) ? ALL : world.processors.map(({ name }) => name);
  const all = recorded.flat();
  const expected = isMixed(world) ? [all] : recorded;
  for (const window of windowsOver(world, all)) {
    const totals = world.gateway.summary(window);
    if (totals === null) throw new Violation("the worker is down after everything healed");
    const sums = isMixed(world) ? sumOf(totals) : inOrder(totals, names, world.gateway.names);
    const ours = summaryJson(sums, names, names);
    const theirs = expectedJson(names, expected, window);
    if (ours !== theirs) {
      throw new Violation(`I6: from ${window.fromMs} to ${window.toMs} ${ours} is not ${theirs}`);
    }
  }
}

/**
 * Checks conservation, as sets of ids: what a processor has recorded is settled there, and nothing
 * else is.
 */
function checkSettledSet(
  world: Scene,
  recorded: readonly Recorded[][],
  payments: ReadonlyMap<string, PaymentOnDisk>,
): void {
  for (const [processor, rows] of recorded.entries()) {
    for (const { correlationId, amountCents, requestedAtMs } of rows) {
      const found = payments.get(correlationId);
      const settled =
        found !== undefined &&
        PAYMENT_STATES[found.state] === "settled" &&
        found.amount_cents === amountCents &&
        found.requested_at_ms === requestedAtMs &&
        (isMixed(world) || found.name === world.processors[processor]!.name);
      if (!settled) throw new Violation(`I7: ${correlationId} is recorded and not settled so`);
    }
  }
  const settledCount = [...payments.values()].filter(
    ({ state }) => PAYMENT_STATES[state] === "settled",
  ).length;
  const recordedCount = world.models.reduce((sum, { records }) => sum + records.size, 0);
  if (settledCount !== recordedCount) {
    throw new Violation(`I7: ${settledCount} payments are settled, ${recordedCount} recorded`);
  }
}

/** A processor that keeps no instant of ours is summed by that of the assignment. */
function withOurInstant(
  { kinds }: Scene,
  row: Recorded,
  ours: PaymentOnDisk | undefined,
  number: number,
): Recorded {
  if (kinds[number]!.keepsInstants) return row;
  return { ...row, requestedAtMs: ours?.requested_at_ms ?? row.requestedAtMs };
}

/** True when processors were at two addresses each, so that theirs and ours are equal in sum only. */
function isMixed({ counts }: Scene): boolean {
  return counts.exchanges > 0;
}

function sumOf({ counts, cents }: Totals): Totals {
  const sum = (column: Float64Array) => Float64Array.of(column.reduce((a, b) => a + b, 0));
  return { counts: sum(counts), cents: sum(cents) };
}

/** The journal numbers processors as they came into the configuration first. */
function inOrder(
  { counts, cents }: Totals,
  names: readonly string[],
  by: readonly string[],
): Totals {
  const of = (column: Float64Array) =>
    Float64Array.from(names, (name) => column[by.indexOf(name)] ?? 0);
  return { counts: of(counts), cents: of(cents) };
}

function windowsOver({ chance }: Scene, rows: readonly Recorded[]): Window[] {
  const instants = rows.map(({ requestedAtMs }) => requestedAtMs);
  const windows: Window[] = [{ fromMs: -Infinity, toMs: Infinity }];
  if (instants.length === 0) return windows;
  for (let i = 0; i < WINDOWS; i++) {
    const edge = () => chance.pick(instants) + chance.pick([-1, 0, 0, 1]);
    const [a, b] = [edge(), edge()];
    windows.push(
      chance.happens(0.3)
        ? { fromMs: a, toMs: a }
        : { fromMs: Math.min(a, b), toMs: Math.max(a, b) },
    );
  }
  return windows;
}

/** Sums apart from everything of ours, in whole cents of far fewer than 2^53, and writes the text out exactly. */
function expectedJson(
  names: readonly string[],
  recorded: readonly Recorded[][],
  { fromMs, toMs }: Window,
): string {
  const entries = recorded.map((rows, processor) => {
    let [count, cents] = [0, 0];
    for (const { requestedAtMs, amountCents } of rows) {
      if (requestedAtMs < fromMs || requestedAtMs > toMs) continue;
      count++;
      cents += amountCents;
    }
    const amount = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
    return `"${names[processor]}":{"totalRequests":${count},"totalAmount":${amount}}`;
  });
  return `{${entries.join(",")}}`;
}
