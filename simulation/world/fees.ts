/**
 * A count of fees beside the gateway's. A payment costs for ever what was in force when it was assigned: this
 * one knows that from the assignments themselves, as the journal takes them, and not from instants; and it
 * counts with whole numbers of any length.
 */
import { feeOf, millionthsOf, type Tariff } from "../../shared/tariff.ts";
import { erasOf, tariffOf, type KnownTariff } from "../../worker/tariffs.ts";
import {
  PAYMENT_STATES,
  type Transition,
  type TransitionResult,
} from "../../worker/transitions.ts";
import { Violation } from "./violation.ts";
import type { Disk, PaymentOnDisk } from "./disk.ts";
import type { Tariffs } from "./tariffs.ts";

const SETTLED = PAYMENT_STATES.indexOf("settled");
const MILLION = 1_000_000n;

/** Knows the terms of each assignment: of a payment that a restored copy has as it was, of that one. */
export class FeeBook {
  readonly #disk: Disk;
  readonly #terms = new Map<string, Tariff>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Notes assignments that the journal has taken, under what the worker was started with. */
  onApplied(
    transitions: readonly Transition[],
    results: readonly TransitionResult[],
    inForce: Tariffs,
  ): void {
    for (const [i, transition] of transitions.entries()) {
      if (!("assignment" in transition) || results[i]!.kind !== "done") continue;
      const { kind, seq, assignment } = transition;
      if (assignment === null) continue;
      const id = kind === "accept" ? transition.correlationId : this.#disk.idOf(seq);
      this.#terms.set(nameOf(id, assignment), inForce[assignment.processor]!);
    }
  }

  /** Each settled payment costs what its own tariff says, whatever was configured since. */
  check(
    known: readonly KnownTariff[],
    processors: readonly string[],
    payments: ReadonlyMap<string, PaymentOnDisk>,
  ): void {
    const eras = erasOf(known, processors.length);
    for (const [correlationId, payment] of payments) {
      const { amount_cents: amountCents, name, requested_at_ms: requestedAtMs } = payment;
      const processor = processors.indexOf(name ?? "");
      const terms = this.#terms.get(nameOf(correlationId, { processor, requestedAtMs }));
      if (terms === undefined || payment.state !== SETTLED) continue;
      const shown = tariffOf(eras, { processor, requestedAtMs: requestedAtMs! });
      const ours = shown === null ? null : millionthsOf(feeOf(shown.terms, amountCents));
      const theirs = naiveFee(terms, amountCents);
      if (ours === theirs) continue;
      throw new Violation(`fee: ${correlationId} is said to cost ${ours} and costs ${theirs}`);
    }
  }
}

type Assigned = { readonly processor: number; readonly requestedAtMs: number | null };

function nameOf(correlationId: string, { processor, requestedAtMs }: Assigned): string {
  return `${correlationId} ${processor} ${requestedAtMs}`;
}

/** In millionths of a cent. */
export function naiveFee(terms: Tariff, amountCents: number): bigint {
  const exact = BigInt(amountCents) * BigInt(terms.perMillion) + BigInt(terms.fixedCents) * MILLION;
  const fee = terms.rounding === "none" ? exact : rounded(exact, terms.rounding);
  const least = BigInt(terms.minCents) * MILLION;
  if (fee < least) return least;
  if (terms.maxCents === null) return fee;
  const most = BigInt(terms.maxCents) * MILLION;
  return fee > most ? most : fee;
}

function rounded(exact: bigint, rounding: "half-up" | "half-even"): bigint {
  const below = exact - (exact % MILLION);
  const twice = (exact - below) * 2n;
  const isOdd = (below / MILLION) % 2n === 1n;
  const isUp = twice > MILLION || (twice === MILLION && (rounding === "half-up" || isOdd));
  return isUp ? below + MILLION : below;
}
