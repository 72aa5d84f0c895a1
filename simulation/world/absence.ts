/**
 * Somebody who declares payments absent. From outside a processor's silence proves nothing; the
 * whole world shows that no processor has a record of a payment and that no request is left
 * anywhere that could still make one.
 *
 * Such evidence is true of the moment at which it was taken, and is acted on a while later. The
 * worker knows what was sent meanwhile: it must refuse then.
 *
 * Now and then somebody is mistaken, about a payment that its processor has recorded. The worker must not
 * believe that either: only whoever knows that a processor cannot be asked is believed without asking.
 */
import { PAYMENT_STATES } from "../../worker/transitions.ts";
import type { Scene } from "./scene.ts";
import { crashWorker } from "./crashes.ts";
import type { PaymentOnDisk } from "./disk.ts";
import { isRecorded, onPayment } from "./operator.ts";

const GROUNDS = {
  who: "somebody",
  why: "the seed says so",
  evidence: "no record, and no request under way",
};
/** Time between looks for a payment to begin with. */
const SEEK_MS = 200;
/** Longest wait beyond what the worker asks for. */
const PATIENCE_MS_MAX = 1_000;
/**
 * Time after the faults up to which a payment is declared absent; a little later everything that is
 * held is let go.
 */
const LATE_MS_MAX = 15_000;

/** Takes up a payment that a processor has not answered about, as soon as there is one. */
export function seekAbsence(world: Scene): void {
  const { apart, time, plan } = world;
  if (!world.troubled) return;
  const recorded = apart.happens(0.2);
  const found = [...world.disk.doubted()].filter(
    ([id, payment]) => isRecorded(world, id, payment) === recorded,
  );
  if (found.length === 0) return time.after(SEEK_MS, () => seekAbsence(world));
  const [correlationId, payment] = apart.pick(found);
  if (apart.happens(0.3)) {
    proveAndDeclare(world, correlationId);
    return time.after(plan.processorTimeoutMs, () => seekAbsence(world));
  }
  // The worker's own advice is followed: hold it, and wait until what was given up has ended.
  onPayment(world, "hold", correlationId, payment);
  const waitMs = 2 * plan.processorTimeoutMs + apart.next() * PATIENCE_MS_MAX;
  time.after(waitMs, () => proveAndDeclare(world, correlationId));
}

function proveAndDeclare(world: Scene, correlationId: string): void {
  const { apart, time, plan, checker } = world;
  if (!checker.isAbsent(correlationId)) return settleIfRecorded(world, correlationId);
  world.note(`operator: ${correlationId} is at no processor`);
  const lateMs = apart.happens(0.5) ? 0 : apart.next() * plan.processorTimeoutMs;
  time.after(lateMs, () => {
    const payment = world.disk.payment(correlationId);
    if (payment === undefined || !isUnsettled(payment)) return;
    if (time.nowMs > plan.troubleMs + LATE_MS_MAX) return;
    onPayment(world, "absent", correlationId, payment, GROUNDS, true);
    if (world.troubled && apart.happens(0.2)) {
      time.after(apart.next() * 30, () => crashWorker(world));
    }
  });
}

/** Settles the payment when the same evidence says the opposite. */
function settleIfRecorded(world: Scene, correlationId: string): void {
  const payment = world.disk.payment(correlationId);
  if (payment === undefined || !isUnsettled(payment)) return;
  if (!isRecorded(world, correlationId, payment)) return;
  const isMistaken = world.mood.happens(0.5);
  onPayment(world, isMistaken ? "absent" : "settle", correlationId, payment, GROUNDS);
}

/** True when it belongs to a processor that has not said whether it was charged. */
function isUnsettled({ state, name }: PaymentOnDisk): boolean {
  const kind = PAYMENT_STATES[state];
  return name !== null && (kind === "unknown" || kind === "held");
}
