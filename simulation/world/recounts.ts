/**
 * Counts beside the gateway, and compares:
 *
 *   R6  counters of the worker at the end equal what has been seen since its start, and nothing is under way
 *   R7  at any instant a payment's status is true, and sums differ from the records by no more than is open
 *   R8  nothing is held without somebody who has held it
 */
import type { LiveSecond } from "../../shared/http-api/live.ts";
import { SECONDS_KEPT } from "../../worker/live.ts";
import { SqliteReader } from "../../worker/journal/sqlite-reader.ts";
import { PAYMENT_STATES } from "../../worker/transitions.ts";
import { carriedBy } from "./carried.ts";
import type { PaymentOnDisk } from "./disk.ts";
import type { Scene } from "./scene.ts";
import { Violation } from "./violation.ts";

const LOOKS = 3;
const LISTED_MAX = 200;
const EVER = { fromMs: -Infinity, toMs: Infinity };
const HELD_BY_NOBODY = `SELECT lower(hex(id)) AS id FROM payments
  WHERE state = ${PAYMENT_STATES.indexOf("held")} AND NOT EXISTS
    (SELECT 1 FROM interventions WHERE interventions.seq = payments.seq AND action = 'hold')`;

/** Looks at what clients and operators are told, at instants that the seed draws; half of them do not look. */
export function planLooks(world: Scene): void {
  if (world.glance.happens(0.5)) return;
  const settled = new Set<string>();
  for (let i = 0; i < LOOKS; i++) {
    world.time.after(world.glance.next() * world.plan.troubleMs, () => {
      if (world.isRestoring || world.plan.restores > 0) return;
      world.watch(() => checkSums(world));
      void checkStatuses(world, settled).catch((error: Error) =>
        world.watch(() => {
          throw error;
        }),
      );
    });
  }
}

async function checkStatuses(world: Scene, settled: Set<string>): Promise<void> {
  const { disk, checker, models, processors, plan } = world;
  const reader = new SqliteReader(disk.db);
  const names = disk.names();
  await checkList(reader, disk);
  for (const [correlationId, amountCents] of checker.acknowledged) {
    const recordedAt = models.findIndex(({ records }) => records.get(correlationId) !== undefined);
    const told = await reader.payment(correlationId);
    const problem = (what: string) => {
      throw new Violation(`R7: ${correlationId} is ${told?.state ?? "unknown"} and ${what}`);
    };
    if (told?.amountCents !== amountCents) problem(`was taken for ${amountCents}`);
    const { reference = null } = carriedBy(plan, correlationId, amountCents);
    if (told?.reference !== reference) problem("has another reference");
    if (settled.has(correlationId) && told?.state !== "settled") problem("was settled before");
    if (told?.state === "rejected" && recordedAt !== -1) problem("is recorded");
    if (told?.state !== "settled") continue;
    settled.add(correlationId);
    if (recordedAt === -1) problem("is not recorded");
    const isThere = names[told.processor ?? -1] === processors[recordedAt]?.name;
    if (plan.exchanges === 0 && !isThere) problem("is recorded elsewhere");
  }
}

/** The list of what is open has all of it, the oldest first. */
async function checkList(reader: SqliteReader, disk: Scene["disk"]): Promise<void> {
  const asked = { state: null, order: "age", limit: LISTED_MAX, after: null } as const;
  const open = [...disk.unsettled().keys()].slice(0, LISTED_MAX);
  const listed = (await reader.list(asked)) ?? [];
  const problem = `R7: ${listed.length} payments are listed as open, and not the ${open.length}`;
  if (
    !Bun.deepEquals(
      listed.map(({ correlationId }) => correlationId),
      open,
    )
  )
    throw new Violation(`${problem} that are`);
}

/** Records that are not in the sums are of open payments, and nothing is in the sums that has no record. */
function checkSums({ gateway, plan, models, disk }: Scene): void {
  if (!gateway.up || plan.history > 0 || plan.purges > 0) return;
  const { counts } = gateway.summary(EVER)!;
  const summed = counts.reduce((sum, count) => sum + count, 0);
  const recorded = models.reduce((sum, { records }) => sum + records.size, 0);
  const open = [...disk.unsettled().values()].filter(isOpen).length;
  if (summed <= recorded && recorded - summed <= open) return;
  throw new Violation(`R7: ${summed} are summed, ${recorded} recorded, and ${open} open`);
}

function isOpen({ state, name }: PaymentOnDisk): boolean {
  const kind = PAYMENT_STATES[state];
  return name !== null && kind !== "rejected" && kind !== "conflict";
}

export function checkHeld({ disk }: Scene): void {
  const found = disk.db.query<{ id: string }, []>(HELD_BY_NOBODY).get();
  if (found !== null) throw new Violation(`R8: ${found.id} is held, and nobody has held it`);
}

/** Everything is settled: the worker's own counts, against what was seen of its life. */
export function checkCounters({ gateway, disk, plan, processors, apis }: Scene): void {
  const { pipeline, link, journal, seen, tap } = gateway.parts!;
  const same = (what: string, ours: number, theirs: number) => {
    if (ours !== theirs)
      throw new Violation(`R6: ${what}: ${ours} are counted, ${theirs} were seen`);
  };
  for (const [kind, count] of Object.entries(pipeline.verdicts)) {
    same(`verdicts ${kind}`, count, seen.verdicts.get(kind) ?? 0);
  }
  const { framesReceived, drops } = link.stats;
  const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
  same("frames", framesReceived + dropped, seen.frames);
  tap?.checkStats(link.stats);
  same("frames of the worker", link.stats.framesSent, seen.framesSent);
  for (const api of apis) for (const counted of api.counts()) same(...counted);
  same("commits", journal.stats.commits, seen.commits);
  same("transitions", journal.stats.transitions, seen.transitions);
  same("commits that failed", journal.stats.failures, seen.failures);
  checkMeter(gateway.parts!, same);
  for (const state of ["rejected", "conflict"] as const) {
    const code = PAYMENT_STATES.indexOf(state);
    const parked = [...disk.unsettled().values()].filter((one) => one.state === code).length;
    same(`payments ${state}`, pipeline.payments.parked.get(state) ?? 0, parked);
  }
  for (const [state, count] of Object.entries(pipeline.payments.countByState)) {
    same(`payments ${state}`, count, 0);
  }
  for (const lane of pipeline.lanes.all) {
    same(`calls at ${lane.name}`, lane.inFlight, 0);
    same(`settlements of ${lane.name}`, lane.settled, seen.settled.get(lane.number) ?? 0);
    if (plan.exchanges > 0) continue;
    const { attempts } = lane;
    const all = Object.values(attempts).reduce((sum, count) => sum + count, 0);
    const place = processors.findIndex(({ name }) => name === lane.name);
    const answers = seen.answers.get(place) ?? { all: 0, accepted: 0 };
    same(`answers of ${lane.name}`, all, answers.all);
    same(`acceptances of ${lane.name}`, attempts.accepted, answers.accepted);
  }
  if (!pipeline.isDrained) throw new Violation("R6: calls are under way for no payment");
}

/** The seconds that are shown add up to what has happened in them; nothing has happened for longer than one. */
function checkMeter(
  { pipeline: { meter, lanes }, seen }: NonNullable<Scene["gateway"]["parts"]>,
  same: (what: string, ours: number, theirs: number) => void,
): void {
  const { seconds } = meter;
  // Older ones are shown no more.
  if (seconds.length >= SECONDS_KEPT) return;
  const shown = (of: (second: LiveSecond) => number) =>
    seconds.reduce((sum, second) => sum + of(second), 0);
  const stored = shown(({ accepted }) => accepted);
  same("payments taken, by the second", stored, seen.verdicts.get("stored") ?? 0);
  for (const [i, { name, number }] of lanes.all.entries()) {
    const settled = shown((second) => second.settled[i] ?? 0);
    same(`settlements of ${name}, by the second`, settled, seen.settled.get(number) ?? 0);
  }
}
