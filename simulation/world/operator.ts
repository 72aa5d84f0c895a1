/**
 * Somebody who decides by hand while everything fails: holds and releases payments, asks processors,
 * drains and forces them, and counts as settled what a processor demonstrably has.
 */
import type { Grounds, OperatorCommand, PaymentAction } from "../../worker/intervention.ts";
import { PAYMENT_STATES } from "../../worker/transitions.ts";
import { isDeclined } from "../../testing/cards.ts";
import type { Scene } from "./scene.ts";
import { Violation } from "./violation.ts";
import type { PaymentOnDisk } from "./disk.ts";

type Decision = Exclude<OperatorCommand, { kind: "processors" | "journal" }>;
/** Time between looks for payments that wait for an operator. */
const AGAIN_MS = 2_000;
const GROUNDS: Grounds = { who: "somebody", why: "the seed says so", evidence: null };

/** Makes a decision about a payment that is open or about a processor. */
export function decide(world: Scene): void {
  const { chance, disk, processors } = world;
  if (chance.happens(0.25)) {
    const action = chance.pick(["drain", "force", "resume"] as const);
    const { name } = chance.pick(processors);
    return operate(world, { kind: "processor", action, name, grounds: GROUNDS });
  }
  const open = [...disk.unsettled()];
  if (open.length === 0) return;
  const [correlationId, payment] = chance.pick(open);
  const wanted = chance.pick(["hold", "hold", "release", "ask", "settle"] as const);
  const proven = wanted !== "settle" || isRecorded(world, correlationId, payment);
  onPayment(world, proven ? wanted : "hold", correlationId, payment);
}

/** Releases what is held, and lets processors that were drained or forced be used as their breakers say. */
export function letGo(world: Scene): void {
  for (const name of world.disk.notAutomatic()) {
    operate(world, { kind: "processor", action: "resume", name, grounds: GROUNDS });
  }
  for (const [correlationId, payment] of world.disk.unsettled()) {
    const held = PAYMENT_STATES[payment.state] === "held";
    if (held) onPayment(world, "release", correlationId, payment);
  }
}

export function onPayment(
  world: Scene,
  action: PaymentAction,
  correlationId: string,
  { seq, state: code }: PaymentOnDisk,
  grounds: Grounds = GROUNDS,
  unasked = false,
): void {
  const state = PAYMENT_STATES[code] as (typeof PAYMENT_STATES)[number];
  operate(world, { kind: "payment", action, seq, correlationId, state, grounds, unasked });
}

/** True when the processor would show this payment to an operator who asks by telephone. */
export function isRecorded(
  { models, checker, processors }: Scene,
  correlationId: string,
  payment: PaymentOnDisk,
): boolean {
  const number = processors.findIndex(({ url }) => url === payment.url);
  const record = models[number]?.records.get(correlationId);
  return record !== undefined && checker.isSame(record, payment, number);
}

/**
 * Somebody who asks the processors' people about payments that wait for nobody else: their processor may have
 * forgotten them, so that nothing is sent there again, or has declined them after an attempt without an answer.
 */
export function endOutlived(world: Scene): void {
  const { plan, disk, checker, time } = world;
  if (plan.kinds.length === 0) return;
  for (const [correlationId, payment] of disk.doubted()) {
    // A payment that somebody holds is decided about, also when its last call has turned out to be harmless.
    const isHeld = PAYMENT_STATES[payment.state] === "held";
    if (!isHeld && !isAnOperators(world, correlationId, payment)) continue;
    if (!isHeld) onPayment(world, "hold", correlationId, payment);
    else if (isRecorded(world, correlationId, payment))
      onPayment(world, "settle", correlationId, payment);
    else if (checker.isAbsent(correlationId))
      onPayment(world, "absent", correlationId, payment, GROUNDS, true);
  }
  // Shops that were turned away come later.
  time.after(AGAIN_MS, () => endOutlived(world));
}

function isAnOperators(
  { plan, time, checker, processors }: Scene,
  correlationId: string,
  payment: PaymentOnDisk,
): boolean {
  const number = processors.findIndex(({ url }) => url === payment.url);
  const { kind, remembersForMs } = plan.kinds[number]!;
  const isOutlived = time.wallMs() - payment.requested_at_ms! >= remembersForMs;
  if (isOutlived || kind !== "stripe") return isOutlived;
  return isDeclined(payment.amount_cents) && checker.isDoubted(correlationId);
}

function operate(world: Scene, command: Decision): void {
  world.counts.decisions++;
  const subject = command.kind === "payment" ? command.correlationId : command.name;
  const asked = `${command.action} ${subject}`;
  world.note(`operator: ${asked}`);
  if (command.kind === "processor")
    world.judges?.decisions.onOperator(subject, null, command.action);
  void world.gateway.operate(command)?.then((answer) => {
    const isDone = answer.kind === "done";
    if (command.kind === "processor")
      world.judges?.decisions.onOperator(subject, isDone, command.action);
    world.note(`operator: ${asked}: ${JSON.stringify(answer)}`);
    world.watch(() => {
      if (isDone) expectWritten(world, command.action, subject);
    });
  });
}

/** Expects an answer to be on the disk when it is given, with who said so. */
function expectWritten({ disk }: Scene, action: string, subject: string): void {
  const written = disk.holds(
    `SELECT count(*) > 0 AS n FROM interventions WHERE action = ?1 AND (
       seq = (SELECT seq FROM payments WHERE id = unhex(?2, '-'))
       OR processor = (SELECT number FROM processors WHERE name = ?2))`,
    action,
    subject,
  );
  if (!written)
    throw new Violation(`operator: ${action} of ${subject} is answered and not written down`);
}
