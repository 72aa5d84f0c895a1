/**
 * Somebody who compares the books with each processor's own when everything is settled. Half of the processors
 * disagree with us: of some payments they show another amount, and some they have forgotten since.
 *
 *   R14  the audit reports what differs, payment by payment, and nothing else
 */
import type { ProcessorAudit } from "../../shared/http-api/audit.ts";
import type { Recorded } from "../../simulator/processor/records.ts";
import { compare } from "../../worker/audit/compare.ts";
import { JournalBooks } from "../../worker/audit/ours.ts";
import { BEGIN_MS, type Theirs } from "../../worker/audit/theirs.ts";
import { SqliteReader } from "../../worker/journal/sqlite-reader.ts";
import type { Chance } from "./chance.ts";
import type { Scene } from "./scene.ts";
import { Violation } from "./violation.ts";

const DIFFERING_MAX = 3;
/** Calls that are enough for all of it. */
const THOROUGH = { parts: 4, calls: 10_000 };

export function checkAudit(world: Scene): void {
  const { plan, kinds, processors, time } = world;
  // Payments are at another name where addresses were exchanged, and a purge has forgotten some.
  if (plan.exchanges > 0 || plan.purges > 0 || world.purged.size > 0) return;
  for (const [place, { name }] of processors.entries()) {
    if (!kinds[place]!.keepsInstants) continue;
    const rows = [...world.models[place]!.records.values()];
    const differing = world.glance.happens(0.5) ? [] : drawDiffering(world.glance, rows);
    let isOver = false;
    time.after(0, () => {
      void audit(world, name, booksWith(rows, differing))
        .then((report) => {
          isOver = true;
          world.watch(() => judge(report, rows, differing));
        })
        .catch((error: Error) =>
          world.watch(() => {
            throw error;
          }),
        );
    });
    time.run(time.nowMs);
    world.watch(() => {
      if (!isOver) throw new Violation(`R14: the audit of ${name} has no end`);
    });
  }
}

function audit(world: Scene, name: string, theirs: Theirs): Promise<ProcessorAudit> {
  const { gateway, disk, plan, time } = world;
  const { summary, names } = gateway.parts!;
  const processor = names.indexOf(name);
  const reader = new SqliteReader(disk.db);
  const ours = new JournalBooks(reader, summary, processor, plan.processorTimeoutMs);
  // An hour to come: the clock may have been set back.
  const window = { fromMs: BEGIN_MS, toMs: time.wallMs() + 36_000_000 };
  return compare(name, { ours, theirs, names, processor }, window, THOROUGH);
}

/** `amountCents`: what is shown; null: it is not there any more. */
type Differing = { readonly row: Recorded; readonly amountCents: number | null };

/** Shows more each time, and never less: differences that cancel out in a window are not seen in it. */
function drawDiffering(chance: Chance, rows: readonly Recorded[]): Differing[] {
  const isForgotten = chance.happens(0.5);
  const count = Math.min(rows.length, chance.between(1, DIFFERING_MAX));
  const drawn = new Set(Array.from({ length: count }, () => chance.pick(rows)));
  return Array.from(drawn, (row) => {
    return { row, amountCents: isForgotten ? null : row.amountCents + chance.between(1, 500) };
  });
}

function booksWith(rows: readonly Recorded[], differing: readonly Differing[]): Theirs {
  const shown = new Map(rows.map((row) => [row.correlationId, row]));
  for (const { row, amountCents } of differing) {
    if (amountCents === null) shown.delete(row.correlationId);
    else shown.set(row.correlationId, { ...row, amountCents });
  }
  return {
    async totals({ fromMs, toMs }) {
      const inside = [...shown.values()].filter(
        ({ requestedAtMs }) => requestedAtMs >= fromMs && requestedAtMs <= toMs,
      );
      const cents = inside.reduce((sum, { amountCents }) => sum + amountCents, 0);
      return { count: inside.length, cents };
    },
    async find(correlationId) {
      const row = shown.get(correlationId);
      if (row === undefined) return null;
      return { cents: row.amountCents, requestedAtMs: row.requestedAtMs };
    },
  };
}

function judge(
  { name, state, ours, theirs, differing: found, windows }: ProcessorAudit,
  rows: readonly Recorded[],
  differing: readonly Differing[],
): void {
  const problem = (what: string) => {
    throw new Violation(`R14: the audit of ${name} ${what}`);
  };
  if (state !== (differing.length === 0 ? "equal" : "drift")) problem(`says ${state}`);
  if (windows.length > 0) problem(`leaves ${windows.length} windows open`);
  const said = found.map(
    (one) => `${one.correlationId} ${one.kind} ${one.oursCents} ${one.theirsCents}`,
  );
  const expected = differing.map(
    ({ row: { correlationId, amountCents: cents }, amountCents }) =>
      `${correlationId} ${amountCents === null ? "missing" : "amount"} ${cents} ${amountCents}`,
  );
  if (!Bun.deepEquals(said.toSorted(), expected.toSorted())) problem(`finds ${said.join(", ")}`);
  const sum = rows.reduce((cents, row) => cents + row.amountCents, 0);
  if (ours.count !== rows.length || ours.cents !== sum) problem(`sums up ${ours.count} of ours`);
  const gone = differing.filter(({ amountCents }) => amountCents === null).length;
  if (theirs.count !== rows.length - gone) problem(`sums up ${theirs.count} of theirs`);
}
