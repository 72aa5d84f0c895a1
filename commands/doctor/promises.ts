/**
 * Judges what a trial has seen (trial.ts) as the six promises of docs/PROCESSORS.md, each with how it was seen.
 * Pure. *Kept* means that it was seen, and *broken* that its opposite was. Where neither can be seen, which is
 * usual for "for ever", it says so: a promise that nobody could see stays a question for the processor's people.
 */
import { decimalFromCents } from "../../shared/money.ts";
import { NoAnswer } from "../../worker/audit/theirs.ts";
import type { LookOutcome } from "../../worker/processor/adapters/adapter.ts";
import {
  AWAITED_MS_MAX,
  isTaken,
  type Repeats,
  type Shown,
  type Trial,
  type Tried,
} from "./trial.ts";

export type Promised = {
  readonly promise: "P1" | "P2" | "P3" | "P4" | "P5" | "P6";
  readonly what: string;
  readonly state: State;
  readonly how: string;
};
type State = "kept" | "broken" | "cannot be seen" | "not promised";
type Judged = readonly [state: State, how: string];

/** `shown` cuts from a sentence what nobody may read. */
export function judgePromises(trial: Trial, shown = (how: string) => how): Promised[] {
  const once = judgeOnce(trial);
  const each = [
    ["P1", "a second charge under one id changes nothing", once],
    ["P2", `and that ${forHowLong(trial)}`, judgeMemory(trial, once[0])],
    ["P3", "some answers surely mean that nothing is recorded", judgeRefusals(trial)],
    ["P4", "it can be asked for a payment", judgeLooks(trial)],
    ["P5", "it has totals", judgeTotals(trial)],
    ["P6", "it has a health call", judgeHealth(trial)],
  ] as const;
  return each.map(([promise, what, [state, how]]) => ({ promise, what, state, how: shown(how) }));
}

function judgeOnce(trial: Trial): Judged {
  const { repeats } = trial;
  if (repeats === null) return unseen(notTaken(trial));
  const { again, otherAmount, atOnce, soon } = repeats;
  const first = trial.first.at(-1)!;
  const twice = whyTwice(trial, soon);
  if (twice !== null) return broken(twice);
  if (otherAmount.outcome.kind === "accepted") {
    return broken("the same id with another amount was accepted");
  }
  const isCounted = soon.every(({ totals }) => !(totals instanceof NoAnswer));
  const bothAccepted = atOnce.every(({ outcome }) => outcome.kind === "accepted");
  if (bothAccepted && !isCounted && differ(...atOnce)) {
    return broken("a charge that was sent twice at the same moment got two different answers");
  }
  const repeated = judgeRepeat(first, again, isCounted);
  if (repeated[0] !== "kept") return repeated;
  if (isCounted) return kept(`${repeated[1]}, and its totals count each of two ids once`);
  if (again.outcome.kind === "exists") return repeated;
  if (isItsOwn(first, atOnce)) return kept(`${repeated[1]}, with what no other charge gets`);
  return unseen(`${repeated[1]}; every charge gets that answer, and nothing counts its charges`);
}

/** Judges the answer to a charge that was taken before. */
function judgeRepeat(first: Tried, again: Tried, isCounted: boolean): Judged {
  const { outcome, said } = again;
  const status = said === null ? outcome.kind : `${said.status}`;
  if (outcome.kind === "exists") {
    return kept(`the same charge again was answered ${status}, which says that it is there`);
  }
  if (outcome.kind === "accepted") {
    if (first.outcome.kind === "exists") {
      return broken("it said that the charge is there, and took the same one again");
    }
    if (!differ(first, again)) {
      return kept("the same charge again got the first answer, byte for byte");
    }
    const how = "the same charge again got another answer, which does not say that it is there";
    return isCounted ? kept(how) : broken(how);
  }
  const isBusy = outcome.kind === "refused" && outcome.overloaded;
  if (said === null || said.status >= 500 || isBusy) {
    return unseen(`the same charge again was not answered clearly: ${wordsOf(again)}`);
  }
  return broken(
    `the same charge again neither got the first answer nor one that says that it is there: ${wordsOf(again)}`,
  );
}

/** The reason why an id must have been charged more than once, or for another amount; or null. */
function whyTwice({ first, seenAtFirst }: Trial, shown: readonly [Shown, Shown]): string | null {
  const { amountCents } = first[0]!.charge;
  const sent = ["was sent again", "was sent twice at the same moment"];
  for (const [i, { totals, look }] of shown.entries()) {
    if (!(totals instanceof NoAnswer) && totals.count > 1) {
      return `its totals count ${totals.count} payments of one id that ${sent[i]}`;
    }
    if (look?.kind === "found" && look.amountCents !== amountCents) {
      return `it has ${amountOf(look)} under an id that was taken with ${decimalFromCents(amountCents)}`;
    }
    if (look?.kind === "unclear" && seenAtFirst?.kind === "found") {
      return `asked for an id that ${sent[i]}, it says: ${look.reason}`;
    }
  }
  return null;
}

function judgeMemory(trial: Trial, once: State): Judged {
  const { repeats, adapter } = trial;
  if (repeats === null) return unseen(notTaken(trial));
  if (once === "broken") return unseen("P1 does not hold at all");
  const { later, soon, late } = repeats;
  if (later === null) return unseen("the trial took longer than that, and sent nothing any more");
  const after = spanOf(later.afterMs);
  const counts = (shown: Repeats["soon"]) => shown.map(({ totals }) => countOf(totals)).join();
  if (counts(soon) !== counts(late)) return broken(`after ${after} it charged an id once more`);
  const twice = whyTwice(trial, late);
  if (twice !== null) return broken(`after ${after}: ${twice}`);
  const isCounted = late.every(({ totals }) => !(totals instanceof NoAnswer));
  const repeated = judgeRepeat(trial.first.at(-1)!, later.tried, isCounted);
  if (repeated[0] !== "kept") return [repeated[0], `after ${after} ${repeated[1]}`];
  if (repeats.again.outcome.kind === "exists" && later.tried.outcome.kind === "accepted") {
    return broken(`after ${after} it took again what it had said to have`);
  }
  if (once === "cannot be seen") return unseen("P1 cannot be seen either");
  const { remembersForMs } = adapter;
  if (remembersForMs <= AWAITED_MS_MAX) {
    return kept(`after ${after} of ${spanOf(remembersForMs)} it still knew the id`);
  }
  return unseen(`after ${after} it still knew the id; the rest is its people's word`);
}

function judgeRefusals({ refused, unclear }: Trial): Judged {
  for (const one of refused) {
    const answered = `${one.what} was answered ${wordsOf(one)}, which says that nothing is recorded`;
    if (one.look?.kind === "found") return broken(`${answered}, and it has the payment`);
    if (countOf(one.totals) > 0) return broken(`${answered}, and its totals count it`);
  }
  const [one] = refused;
  if (one === undefined) {
    const tried = unclear.map((each) => `${each.what} was answered ${wordsOf(each)}`);
    return unseen(`no answer was such a one: ${tried.join("; ")}`);
  }
  const looked = one.look?.kind === "nothing" ? ["it has no such payment"] : [];
  const counted = one.totals instanceof NoAnswer ? [] : ["its totals count none"];
  const seen = [...looked, ...counted].join(", and ");
  const answered = `${one.what} was answered ${wordsOf(one)}`;
  return kept(seen === "" ? `${answered}, and nothing says otherwise` : `${answered}: ${seen}`);
}

function judgeLooks(trial: Trial): Judged {
  const { adapter, stranger, repeats, first } = trial;
  if (adapter.lookup === undefined) return none("its adapter describes no such call");
  if (stranger?.kind === "found")
    return broken("it has a payment under an id that nobody has sent");
  if (repeats === null) return unseen(notTaken(trial));
  const { look } = repeats.soon[0];
  const { charge } = first[0]!;
  if (look?.kind === "nothing") {
    return broken(`it took a payment, and says that it has none: ${look.reason}`);
  }
  if (look?.kind !== "found") return unseen(`asked for what it took: ${look?.reason}`);
  if (look.amountCents !== charge.amountCents)
    return broken(`it gives another amount: ${amountOf(look)}`);
  if (look.requestedAtMs !== null && look.requestedAtMs !== charge.requestedAtMs) {
    return broken("it gives another instant than the one that it was sent");
  }
  const found = "it has what it took, with its amount";
  if (stranger?.kind === "nothing") return kept(`${found}, and nothing under an id of nobody's`);
  return kept(`${found}; that it does not find one is no answer (${stranger?.reason})`);
}

function judgeTotals(trial: Trial): Judged {
  const { adapter, repeats, first } = trial;
  if (adapter.totals === undefined) return none("its adapter describes no such call");
  if (repeats === null) return unseen(notTaken(trial));
  const { amountCents } = first[0]!.charge;
  for (const { totals } of repeats.late) {
    if (totals instanceof NoAnswer) {
      const isMistaken = totals.lasting && !/^40[13]/.test(totals.message);
      return [isMistaken ? "broken" : "cannot be seen", totals.message];
    }
    if (totals.count < 1) return broken("its totals do not count a payment that it took");
    if (totals.count === 1 && totals.cents !== amountCents) {
      return broken(
        `its totals have ${decimalFromCents(totals.cents)} for a payment of ${decimalFromCents(amountCents)}`,
      );
    }
  }
  const times = repeats.late.map(({ totals }) => countOf(totals));
  if (times.some((count) => count > 1)) return unseen("they count an id more than once: see P1");
  return kept("they count two payments that it took, to the cent");
}

function judgeHealth(trial: Trial): Judged {
  const { health, repeats, first } = trial;
  if (health === null) return none("its adapter describes no such call");
  const { said, reading } = health;
  if (said === null) return [repeats === null ? "cannot be seen" : "broken", "it was not answered"];
  if (said.status === 429) return unseen("answered 429: somebody else asks, too");
  if (reading === null) return broken(`answered ${said.status}, with nothing that is its health`);
  if (reading.failing && repeats !== null)
    return broken("it says that it fails, and takes charges");
  const fails = first.every((tried) => (tried.said?.status ?? 0) >= 500);
  if (!reading.failing && fails) return broken(`it says that all is well, and ${notTaken(trial)}`);
  return kept(reading.failing ? "it says that it fails" : "it says that all is well");
}

function notTaken({ first }: Trial): string {
  return `the first charge was not taken: ${wordsOf(first.at(-1)!)}`;
}

/** True when the answer has something in it that another payment's has not, besides its id. */
function isItsOwn(first: Tried, others: readonly Tried[]): boolean {
  const other = others.find(isTaken);
  if (other === undefined) return false;
  const ours = first.charge.correlationId;
  return other.said?.body?.replaceAll(other.charge.correlationId, ours) !== first.said?.body;
}

function differ(a: Tried, b: Tried): boolean {
  return a.said?.status !== b.said?.status || a.said?.body !== b.said?.body;
}

function countOf(totals: Shown["totals"]): number {
  return totals instanceof NoAnswer ? 0 : totals.count;
}

function wordsOf({ outcome, said }: Tried): string {
  if ("reason" in outcome) return outcome.reason;
  return said === null ? outcome.kind : `${said.status} (${outcome.kind})`;
}

function amountOf({ amountCents }: Extract<LookOutcome, { kind: "found" }>): string {
  return amountCents === null
    ? "an amount that is no number of cents"
    : decimalFromCents(amountCents);
}

function forHowLong({ adapter: { remembersForMs } }: Trial): string {
  return remembersForMs === Infinity ? "for ever" : `for ${spanOf(remembersForMs)}`;
}

function spanOf(ms: number): string {
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  return ms < 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}

function kept(how: string): Judged {
  return ["kept", how];
}

function broken(how: string): Judged {
  return ["broken", how];
}

function unseen(how: string): Judged {
  return ["cannot be seen", how];
}

function none(how: string): Judged {
  return ["not promised", how];
}
