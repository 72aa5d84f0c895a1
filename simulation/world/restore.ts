/**
 * A journal that is lost, and an older copy put in its place; and something before a processor that
 * answers 404 to everything for a while, at which a worker that believes any 404 charges elsewhere.
 *
 * Shops repeat all that is not in the copy. What a dead worker had sent has arrived by then: longer
 * than the span that an operator is told to wait, no call is under way.
 */
import { PAYMENT_STATES } from "../../worker/transitions.ts";
import type { Scene } from "./scene.ts";
import type { PaymentOnDisk } from "./disk.ts";
import { onPayment } from "./operator.ts";

const AGAIN_MS = 300;
/** Longest time for which something answers in a processor's place. */
/** Less, and it might come and go between two controls, which nobody can see. */
const AWAY_MS_MIN = 2_000;
const AWAY_MS_MAX = 4_000;
const HIDDEN_TIMES = 3;
export const HAS_SETTLED = `SELECT count(*) > 0 AS n FROM payments JOIN processors ON number = processor
  WHERE name = ? AND state = ${PAYMENT_STATES.indexOf("settled")}
  AND settled_at_ms < (SELECT value FROM meta WHERE key = 'restored_at_ms')
  AND NOT EXISTS (SELECT 1 FROM interventions WHERE interventions.seq = payments.seq)`;

/** Makes a copy, and loses the journal a while later. */
export function loseJournal(world: Scene): void {
  const { restoring, time, plan } = world;
  if (world.counts.restores > 0) return;
  const copy = world.disk.copy();
  world.note("a copy is made");
  time.after(restoring.next() * plan.troubleMs * 0.6, () => {
    if (!world.troubled) return;
    world.note("the journal is lost");
    world.gateway.crash();
    world.isRestoring = true;
    putBack(world, copy);
  });
}

function putBack(world: Scene, copy: Uint8Array): void {
  const { disk, time, wires, checker, processors } = world;
  const before = disk.payments();
  if (!world.troubled) {
    // It took longer than the trouble: nothing is lost yet.
    world.isRestoring = false;
    return world.startGateway();
  }
  if (wires.some((wire) => [...before.keys()].some((id) => wire.mayRecord(id)))) {
    return time.after(AGAIN_MS, () => putBack(world, copy));
  }
  for (const api of world.apis) api.crash();
  disk.putBack(copy, time.wallMs());
  const kept = disk.payments();
  world.counts.restores++;
  checker.onRestored();
  world.judges?.onRestored();
  world.isUnproven = processors.some(({ name }) => !disk.holds(HAS_SETTLED, name));
  world.note(`restored: ${before.size - kept.size} of ${before.size} payments are lost`);
  for (const api of world.apis) api.start();
  for (const number of processors.keys()) hide(world, number, HIDDEN_TIMES);
  world.isRestoring = false;
  world.startGateway();
  for (const [correlationId, payment] of before) {
    if (kept.has(correlationId)) continue;
    world.missing++;
    repeat(world, correlationId, payment);
  }
}

/** Something answers in a processor's place: before it is asked, or from the middle of that on. */
function hide(world: Scene, number: number, times: number): void {
  const { restoring, time, wires, plan } = world;
  if (times === 0 || restoring.happens(0.3)) return;
  const quietMs = times === HIDDEN_TIMES ? 2 * plan.processorTimeoutMs : 0;
  time.after(restoring.pick([0, quietMs, quietMs]) + restoring.next() * 2_000, () => {
    if (world.isDrilling) return;
    world.note(`processor ${number} is behind something that answers 404`);
    wires[number]!.isHidden = true;
    time.after(AWAY_MS_MIN + restoring.next() * AWAY_MS_MAX, () => {
      wires[number]!.isHidden = false;
      world.note(`processor ${number} answers itself`);
      hide(world, number, times - 1);
    });
  });
}

/** A shop that repeats until its payment is taken. */
function repeat(world: Scene, correlationId: string, payment: PaymentOnDisk): void {
  const { restoring, time } = world;
  time.after(restoring.next() * 2_000, () => {
    if (world.disk.payment(correlationId) !== undefined) return void world.missing--;
    world.repost(correlationId, payment.amount_cents);
    repeat(world, correlationId, payment);
  });
}

/**
 * Somebody who asks the processors' people about payments that wait for one which nothing can be asked
 * of for a control, and says that they are absent where they are.
 */
export function letThrough(world: Scene): void {
  const { disk, checker, time, restoring } = world;
  for (const [correlationId, payment] of disk.unsettled()) {
    const state = PAYMENT_STATES[payment.state];
    const waits = state === "accepted" || state === "unknown" || state === "assigned";
    if (!waits || !checker.isAbsent(correlationId)) continue;
    const grounds = { who: "somebody", why: "no control", evidence: "its people say so" };
    onPayment(world, "absent", correlationId, payment, grounds, true);
  }
  // Shops that were turned away come later.
  time.after(1_000 + restoring.next() * 100, () => letThrough(world));
}
