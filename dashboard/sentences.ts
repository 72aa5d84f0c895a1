/**
 * Tells the story of a payment in plain sentences, in the order in which things happened: it begins
 * with its acceptance and ends with its settlement, also when the clock was set back in between.
 */
import { ATTEMPTS_KEPT } from "../shared/attempts.ts";
import type { PublicStory } from "../shared/http-api/dashboard.ts";
import type { Said } from "../shared/http-api/operator.ts";
import { grouped, span } from "./format.ts";

/** The amount is a text; only an operator may read who decided and why. */
export type Story = Omit<PublicStory, "amount" | "interventions"> & {
  readonly amount: string;
  readonly interventions: readonly (Pick<Said, "at" | "action"> & Partial<Said>)[];
};

/** `kind` says what it was about, to colour and shape it. */
export type Sentence = {
  readonly at: string;
  readonly text: string;
  readonly kind: "good" | "bad" | "waiting" | "neutral";
};

export function sentencesOf(story: Story): Sentence[] {
  const { attempts, interventions, acceptedAt, requestedAt, settledAt, processor } = story;
  const accepted: Sentence = {
    at: acceptedAt,
    kind: "neutral",
    text: `Accepted: ${story.amount} were written down, then the shop was told 202.`,
  };
  const sentences: Sentence[] = [
    ...attempts.map(({ at, processor: where, outcome, reason }): Sentence => {
      return { at, text: ofAttempt(where, outcome, reason), kind: kindOf(outcome) };
    }),
    ...leftOut(story),
    ...pruned(story),
    ...interventions.map(({ at, action, who, why, evidence }): Sentence => {
      const said = [why, evidence === undefined ? undefined : `Evidence: ${evidence}`];
      const words = said.filter((word) => word !== undefined).join(" ");
      const done = ACTIONS[action] ?? `decided: ${action}`;
      const subject = who === undefined ? "An operator" : `${who}, an operator,`;
      return {
        at,
        kind: "neutral",
        text: `${subject} ${done}${words === "" ? "." : `: ${words}`}`,
      };
    }),
  ];
  if (requestedAt !== undefined && processor !== undefined) {
    const again = attempts.some(({ at }) => at < requestedAt);
    const text = `${again ? "Then given" : "Given"} to ${processor}: every call for it there carries this instant as requestedAt.`;
    sentences.push({ at: requestedAt, kind: "neutral", text });
  }
  sentences.sort((a, b) => a.at.localeCompare(b.at));
  if (settledAt === undefined) return [accepted, ...sentences];
  const tookS = (Date.parse(settledAt) - Date.parse(acceptedAt)) / 1_000;
  const after = tookS < 0 ? "" : `, ${span(tookS)} after it was accepted`;
  const text = `Settled: ${processor} has recorded it${after}.`;
  return [accepted, ...sentences, { at: settledAt, kind: "good", text }];
}

/** Mentions the attempts left out at their place, which is before the last ones. */
function leftOut({ attempts, attemptsLeftOut }: Story): Sentence[] {
  const before = attempts[ATTEMPTS_KEPT.first - 1];
  if (attemptsLeftOut === 0 || before === undefined) return [];
  const text = `Then ${grouped(attemptsLeftOut)} further attempts, which did not settle it either.`;
  return [{ at: before.at, text, kind: "waiting" }];
}

function pruned({ acceptedAt, pruned: isPruned }: Story): Sentence[] {
  if (isPruned !== true) return [];
  const text = "Its attempts and the times of its settlement were pruned.";
  return [{ at: acceptedAt, text, kind: "neutral" }];
}

/** Says in one sentence how the payment stands. */
export function standingOf({ status, processor, attempts }: Story): string {
  switch (status) {
    case "accepted":
      return attempts.length === 0
        ? "It waits for a processor that takes it in time."
        : "It belongs to nobody again, and waits for a processor that takes it in time.";
    case "assigned":
      return `It is on its way to ${processor}.`;
    case "unknown":
      return `Nobody knows yet whether ${processor} has charged it. It stays with ${processor}, which is asked again and again, and goes nowhere else.`;
    case "held":
      return "An operator holds it: nothing is sent for it until it is released.";
    case "settled":
      return `It was charged once, by ${processor}.`;
    case "rejected":
      return `${processor} does not take such a payment. Nothing was charged, and nothing will be.`;
    case "conflict":
      return `${processor} has this id with another amount or time. Somebody has to clear that with ${processor}.`;
    default:
      return `It is ${status}.`;
  }
}

function ofAttempt(where: string, outcome: string, reason: string): string {
  switch (outcome) {
    case "refused":
      return `${where} refused it (${reason}). It recorded nothing, so that another may take it.`;
    case "unknown":
      return `${where} gave no clear answer (${reason}). It may have charged it, so it stays with ${where} until that is known.`;
    case "rejected":
      return `${where} rejected it (${reason}). It recorded nothing. That is final only if ${where} takes other payments.`;
    case "conflict":
      return `${where} turned out to have something else under this id: ${reason}.`;
    default:
      return `${where}: ${outcome} (${reason}).`;
  }
}

function kindOf(outcome: string): Sentence["kind"] {
  return outcome === "refused" || outcome === "unknown" ? "waiting" : "bad";
}

const ACTIONS: Record<string, string> = {
  ask: "had its processor asked",
  hold: "held it",
  release: "released it",
  settle: "declared it settled",
  absent: "declared that its processor does not have it",
};
