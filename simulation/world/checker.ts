/**
 * Checks what must hold (PROTOCOL.md, I1 to I8), judged from the wire: from what clients were told, what was
 * sent to processors and what they recorded. The journal is asked only where the promise is about it.
 */
import { PAYMENT_STATES, type PaymentState } from "../../worker/transitions.ts";
import type { Disk, PaymentOnDisk } from "./disk.ts";
import type { ProcessorSetting } from "./gateway.ts";
import type { Kind } from "./kinds.ts";
import type { ChargeSeen, Wire } from "./wire.ts";
import { Violation } from "./violation.ts";
import type { ProcessorModel } from "../../simulator/processor.ts";
import type { Recorded } from "../../simulator/processor/records.ts";

/**
 * How far an acceptance may be from a rejection that it makes believed, and how far one that contradicts
 * what was rejected before has to be.
 */
const MINUTE_MS = 60_000;
/** States in which a payment may be sent. */
const SENT_IN: ReadonlySet<PaymentState | undefined> = new Set(["assigned", "unknown"]);
/** Outcomes after which a charge has no record, and never will have one. */
const NOT_RECORDED: ReadonlySet<ChargeSeen["outcome"]> = new Set(["refused", "declined", "absent"]);

export type CheckerOptions = {
  readonly disk: Disk;
  readonly models: readonly ProcessorModel[];
  readonly wires: readonly Wire[];
  readonly processors: readonly ProcessorSetting[];
  readonly kinds: readonly Kind[];
};

export class Checker {
  /** Ids answered 202, with the amount that was. */
  readonly acknowledged = new Map<string, number>();
  readonly #options: CheckerOptions;
  /** Every charge of an id that ever left, whoever sent it. */
  readonly #charges = new Map<string, ChargeSeen[]>();
  /** Charges of before a restore, of which the journal may know nothing. */
  #forgotten = new Set<ChargeSeen>();
  /**
   * Payments that an earlier start of the worker has charged, or has written down that it would: it may have ended
   * before it wrote down the answer, or made the call.
   */
  readonly #chargedBefore = new Set<string>();
  /** Payments that a processor has declined. */
  readonly #declined = new Set<string>();
  /** Answers that the worker was given since its start, by processor. */
  #told: Told[] = [];

  constructor(options: CheckerOptions) {
    this.#options = options;
    this.onStart();
  }

  /** The worker starts, and has forgotten what it was told. */
  onStart(): void {
    for (const correlationId of this.#charges.keys()) this.#chargedBefore.add(correlationId);
    for (const [correlationId, { url }] of this.#options.disk.unsettled())
      if (url !== null) this.#chargedBefore.add(correlationId);
    this.#told = this.#options.models.map(() => new Told());
  }

  /** I1: what is acknowledged is on the disk. */
  onAcknowledge(correlationId: string, amountCents: number): void {
    const stored = this.#options.disk.holds(
      "SELECT count(*) AS n FROM payments WHERE id = unhex(?, '-') AND amount_cents = ?",
      correlationId,
      amountCents,
    );
    if (!stored) throw new Violation(`I1: ${correlationId} is acknowledged and not in the journal`);
  }

  /** A client was told 202. One id has one amount. */
  onAccepted(correlationId: string, amountCents: number): void {
    const before = this.acknowledged.get(correlationId);
    if (before !== undefined && before !== amountCents) {
      throw new Violation(`I8: ${correlationId} was taken for ${before} and for ${amountCents}`);
    }
    this.onAcknowledge(correlationId, amountCents);
    this.acknowledged.set(correlationId, amountCents);
  }

  /** I2, I3, I4 and I5, at the moment at which a charge leaves. */
  onCharge(charge: ChargeSeen): void {
    const { correlationId, amountCents, requestedAtMs } = charge;
    const ours = this.#options.disk.payment(correlationId);
    const isAssigned =
      ours !== undefined &&
      SENT_IN.has(PAYMENT_STATES[ours.state]) &&
      ours.url === this.#options.processors[charge.processor]?.url &&
      ours.amount_cents === amountCents &&
      ours.requested_at_ms === (requestedAtMs ?? ours.requested_at_ms);
    if (!isAssigned) throw new Violation(`I2: ${charge.body} leaves and is not durably assigned`);
    const earlier = this.#charges.get(correlationId) ?? [];
    this.#forget(correlationId, earlier);
    for (const other of earlier) {
      if (NOT_RECORDED.has(other.outcome)) continue;
      if (other.processor !== charge.processor) {
        throw new Violation(`I3: ${correlationId} moves while an attempt is ${other.outcome}`);
      }
      if (other.body !== charge.body) {
        throw new Violation(`I5: ${other.body} and ${charge.body} are both under way`);
      }
    }
    this.#charges.set(correlationId, [...earlier, charge]);
    this.checkTenants(correlationId);
  }

  /** An older copy is the journal now, and no call is under way. */
  onRestored(): void {
    this.#forgotten = new Set([...this.#charges.values()].flat());
  }

  /** Charges of before a restore count for nothing where no processor has the payment. */
  #forget(correlationId: string, earlier: readonly ChargeSeen[]): void {
    const forgotten = earlier.filter((charge) => this.#forgotten.delete(charge));
    if (forgotten.length === 0 || !this.isAbsent(correlationId)) return;
    for (const charge of forgotten) charge.outcome = "absent";
  }

  onAnswer(nowMs: number, charge: ChargeSeen, status: number | string): void {
    const { processor, correlationId, outcome } = charge;
    const told = this.#told[processor] as Told;
    if (status === 200 && outcome === "recorded") told.accepted(nowMs, correlationId);
    if (outcome === "declined") this.#declined.add(correlationId);
    if (status === 400) told.rejected(nowMs, correlationId);
  }

  /**
   * No payment is given up because of a processor that takes none, or that has not rejected it before and
   * accepted another one since, or that says now one thing and now another; unless that one has declined it.
   * None is that was charged, and none is in conflict without a record of other data.
   */
  onParked(kind: "reject" | "conflict", correlationId: string): void {
    const { disk, models } = this.#options;
    if (kind === "reject") {
      if (models.some(({ records }) => records.get(correlationId) !== undefined))
        throw new Violation(`G4: ${correlationId} is rejected and was charged`);
      if (this.#declined.has(correlationId)) return;
      if (this.#told.some((told) => told.mayGiveUp(correlationId))) return;
      throw new Violation(`G3: ${correlationId} is rejected by a processor that is not believed`);
    }
    const ours = disk.payment(correlationId);
    const differs = models.some(({ records }, number) => {
      const record = records.get(correlationId);
      return record !== undefined && !this.isSame(record, ours, number);
    });
    if (!differs) throw new Violation(`G3: ${correlationId} is a conflict, and no record differs`);
  }

  /** A payment leaves its processor on an operator's word: that must be true of the whole world. */
  onAbsent(correlationId: string): void {
    if (!this.isAbsent(correlationId)) {
      throw new Violation(`I3: ${correlationId} is declared absent and may be charged yet`);
    }
    for (const charge of this.#charges.get(correlationId) ?? []) charge.outcome = "absent";
  }

  /** Some charge of it got no answer that proves that it was not recorded, or that may not be written down. */
  isDoubted(correlationId: string): boolean {
    if (this.#chargedBefore.has(correlationId)) return true;
    const charges = this.#charges.get(correlationId) ?? [];
    return charges.some(({ outcome }) => !NOT_RECORDED.has(outcome));
  }

  /** No processor has a record of this id, and no request is left that could still make one. */
  isAbsent(correlationId: string): boolean {
    const { models, wires } = this.#options;
    const recorded = models.some(({ records }) => records.get(correlationId) !== undefined);
    return !recorded && !wires.some((wire) => wire.mayRecord(correlationId));
  }

  /** True when a record of a processor is what the journal has, as far as that processor keeps it. */
  isSame(record: Recorded, ours: PaymentOnDisk | undefined, number: number): boolean {
    const { keepsInstants } = this.#options.kinds[number]!;
    return (
      record.amountCents === ours?.amount_cents &&
      (!keepsInstants || record.requestedAtMs === ours.requested_at_ms)
    );
  }

  /** I4: at most one processor holds a record, and that one holds one. */
  checkTenants(correlationId: string): void {
    const holders = this.#options.models.filter((model) => model.records.get(correlationId));
    const [holder] = holders;
    const isTwice = holder?.records.get(`${correlationId}#2`) !== undefined;
    if (holders.length > 1 || isTwice) throw new Violation(`I4: ${correlationId} is charged twice`);
  }

  /** I7 and I8: what was acknowledged is in the journal, with its amount, and at one processor. */
  checkJournal(payments: ReadonlyMap<string, PaymentOnDisk>): void {
    for (const [correlationId, amountCents] of this.acknowledged) {
      if (payments.get(correlationId)?.amount_cents !== amountCents) {
        throw new Violation(`I7: ${correlationId} is acknowledged and not in the journal`);
      }
      this.checkTenants(correlationId);
    }
  }

  /** After everything healed: settled, or listed for an operator with its reason. What is lost is I7's. */
  checkSettled(): void {
    for (const [correlationId, found] of this.#options.disk.unsettled()) {
      const state = PAYMENT_STATES[found.state];
      const listed = (state === "rejected" || state === "conflict") && found.has_attempts === 1;
      if (this.acknowledged.has(correlationId) && !listed) {
        throw new Violation(`G3: ${correlationId} was acknowledged and is ${state}`);
      }
    }
  }
}

/** Words of one processor about payments, and whether its last rejection of one may be the last word. */
class Told {
  #accepted = 0;
  #acceptedAtMs = Number.NEGATIVE_INFINITY;
  #contradictedAtMs = Number.NEGATIVE_INFINITY;
  /** Number of others that were accepted before it was rejected first, by id. */
  readonly #acceptedBefore = new Map<string, number>();
  readonly #givenUp = new Set<string>();

  accepted(nowMs: number, correlationId: string): void {
    this.#accepted++;
    this.#acceptedAtMs = nowMs;
    if (this.#acceptedBefore.has(correlationId)) this.#contradictedAtMs = nowMs;
  }

  rejected(nowMs: number, correlationId: string): void {
    const before = this.#acceptedBefore.get(correlationId);
    if (before === undefined) this.#acceptedBefore.set(correlationId, this.#accepted);
    const isAgain = before !== undefined && this.#accepted > before;
    const isProven = nowMs - this.#acceptedAtMs <= MINUTE_MS;
    const isContradicted = nowMs - this.#contradictedAtMs <= MINUTE_MS;
    if (isAgain && isProven && !isContradicted) this.#givenUp.add(correlationId);
    else this.#givenUp.delete(correlationId);
  }

  mayGiveUp(correlationId: string): boolean {
    return this.#givenUp.has(correlationId);
  }
}
