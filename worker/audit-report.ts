/** What an audit says, as `GET /audit` and `worker audit --json` give it. */
import type { PaymentState } from "./transitions.ts";

/** Payments and their cents. */
export type Sum = { readonly count: number; readonly cents: number };

export type AuditState =
  /** No audit-token: it is not asked. */
  | "off"
  /** Nothing has been compared yet. */
  | "waiting"
  | "equal"
  | "drift"
  /** Its address is another one than the journal's: nothing is asked there. */
  | "moved"
  /** It cannot be compared: the token is refused, or the answer cannot be read. */
  | "failed";

/**
 * `missing`: settled here, and the processor does not have it. `extra`: it has it, and here it is not
 * settled there. `amount` and `time`: both have it, with other data.
 */
export type DifferenceKind = "missing" | "extra" | "amount" | "time";

export type Difference = {
  readonly correlationId: string;
  readonly kind: DifferenceKind;
  /** Null for an extra one. */
  readonly oursCents: number | null;
  /** Null for a missing one. */
  readonly theirsCents: number | null;
  readonly oursRequestedAt: string | null;
  readonly theirsRequestedAt: string | null;
  /** What the gateway has under this id, and where. */
  readonly status: PaymentState;
  readonly processor: string | null;
};

/** The narrowest window in which something differs that no known id explains. */
export type DifferingWindow = {
  readonly from: string | null;
  readonly to: string;
  readonly ours: Sum;
  readonly theirs: Sum;
};

export type ProcessorAudit = {
  readonly name: string;
  readonly state: AuditState;
  /** What was compared, both ends included; `from` is null where it is open. */
  readonly from: string | null;
  readonly to: string | null;
  readonly ours: Sum;
  readonly theirs: Sum;
  readonly equalUpTo: string | null;
  readonly differing: readonly Difference[];
  /** Beyond those that are listed. */
  readonly differingMore: number;
  readonly windows: readonly DifferingWindow[];
  /** Recorded there and still open here: no drift. */
  readonly pending: number;
  readonly checkedAt: string | null;
  readonly error: string | null;
};

export type AuditReport = { readonly processors: readonly ProcessorAudit[] };

/** What the metrics say of a processor that is audited. */
export type AuditGauges = {
  readonly name: string;
  readonly driftPayments: number;
  readonly driftCents: number;
  readonly equalUpToMs: number | null;
  readonly checkedAtMs: number | null;
};
