/**
 * Says how the gateway stands to somebody who has just come: the worst true thing first. The page,
 * `worker top` and `worker doctor` show this sentence and judge nothing themselves.
 *
 * A judge looks at the state and gives a fact, or null. Their order is the order of severity: what loses
 * or may lose money or payments, then what delays them, then what makes them dearer, then what a person
 * should know. While the figures are old or cannot be built on, nothing is said from them.
 */
import { grouped, plural, span } from "../dashboard/format.ts";
import { isUsable } from "../dashboard/last.ts";
import type { LiveLane, LiveSnapshot } from "../shared/http-api/live.ts";
import type { Fact, Standing } from "../shared/http-api/standing.ts";
import { decimalFromCents } from "../shared/money.ts";
import { byCost, compareFees, feeOf, isShare, USUAL_CENTS } from "../shared/tariff.ts";
import { BACKLOG_NEAR } from "./limits.ts";

/** Findings of the audit at a processor; `error` says why it could not compare. */
export type AuditedState = {
  readonly name: string;
  readonly state: string;
  readonly driftPayments: number;
  readonly driftCents: number;
  readonly error: string | null;
};

export type State = Pick<
  LiveSnapshot,
  "notReady" | "backlog" | "journal" | "lanes" | "link" | "clockStepMs" | "webhooks"
> & {
  /** The reason why the journal's file cannot be built on, or null. */
  readonly damage: string | null;
  readonly audited: readonly AuditedState[];
};

/** A payment that is open for less than that is on its way and does not wait. */
const WAITING_S = 2;
/** Age from which a person should look at a payment that may have been charged. */
const UNKNOWN_LONG_S = 60;
/** More facts than that are no sentence any more; the others are counted. */
const FACTS_SAID = 3;

type Judge = (state: State) => Fact | null;

/** The worst first. */
const JUDGES: readonly Judge[] = [
  ({ journal: { trouble } }) =>
    trouble === null
      ? null
      : bad(
          "journal-fails",
          `Payments are turned away, because the journal cannot be written: ${trouble}.`,
          "journal fails",
        ),
  ({ damage }) => (damage === null ? null : damaged(damage)),
  // A journal that fails is the reason, then, and is said already.
  ({ notReady, journal: { trouble } }) =>
    notReady === null || trouble !== null
      ? null
      : bad("not-ready", `The worker is not ready: ${notReady}.`, "not ready"),
  ofLink,
  ofRestore,
  ofAudit,
  ofNoProcessor,
  ofMoved,
  ofUnasked,
  ofUnknown,
  ofBacklog,
  ofBreakers,
  ofFailedAudit,
  ofUnreachable,
  ofWebhooks,
  ofClock,
];
/** With one of these, the figures are those of before, or may be wrong. */
const ENDS_THE_REST: ReadonlySet<Fact["code"]> = new Set(["journal-fails", "damaged", "not-ready"]);

export function standingOf(state: State): Standing {
  const all = JUDGES.map((judge) => judge(state)).filter((fact) => fact !== null);
  const last = all.findLastIndex(({ code }) => ENDS_THE_REST.has(code));
  const facts = last === -1 ? all : all.slice(0, last + 1);
  const kind = facts.find((fact) => fact.kind === "bad")?.kind ?? facts[0]?.kind ?? "good";
  const waits = last === -1 && isWaiting(state);
  const more = facts.length - FACTS_SAID;
  const sentences = [
    ...(facts.length === 0
      ? [allIsWell(state)]
      : facts.slice(0, FACTS_SAID).map(({ text }) => text)),
    ...(more > 0 ? [`${plural(more, "more thing is", "more things are")} wrong.`] : []),
    ...(last === -1 ? remarksOn(state, facts) : []),
  ];
  const brief = [
    facts[0]?.brief ?? "",
    waits ? `${plural(state.backlog.open, "payment")} open` : "",
  ];
  return {
    kind,
    text: sentences.filter((text) => text !== "").join(" "),
    brief: brief.filter((part) => part !== "").join(", "),
    facts,
  };
}

/** The fact about a file that was found damaged, by whoever found it. */
function damaged(reason: string): Fact {
  return bad("damaged", `The journal cannot be built on: ${reason}.`, "journal damaged");
}

function ofLink({ link }: State): Fact | null {
  if (link.strangers === 0) return null;
  const who = plural(link.strangers, "sender of frames has", "senders of frames have");
  return bad(
    "link-secret",
    `${who} another LINK_SECRET than the worker: what an API of these takes is turned away. The worker's log says where they are.`,
    "LINK_SECRET differs",
  );
}

function ofRestore({ journal }: State): Fact | null {
  if (!journal.restored) return null;
  return warn(
    "journal-restored",
    "The journal was restored from a copy: every payment is asked for at every processor before it is charged, until an operator trusts it.",
    "journal restored",
  );
}

function ofAudit({ audited, journal }: State): Fact | null {
  // A difference that was found stays true while a later comparison fails.
  const differing = audited.filter(({ driftPayments }) => driftPayments > 0);
  const [first] = differing;
  if (first === undefined) return null;
  const text = differing.map(differenceAt).join(" ");
  const brief = `${first.name}'s books differ`;
  // No shop can repeat away what a processor has less: that is no gap.
  const isGap = journal.restored && differing.every(({ driftCents }) => driftCents >= 0);
  if (!isGap) return bad("audit-drift", text, brief);
  const gap = "That is the gap of the restore, until shops have repeated what was charged in it.";
  return warn("audit-gap", `${text} ${gap}`, brief);
}

function differenceAt({ name, driftCents, driftPayments }: AuditedState): string {
  const amount = grouped(decimalFromCents(Math.abs(driftCents)));
  const what =
    driftCents === 0
      ? `${name}'s books differ from ours`
      : `${name} has recorded ${amount} ${driftCents > 0 ? "more" : "less"} than is settled here`;
  return `${what}: ${plural(driftPayments, "payment differs", "payments differ")}.`;
}

function ofNoProcessor({ lanes }: State): Fact | null {
  if (lanes.length === 0 || lanes.some(isUsable)) return null;
  const why = byFee(lanes).map(whyNot).join(", ");
  return bad(
    "no-processor",
    `No processor can be used: ${why}. Payments are taken and kept until one works again.`,
    "no processor",
  );
}

function ofMoved({ lanes }: State): Fact | null {
  const moved = byFee(lanes).filter((lane) => lane.moved);
  const [first] = moved;
  if (first === undefined || !lanes.some(isUsable)) return null;
  const names = moved.map(({ name }) => name).join(" and ");
  const [has, its] = moved.length === 1 ? ["has", "its"] : ["have", "their"];
  return warn(
    "processor-moved",
    `${names} ${has} another address than ${its} open payments were sent to, and nothing is sent there until an operator decides.`,
    `${first.name} moved`,
  );
}

function ofUnasked({ lanes }: State): Fact | null {
  const unasked = lanes.filter((lane) => lane.unasked > 0);
  const [first] = unasked;
  if (first === undefined) return null;
  const text = unasked
    .map(({ name, unasked: waiting }) => {
      const wait = plural(waiting, "payment waits", "payments wait");
      return `${name} cannot be asked what it has charged: ${wait} for it, or for an operator.`;
    })
    .join(" ");
  return bad("cannot-ask", text, `${first.name} cannot be asked`);
}

function ofUnknown({ backlog: { states, oldestSeconds } }: State): Fact | null {
  if (states.unknown === 0 || oldestSeconds < UNKNOWN_LONG_S) return null;
  const doubted = plural(states.unknown, "payment");
  return warn(
    "unknown-long",
    `No clear answer yet for ${doubted}: each stays where it was sent. The oldest payment has been open for ${span(oldestSeconds)}.`,
    `${states.unknown} unknown`,
  );
}

function ofBacklog({ backlog: { open, max } }: State): Fact | null {
  if (open < max * BACKLOG_NEAR) return null;
  const figures = `${grouped(open)} of at most ${grouped(max)}`;
  return open >= max
    ? bad("backlog-high", `Payments are turned away: ${figures} are open.`, "backlog full")
    : warn(
        "backlog-high",
        `Payments will soon be turned away: ${figures} are open.`,
        "backlog near full",
      );
}

function ofBreakers({ lanes }: State): Fact | null {
  const ordered = byFee(lanes);
  const [cheapest] = ordered;
  const best = ordered.find(isUsable);
  if (cheapest === undefined || best === undefined) return null;
  if (isDearer(best, cheapest, lanes)) {
    return warn(
      "breaker-open",
      `The cheapest${ofAmount(lanes)} cannot be used: ${whyNot(cheapest)}. Payments wait for it as long as they can, and go to ${best.name} then.`,
      `${cheapest.name} away`,
    );
  }
  if (best.breaker === "half-open" && best.mode === "auto") {
    const text = `${best.name} is coming back, and gets a few payments at a time.`;
    return warn("breaker-open", text, `${best.name} half-open`);
  }
  // A lane that has moved is a fact of its own.
  const away = ordered.filter((lane) => !isUsable(lane) && !lane.moved);
  if (away.length === 0) return null;
  const why = away.map(whyNot).join(", ");
  return warn("breaker-open", `${whereTo(lanes)}. Not to be used: ${why}.`, "");
}

function ofFailedAudit({ audited }: State): Fact | null {
  const failed = audited.find(({ state }) => state === "failed");
  if (failed === undefined) return null;
  const why = failed.error === null ? "" : `: ${failed.error}`;
  return warn(
    "audit-failed",
    `${failed.name}'s books cannot be compared with ours${why}.`,
    "audit fails",
  );
}

/** Nothing was charged there yet that could have opened its breaker. */
function ofUnreachable({ lanes }: State): Fact | null {
  const away = byFee(lanes).filter((lane) => isUsable(lane) && lane.unreachable !== null);
  const [first] = away;
  if (first === undefined) return null;
  const text = away
    .map(
      ({ name, unreachable }) =>
        `${name} cannot be reached, as it was asked for its health: ${unreachable}.`,
    )
    .join(" ");
  return warn("processor-unreachable", text, `${first.name} unreachable`);
}

function ofWebhooks({ webhooks }: State): Fact | null {
  if (webhooks === undefined) return null;
  const { endedAt, down, lastReason, givenUp, oldestSeconds } = webhooks;
  if (endedAt !== null) {
    const text =
      "The shop has answered a webhook with 410, and is told of no payment until an operator has them sent again.";
    return warn("webhooks-ended", text, "webhooks ended");
  }
  if (down) {
    const since = oldestSeconds === null ? "" : `, for ${span(oldestSeconds)}`;
    const text = `The shop takes no webhooks${since}: ${lastReason}.`;
    return warn("webhooks-fail", text, "webhooks fail");
  }
  if (givenUp === 0) return null;
  const were = plural(givenUp, "webhook was", "webhooks were");
  return warn("webhooks-given-up", `${were} given up: the shop refused them for three days.`, "");
}

function ofClock({ clockStepMs }: State): Fact | null {
  if (clockStepMs === null) return null;
  const way = clockStepMs < 0 ? "back" : "forward";
  const text = `The machine's clock was set ${way} by ${span(Math.abs(clockStepMs) / 1_000)}: instants around it are not in order.`;
  return warn("clock-stepped", text, "clock stepped");
}

function allIsWell({ lanes }: State): string {
  return lanes.length === 0 ? "" : `All is well: ${lowered(whereTo(lanes))}.`;
}

function whereTo(lanes: readonly LiveLane[]): string {
  const usable = byFee(lanes).filter(isUsable);
  const sharing = usable.filter((lane) => !isDearer(lane, usable[0]!, lanes));
  return `Payments go to ${sharing.map(({ name }) => name).join(" and ")}, the cheapest${ofAmount(lanes)}`;
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function whyNot({ name, mode, moved, breaker }: LiveLane): string {
  if (moved) return `${name} has another address than its open payments were sent to`;
  return mode === "drained" ? `${name} is drained by hand` : `${name}'s breaker is ${breaker}`;
}

function isWaiting({ backlog: { open, oldestSeconds } }: State): boolean {
  return oldestSeconds >= WAITING_S && open > 0;
}

/** Remarks are no trouble by themselves: they say what the trouble does, or that there is none. */
function remarksOn(state: State, facts: readonly Fact[]): string[] {
  const { open, oldestSeconds, states, rejected, conflict } = state.backlog;
  const remarks: string[] = [];
  if (isWaiting(state)) {
    remarks.push(`${plural(open, "payment")} open, the oldest for ${span(oldestSeconds)}.`);
  } else if (facts.length === 0) remarks.push("Nothing waits.");
  if (states.unknown > 0 && !facts.some(({ code }) => code === "unknown-long")) {
    const doubted = plural(states.unknown, "payment");
    remarks.push(`No clear answer yet for ${doubted}: each stays where it was sent.`);
  }
  const forPeople = states.held + rejected + conflict;
  if (forPeople > 0) {
    remarks.push(`${plural(forPeople, "payment needs", "payments need")} a person.`);
  }
  return remarks;
}

function byFee(lanes: readonly LiveLane[]): LiveLane[] {
  return byCost(lanes, meanCents(lanes));
}

function isDearer(lane: LiveLane, other: LiveLane, all: readonly LiveLane[]): boolean {
  const [fee, least] = [lane, other].map(({ tariff }) => feeOf(tariff, meanCents(all)));
  return compareFees(fee!, least!) > 0;
}

/** Names the mean amount of what is settled, when it is a matter of the amount who is cheap. */
function ofAmount(lanes: readonly LiveLane[]): string {
  if (lanes.every(({ tariff }) => isShare(tariff))) return "";
  return ` for ${grouped(decimalFromCents(meanCents(lanes)))}`;
}

function meanCents(lanes: readonly LiveLane[]): number {
  const [count, cents] = [
    lanes.reduce((sum, { settled }) => sum + settled.count, 0),
    lanes.reduce((sum, { settled }) => sum + settled.cents, 0),
  ];
  return count === 0 ? USUAL_CENTS : Math.max(1, Math.round(cents / count));
}

function bad(code: Fact["code"], text: string, brief: string): Fact {
  return { code, kind: "bad", text, brief };
}

function warn(code: Fact["code"], text: string, brief: string): Fact {
  return { code, kind: "warn", text, brief };
}
