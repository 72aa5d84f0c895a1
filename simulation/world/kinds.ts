/**
 * Kinds of processors in the world, and which of the promises of docs/PROCESSORS.md each of them keeps. Most
 * seeds have the contest's two, which keep them all. In the others each is drawn: the contest's, or one in the
 * form of Stripe, which remembers a key for a time, refuses another body under it, declines some cards, and
 * may not be asked for a payment at all. What an answer proves is said here from the kind's own contract, and not
 * from the adapter's classification.
 *
 * A key is forgotten a while after the promise is over: a call that left in time may come so much later.
 */
import { cardFor } from "../../testing/cards.ts";
import type { Form } from "../../simulator/processor/form.ts";
import { RINHA } from "../../simulator/processor/rinha.ts";
import { StripeForm } from "../../simulator/processor/stripe.ts";
import type { Adapter } from "../../worker/processor/adapters/adapter.ts";
import { rinha } from "../../worker/processor/adapters/rinha.ts";
import { stripeIn } from "../../worker/processor/adapters/stripe.ts";
import type { Exchange } from "../../worker/processor.ts";
import { unclearIntent, unclearReply } from "./between.ts";
import type { Chance } from "./chance.ts";
import { chargedInForm, chargedOf, type Charged } from "./charged.ts";

type Request = Parameters<Exchange>[0];
type Reply = Awaited<ReturnType<Exchange>>;
export type Proof = "recorded" | "refused" | "declined" | "unclear";

/** Promises of one processor. */
export type KindPlan = {
  readonly kind: "rinha" | "stripe";
  /** P2; infinite: for ever. */
  readonly remembersForMs: number;
  /** P3: some answers say that nothing was recorded. */
  readonly refuses: boolean;
  /** P4: it can be asked for a payment. */
  readonly isAsked: boolean;
  /** P6 */
  readonly tellsHealth: boolean;
  /** Time after which a search of the kind stripe finds a payment. */
  readonly searchBehindMs: number;
};

export const CONTEST: KindPlan = {
  kind: "rinha",
  remembersForMs: Number.POSITIVE_INFINITY,
  refuses: true,
  isAsked: true,
  tellsHealth: true,
  searchBehindMs: 0,
};

/** Longest way of a call in a world with other kinds: it is late, is delayed there, and waits for its turn. */
export const LATE_MS_MAX = 50;
export const DELAY_MS_MAX = 3_000;
const FORGETS_AFTER_MS = LATE_MS_MAX + DELAY_MS_MAX + 1_000;

export type Kind = {
  readonly adapter: Adapter;
  readonly form: Form;
  /** It has our instants in its records. */
  readonly keepsInstants: boolean;
  readonly chargedOf: (body: string) => Charged;
  readonly proofOf: (reply: Reply) => Proof;
  readonly unclear: (chance: Chance, request: Request) => Reply;
};

/** Gives none where all are the contest's. */
export function drawKinds(kind: Chance, processors: number): readonly KindPlan[] {
  if (kind.happens(0.7)) return [];
  return Array.from({ length: processors }, () => drawKind(kind));
}

function drawKind(kind: Chance): KindPlan {
  const refuses = kind.happens(0.8);
  if (kind.happens(0.4)) return { ...CONTEST, refuses, tellsHealth: kind.happens(0.5) };
  return {
    kind: "stripe",
    remembersForMs: kind.pick([500, 2_000, 6_000, 82_800_000]),
    refuses,
    isAsked: kind.happens(0.7),
    tellsHealth: false,
    searchBehindMs: kind.pick([0, 1_000, 20_000]),
  };
}

export function kindOf(plan: KindPlan): Kind {
  const isStripe = plan.kind === "stripe";
  const kept = keeping(isStripe ? stripeIn("BRL") : rinha, plan);
  const proofIn = isStripe ? proofInStripe : proofInContest;
  const proofOf = (reply: Reply): Proof => {
    const proof = proofIn(reply);
    return proof === "refused" && !plan.refuses ? "unclear" : proof;
  };
  if (!isStripe) {
    return {
      adapter: kept,
      form: RINHA,
      keepsInstants: true,
      chargedOf,
      proofOf,
      unclear: unclearReply,
    };
  }
  const { remembersForMs, searchBehindMs } = plan;
  const forgetAfterMs = remembersForMs + FORGETS_AFTER_MS;
  return {
    adapter: kept,
    form: new StripeForm({ forgetAfterMs, searchBehindMs, paymentMethod: cardFor }),
    keepsInstants: false,
    chargedOf: chargedInForm,
    proofOf,
    unclear: unclearIntent,
  };
}

/** An adapter that makes no more of its processor than that promises. */
function keeping(adapter: Adapter, plan: KindPlan): Adapter {
  const { remembersForMs, refuses, isAsked, tellsHealth } = plan;
  const { lookup, health, classifyCharge, ...rest } = adapter;
  return {
    ...rest,
    ...(isAsked && lookup && { lookup }),
    ...(tellsHealth && health && { health }),
    remembersForMs,
    classifyCharge: (answer, charge) => {
      const charged = classifyCharge(answer, charge);
      const isProof =
        charged.kind === "refused" || (charged.kind === "rejected" && charged.isFinal !== true);
      if (refuses || !isProof) return charged;
      return { kind: "unknown", reason: charged.reason };
    },
  };
}

function proofInContest({ status, body }: Reply): Proof {
  if (status === 200 || status === 422) return "recorded";
  if (status === 400 || status === 429 || (status === 500 && body === "")) return "refused";
  return "unclear";
}

function proofInStripe({ status }: Reply): Proof {
  if (status === 200) return "recorded";
  if (status === 402) return "declined";
  return status === 429 ? "refused" : "unclear";
}
