/**
 * Decisions that an operator may ask of the worker, and its answers. Reads go to the journal's file; these
 * go to the pipeline, the only one that knows what is under way.
 */
import type {
  JournalAction,
  PaymentAction,
  ProcessorAction,
  ProcessorView,
} from "../shared/http-api/operator.ts";
import type { Intervention, PaymentState } from "./transitions.ts";

export type { PaymentAction, ProcessorAction, ProcessorView };

/** Mode of the processor after each. */
export const MODE_AFTER = { drain: "drained", force: "forced", resume: "auto" } as const;

/** Words that an operator gives: who, why, and for some actions the evidence. */
export type Grounds = Pick<Intervention, "who" | "why" | "evidence">;

/** Order to send webhooks again, from an instant on. */
export type ResendOrder = { readonly fromMs: number; readonly grounds: Grounds };

export type OperatorCommand =
  | {
      readonly kind: "payment";
      readonly action: PaymentAction;
      readonly seq: number;
      readonly correlationId: string;
      /** State in the journal when the question came; the pipeline may know better. */
      readonly state: PaymentState;
      readonly grounds: Grounds;
      /** True for an *absent* that holds also when the processor cannot be asked. */
      readonly unasked?: boolean;
    }
  | {
      readonly kind: "processor";
      readonly action: ProcessorAction;
      readonly name: string;
      readonly grounds: Grounds;
    }
  | { readonly kind: "journal"; readonly action: JournalAction; readonly grounds: Grounds }
  | { readonly kind: "processors" };

export type OperatorAnswer =
  /** Durable. `state` is the payment's, the processor's mode, or the journal's. */
  | { readonly kind: "done"; readonly state: string; readonly detail: string }
  | { readonly kind: "refused"; readonly status: 404 | 409 | 503; readonly reason: string }
  | { readonly kind: "processors"; readonly processors: readonly ProcessorView[] };
