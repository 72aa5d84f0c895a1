/**
 * Transitions of a payment, as the journal records them (PROTOCOL.md, "States"), and its answers. A
 * processor is named by its number in the journal's own table, so that a changed configuration cannot
 * give one processor's payments to another.
 */
import type { Payment } from "../shared/payment.ts";

/** Order matters: a state's code on disk is its index here. */
export const PAYMENT_STATES = [
  "accepted",
  "assigned",
  "unknown",
  "held",
  "settled",
  "rejected",
  "conflict",
] as const;
export type PaymentState = (typeof PAYMENT_STATES)[number];

export type Assignment = { readonly processor: number; readonly requestedAtMs: number };

/** An attempt that did not end in "accepted": kept, so that a payment's story can be told. */
export type FailedAttempt = {
  readonly atMs: number;
  readonly processor: number;
  readonly outcome: "refused" | "unknown" | "rejected" | "conflict";
  readonly reason: string;
  /** The processor's own code of a rejection, where it has one. */
  readonly code?: string | undefined;
};

/** Reason of an attempt that was answered 422, which no look has confirmed. */
export const CLAIMED = "422, not confirmed";

/** Action of an operator, with its reason and evidence: kept for ever. */
export type Intervention = {
  readonly atMs: number;
  readonly who: string;
  readonly action: string;
  readonly why: string;
  readonly evidence: string | null;
};

/** Use of a processor: as its breaker says; for no new payment; or regardless of its breaker. */
export type ProcessorMode = "auto" | "drained" | "forced";

/** `hasSource`: it has a source, which is forgotten now that the payment ends. */
type Ending = { readonly seq: number; readonly hasSource?: boolean };
/** Webhook that failed: it is tried again, or it is only listed any more, and then has no body. */
export type FailedWebhook = {
  readonly id: string;
  readonly correlationId: string;
  readonly type: `payment.${"settled" | "rejected" | "conflict"}`;
  readonly endedAtMs: number;
  readonly body: string;
  readonly state: "retrying" | "given up";
  readonly tries: number;
  readonly firstAtMs: number;
  readonly nextAtMs: number;
  /** Reason why the last try failed. */
  readonly reason: string;
};

/** Changes of webhooks that the journal is to keep, in one commit. */
export type WebhookChanges = {
  /** Position before the first event that is neither delivered nor kept. */
  readonly cursor: string;
  /** Fingerprint of the address that they go to. */
  readonly target: string;
  /** Instant at which the receiver ended the subscription; null while it has not. */
  readonly endedAtMs: number | null;
  readonly put: readonly FailedWebhook[];
  /** Events, by their ids, that are kept no longer. */
  readonly drop: readonly string[];
  /** Events that were given up, and ended then or later, are kept no longer. */
  readonly dropGivenUpFromMs?: number | undefined;
};

export type Transition =
  | {
      readonly kind: "accept";
      readonly seq: number;
      readonly correlationId: string;
      readonly amountCents: number;
      /** Its source, and its reference, if it has one. */
      readonly source?: string | undefined;
      readonly reference?: string | undefined;
      readonly acceptedAtMs: number;
      /** Acceptance and first assignment may share a commit. */
      readonly assignment: Assignment | null;
    }
  | { readonly kind: "assign"; readonly seq: number; readonly assignment: Assignment }
  /** A processor turned out to have it, with this body, though the journal was restored without that. */
  | { readonly kind: "find"; readonly seq: number; readonly assignment: Assignment }
  /** Every attempt at its processor was refused: the payment belongs to nobody again. */
  | { readonly kind: "release"; readonly seq: number; readonly attempt: FailedAttempt }
  | { readonly kind: "unknown"; readonly seq: number; readonly attempt: FailedAttempt }
  | ({
      readonly kind: "settle";
      /** Number in the ledger; a database gives its own. */
      readonly row: number;
      readonly processor: number;
      readonly requestedAtMs: number;
      readonly amountCents: number;
      readonly settledAtMs: number;
      /** An operator's word, not the processor's. */
      readonly intervention?: Intervention | undefined;
    } & Ending)
  | ({ readonly kind: "reject"; readonly attempt: FailedAttempt } & Ending)
  | ({ readonly kind: "conflict"; readonly attempt: FailedAttempt } & Ending)
  /** Nothing is sent for it until it is resumed; it stays with its processor, if it has one. */
  | { readonly kind: "hold"; readonly seq: number; readonly intervention: Intervention }
  | { readonly kind: "resume"; readonly seq: number; readonly intervention: Intervention }
  /** An operator's word that its processor has no record of it and never will: it belongs to nobody. */
  | {
      readonly kind: "absent";
      readonly seq: number;
      readonly processor: number;
      readonly intervention: Intervention;
    }
  /** Moves nothing: an operator has had the processor asked. */
  | { readonly kind: "ask"; readonly seq: number; readonly intervention: Intervention }
  | {
      readonly kind: "mode";
      readonly processor: number;
      readonly mode: ProcessorMode;
      readonly intervention: Intervention;
    }
  /** An operator's word that a processor is the same one at another address. */
  | {
      readonly kind: "address";
      readonly processor: number;
      readonly url: string;
      readonly intervention: Intervention;
    }
  /** An operator's word that a journal which was restored from a copy knows all that was charged. */
  | { readonly kind: "trust"; readonly intervention: Intervention }
  /** Forgets the ledger's rows below `baseRow`; later rows start there. */
  | { readonly kind: "purge"; readonly baseRow: number; readonly atMs: number }
  /** Keeps how far webhooks have come; an operator may have had them sent again. */
  | {
      readonly kind: "webhooks";
      readonly changes: WebhookChanges;
      readonly intervention?: Intervention | undefined;
    }
  /** Changes nothing that anybody reads: asks whether commits work again. */
  | { readonly kind: "probe" };

/**
 * `done` is durable. `duplicate` and `conflict` answer an accept whose id is known: it is the same payment,
 * or has another amount, source or reference. `moved` means that the payment is not in a state that this transition starts from.
 */
export type TransitionResult =
  | { readonly kind: "done" }
  | { readonly kind: "duplicate" }
  | { readonly kind: "conflict" }
  | { readonly kind: "moved"; readonly state: PaymentState | null };

/** A payment that was not settled when the journal was opened. */
export type OpenRow = Payment & {
  readonly seq: number;
  readonly state: PaymentState;
  readonly acceptedAtMs: number;
  readonly assignment: Assignment | null;
  /** Its processor's last word about it was 422: that it has some attempt. */
  readonly isClaimed: boolean;
};

/** A payment that its processor said it has. */
export type Settled = { readonly correlationId: string; readonly amountCents: number };

/** State of the journal at the start. */
export type JournalHead = {
  /** Grows with every start. */
  readonly epoch: number;
  /** Greater than the number of every payment that there is. */
  readonly nextSeq: number;
  /** Stream of this worker's commits, whose numbers follow the clock; none of a file, whose follow each other. */
  readonly stream?: number;
  /** Instant at which the file was put in place as a copy, which nobody trusts yet; or null. */
  readonly restoredAtMs: number | null;
  /** Rows of the ledger that were requested before it may be pruned; null: all are there. */
  readonly prunedBeforeMs: number | null;
  /** The ledger holds rows from `baseRow` up to, not including, `nextRow`. */
  readonly baseRow: number;
  readonly nextRow: number;
  /** Cents that may be accepted until the next start; none of a file, whose ledger counts what is settled. */
  readonly centsLeft?: number;
  /** Names by number, both of the configuration and of earlier ones. */
  readonly processors: readonly string[];
  /** Modes that an operator has set, by number. */
  readonly modes: readonly ProcessorMode[];
};

/** Rows of the ledger in row order, as columns. */
export type LedgerRows = {
  readonly requestedAtMs: Float64Array;
  readonly amountCents: Float64Array;
  readonly processor: Float64Array;
};

export { BLOCK_ROWS } from "./limits.ts";

/** Sums of one block of rows; counts and cents by processor number. */
export type BlockTotals = {
  readonly minMs: number;
  readonly maxMs: number;
  readonly counts: readonly number[];
  readonly cents: readonly number[];
};
