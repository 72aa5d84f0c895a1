/**
 * A payment that is not settled yet, its states, and everything that may move it.
 *
 * TRANSITIONS is the only place where the legal moves stand: the pipeline's moves are checked against it
 * (pipeline/open-payments.ts), the journal's statements are made from it (journal/store.ts), and an
 * operator's rules begin with it (pipeline/operator-rules.ts).
 */
import type { Payment } from "../shared/payment.ts";
import type { Assignment, PaymentState, Transition } from "./transitions.ts";

/**
 * `accepting`: its acceptance is not durable yet. `queued`: durable, belongs to no processor.
 * `assigned` and `unknown`: belongs to that processor, with that body, until it says what became of
 * it; unknown once an attempt got no clear answer, and then no refusal can release it. `held`: an
 * operator's; nothing is sent for it, and it stays with its processor if it has one.
 */
export type OpenState =
  | { readonly kind: "accepting" }
  | { readonly kind: "queued" }
  | { readonly kind: "assigned"; readonly assignment: Assignment }
  | { readonly kind: "unknown"; readonly assignment: Assignment }
  | { readonly kind: "held"; readonly assignment: Assignment | null };
export type OpenKind = OpenState["kind"];
/** A payment that has come to one of these is not open any more, and nothing moves it again. */
export type FinalState = Extract<PaymentState, "settled" | "rejected" | "conflict">;
export type Target = Exclude<OpenKind, "accepting"> | FinalState;

export type OpenPayment = {
  readonly seq: number;
  readonly payment: Payment;
  /** Wall clock. */
  readonly acceptedAtMs: number;
  /** Steady clock: accepted + patience. */
  readonly deadlineMs: number;
  state: OpenState;
  /** It is among the open payments: true from `open` to the move that ends it. */
  isOpen: boolean;
  /** Attempts that a processor refused, since the start of the process. */
  refusals: number;
  /** Acceptances, since the start of the process, of each processor that has rejected it, as of then. */
  rejectedBy: Map<number, number> | null;
  /** Its last charge was answered 422: its processor says that it has some attempt. */
  isClaimed: boolean;
  /** Calls to its processor under way. */
  calls: number;
  /** Steady clock: when its last call ended; when it was taken up, while there was none. */
  quietSinceMs: number;
};

/** Kinds of transitions that move a payment; an operator's question moves none. */
export type MoveKind = Exclude<Extract<Transition, { readonly seq: number }>["kind"], "ask">;
export type Move = Extract<Transition, { readonly kind: MoveKind }>;

type Rule = {
  /** Where it leads from each state that it may start from. */
  readonly moves: Partial<Record<OpenKind, To>>;
  /** Place that moves first. Memory: what has happened is written behind. Disk: nothing happens before. */
  readonly first: "memory" | "disk";
  /** It is about the processor that the payment belongs to, so that there has to be one. */
  readonly owned: boolean;
};
/** A state, or two: the first of a payment that belongs to no processor, the other of one that does. */
type To = Target | readonly [ofNobody: Target, ofProcessor: Target];

export const TRANSITIONS: Readonly<Record<MoveKind, Rule>> = {
  accept: { moves: { accepting: ["queued", "assigned"] }, first: "disk", owned: false },
  assign: { moves: { queued: "assigned" }, first: "memory", owned: false },
  // A restored journal: a processor has it, whomever it belonged to when the copy was made.
  find: {
    moves: { queued: "assigned", unknown: "assigned", held: "assigned" },
    first: "memory",
    owned: false,
  },
  release: { moves: { assigned: "queued" }, first: "memory", owned: true },
  // A call that was under way when its payment was held does not end the hold.
  unknown: {
    moves: { assigned: "unknown", unknown: "unknown", held: "held" },
    first: "memory",
    owned: true,
  },
  settle: {
    moves: { assigned: "settled", unknown: "settled", held: "settled" },
    first: "memory",
    owned: true,
  },
  reject: { moves: { assigned: "rejected" }, first: "memory", owned: true },
  conflict: {
    moves: { assigned: "conflict", unknown: "conflict", held: "conflict" },
    first: "memory",
    owned: true,
  },
  // An operator's moves: at once nothing is sent any more; nothing is sent again before that is durable.
  hold: { moves: { queued: "held", unknown: "held" }, first: "memory", owned: false },
  resume: { moves: { held: ["queued", "unknown"] }, first: "disk", owned: false },
  absent: { moves: { unknown: "queued", held: "queued" }, first: "memory", owned: true },
};

/** The state that a move leads to; null when it may not start there. `owner`: after an assignment. */
export function targetOf(kind: MoveKind, from: OpenKind, owner: Assignment | null): Target | null {
  const { moves, owned } = TRANSITIONS[kind];
  const to = moves[from];
  if (to === undefined || (owned && owner === null)) return null;
  return typeof to === "string" ? to : to[owner === null ? 0 : 1];
}

/**
 * States that the journal may have of a payment that is in this one in memory. A start takes up what was
 * assigned as unknown, since a call may have left, and writes nothing.
 */
export const STORED_AS: Readonly<Record<OpenKind, readonly PaymentState[]>> = {
  accepting: [],
  queued: ["accepted"],
  assigned: ["assigned"],
  unknown: ["unknown", "assigned"],
  held: ["held"],
};

/** The processor that a payment belongs to, and the body that it was sent; null when to none. */
export function ownerOf({ state }: OpenPayment): Assignment | null {
  return "assignment" in state ? state.assignment : null;
}

/** Throws when it belongs to none. */
export function assignmentOf(payment: OpenPayment): Assignment {
  const assignment = ownerOf(payment);
  if (assignment !== null) return assignment;
  throw new Error(`${nameOf(payment)}, which is ${payment.state.kind}, belongs to no processor`);
}

/** Names a payment in the last words of a process: its id, and its number in the journal. */
export function nameOf({ seq, payment }: OpenPayment): string {
  return `payment ${payment.correlationId} (${seq})`;
}
