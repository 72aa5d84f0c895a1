/**
 * Says what an operator may do to a payment, by what it is at this moment. The rules keep the invariants:
 * nobody's word moves a payment while a call about it is under way, or while one that was given up
 * may still be charged.
 *
 *                     hold   release   ask   settle   absent
 *   queued            yes    –         –     –        –        belongs to nobody
 *   assigned          –      –         –     –        –        its first call decides
 *   unknown           yes    –         yes   yes      *
 *   unknown, call     yes    –         –     –        –        the call may charge it yet
 *   held              –      yes       –     –        –        belongs to nobody
 *   held by its       –      yes       yes   yes      *        * last attempt long enough ago, and
 *   processor, call   –      yes       –     –        –          the processor, asked now, has nothing
 *   anything else     –      –         –     –        –        settled, rejected, conflict
 *
 * On a journal that was restored from a copy, while it is held back from its first charge: *ask* and
 * *absent* ask every processor, and are there for a payment that belongs to nobody, too. One that its
 * processor said it has is sent there again by *absent*, since nothing is sent by itself.
 */
import type { PaymentAction } from "../intervention.ts";
import type { OpenState } from "../payment.ts";
import type { PaymentState } from "../transitions.ts";
import type { Looked } from "./charge.ts";

export type Facts = {
  readonly state: OpenState["kind"];
  /** The name of the processor that it belongs to, or null. */
  readonly owner: string | null;
  /** Its processor is among those that are configured. */
  readonly configured: boolean;
  /** It is configured with another address than the one that this payment was sent to. */
  readonly moved: boolean;
  /** Its processor's last answer to a charge was that it has some attempt. */
  readonly claimed: boolean;
  /** Its processor may have forgotten its id: it is never sent there again. */
  readonly outlived: boolean;
  /** Calls about it under way. */
  readonly calls: number;
  /** Since its last attempt ended. */
  readonly quietMs: number;
  /** Before that a call that was given up may still be charged. */
  readonly quietMsMin: number;
  /** Every processor is asked for it before it is charged: the journal was restored from a copy. */
  readonly heldBack: boolean;
};

/** Why not, in a sentence; null when it may be done. */
export function refusalOf(action: PaymentAction, facts: Facts): string | null {
  const { state, owner } = facts;
  if (state === "accepting") return "It is being written down; try again in a moment.";
  if (state === "assigned") {
    return `Its first call to ${owner} is under way, and what comes of that decides; try again then.`;
  }
  switch (action) {
    case "hold":
      return state === "held" ? "It is held already." : null;
    case "release":
      return state === "held" ? null : "It is not held.";
    case "ask":
      if (facts.heldBack) return null;
      return (
        unsettled(facts) ??
        unreachable(facts) ??
        (facts.configured ? null : `${owner} is not configured.`)
      );
    case "settle":
      return unsettled(facts);
    case "absent":
      if (facts.heldBack && owner === null) return unquiet(facts);
      return unsettled(facts) ?? unreachable(facts) ?? unquiet(facts);
  }
}

/** Its processor said that it has it, and is not asked again before the operator has spoken: it is sent there. */
export function isSentAgain({ heldBack, claimed, configured, outlived }: Facts): boolean {
  return heldBack && claimed && configured && !outlived;
}

/**
 * Why a payment is not absent after its processor was asked, or could not be; null when it may be.
 * `unasked`: the operator knows that it cannot be asked.
 */
export function refusalOfAbsence(
  looked: Looked,
  { owner, claimed, outlived }: Pick<Facts, "owner" | "claimed" | "outlived">,
  unasked: boolean,
): string | null {
  switch (looked.kind) {
    case "settled":
      return `${owner} has it: it is settled instead.`;
    case "conflict":
      return refusalOfClosed("conflict");
    case "unclear":
      return (
        `It is not clear whether ${owner} has it (${looked.reason}): ask again, or have its people ` +
        "set right what it answers; until then it may be charged there."
      );
    case "nothing":
    case "unasked":
      if (claimed && !(outlived && unasked)) {
        const orElse = outlived
          ? "if they say that it has not, say so (--unasked, or unasked: true)."
          : "let it be sent again, to hear what it answers now.";
        return (
          `${owner} has answered 422 to the last attempt, which says that it has this payment; settle ` +
          `it on its people's word, or ${orElse}`
        );
      }
      if (looked.kind === "nothing" || unasked) return null;
      return (
        `${owner} could not be asked (${looked.reason}). Try again when it can; if it is gone for ` +
        "good, or its people have told you, say so (--unasked, or unasked: true)."
      );
  }
}

/** Why a payment that is not open any more cannot be moved by anybody. */
export function refusalOfClosed(state: PaymentState): string {
  switch (state) {
    case "settled":
      return "It is settled, and that is final.";
    case "rejected":
      return "Its processor does not take such a payment: nothing was charged, and nothing will be.";
    case "conflict":
      return (
        "Its processor has this id with another amount or time: whatever is said here, that record " +
        "stays. It is sent nowhere again; set it right with the processor."
      );
    case "accepted":
    case "assigned":
    case "unknown":
    case "held":
      return "It has just come to its end; look at it again.";
  }
}

function unsettled({ owner, calls }: Facts): string | null {
  if (owner === null) return "It belongs to no processor, so that there is nothing to find out.";
  if (calls === 0) return null;
  return `A call to ${owner} is under way; hold the payment, and try again when that has ended.`;
}

function unreachable({ owner, moved }: Facts): string | null {
  if (!moved) return null;
  return (
    `${owner} has another address than this payment was sent to: say first whether it is the same ` +
    "processor (moved), or start the worker with the old address."
  );
}

function unquiet({ owner, quietMs, quietMsMin }: Facts): string | null {
  if (quietMs >= quietMsMin) return null;
  const seconds = Math.ceil((quietMsMin - quietMs) / 1_000);
  return (
    `${owner ?? "A processor"} may still charge an attempt that was given up: wait another ${seconds} s, ` +
    "with the payment held, so that there is no new one."
  );
}
