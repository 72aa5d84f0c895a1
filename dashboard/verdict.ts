/**
 * Says how the gateway is, to somebody who has just come: one sentence about the processors, one
 * about what waits, and one about what needs a person. The figures below it tell more.
 */
import type { LiveLane, LiveSnapshot } from "../shared/http-api/live.ts";
import { plural, span } from "./format.ts";

export type Verdict = {
  readonly kind: "good" | "warn" | "bad";
  readonly text: string;
  /** Title of the tab: empty while all is well. */
  readonly brief: string;
};

/** A payment that is open for less than that is on its way and does not wait. */
const WAITING_S = 2;

export function verdictOf(snapshot: LiveSnapshot): Verdict {
  const { journal, backlog } = snapshot;
  if (journal.trouble !== null) {
    const text = "Payments are turned away, because the journal cannot be written.";
    return { kind: "bad", text, brief: "journal fails" };
  }
  if (snapshot.notReady !== null) {
    const text = `The worker is not ready: ${snapshot.notReady}.`;
    return { kind: "bad", text, brief: "not ready" };
  }
  const processors = ofProcessors(snapshot.lanes);
  const waits = backlog.oldestSeconds >= WAITING_S && backlog.open > 0;
  const text = [processors.text, ...sentencesAbout(backlog, waits, processors.kind)].join(" ");
  const brief = [processors.brief, waits ? `${plural(backlog.open, "payment")} open` : ""];
  return { ...processors, text, brief: brief.filter((part) => part !== "").join(", ") };
}

function ofProcessors(lanes: readonly LiveLane[]): Verdict {
  const byFee = lanes.toSorted((a, b) => a.fee - b.fee);
  const [cheapest] = byFee;
  const best = byFee.find(isUsable);
  if (cheapest === undefined) return { kind: "good", text: "", brief: "" };
  if (best === undefined) {
    const why = byFee.map(whyNot).join(", ");
    return {
      kind: "bad",
      text: `No processor can be used: ${why}. Payments are taken and kept until one works again.`,
      brief: "no processor",
    };
  }
  if (best.fee > cheapest.fee) {
    return {
      kind: "warn",
      text: `The cheapest cannot be used: ${whyNot(cheapest)}. Payments wait for it as long as they can, and go to ${best.name} then.`,
      brief: `${cheapest.name} away`,
    };
  }
  if (best.breaker === "half-open" && best.mode === "auto") {
    const text = `${best.name} is coming back, and gets a few payments at a time.`;
    return { kind: "warn", text, brief: `${best.name} half-open` };
  }
  const others = byFee.filter((lane) => !isUsable(lane));
  const sharing = byFee.filter((lane) => lane.fee === best.fee && isUsable(lane));
  const names = sharing.map(({ name }) => name).join(" and ");
  const text =
    others.length === 0
      ? `All is well: payments go to ${names}, the cheapest.`
      : `Payments go to ${names}, the cheapest. Not to be used: ${others.map(whyNot).join(", ")}.`;
  return { kind: others.length === 0 ? "good" : "warn", text, brief: "" };
}

function isUsable({ mode, moved, breaker }: LiveLane): boolean {
  if (moved) return false;
  return mode === "forced" || (mode === "auto" && breaker !== "open");
}

function whyNot({ name, mode, moved, breaker }: LiveLane): string {
  if (moved) return `${name} has another address than its open payments were sent to`;
  return mode === "drained" ? `${name} is drained by hand` : `${name}'s breaker is ${breaker}`;
}

function sentencesAbout(
  { open, oldestSeconds, states, rejected, conflict }: LiveSnapshot["backlog"],
  waits: boolean,
  kind: Verdict["kind"],
): string[] {
  const sentences: string[] = [];
  if (waits)
    sentences.push(`${plural(open, "payment")} open, the oldest for ${span(oldestSeconds)}.`);
  else if (kind === "good") sentences.push("Nothing waits.");
  if (states.unknown > 0) {
    const doubted = plural(states.unknown, "payment");
    sentences.push(`No clear answer yet for ${doubted}: each stays where it was sent.`);
  }
  const forPeople = states.held + rejected + conflict;
  if (forPeople > 0) {
    sentences.push(`${plural(forPeople, "payment needs", "payments need")} a person.`);
  }
  return sentences;
}
