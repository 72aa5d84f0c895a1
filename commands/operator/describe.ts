/** Words the worker's answers for people to read: tables, and one line a fact. */
import { lackingWords, type Lacking } from "../../shared/http-api/lacking.ts";
import { ATTEMPTS_KEPT } from "../../shared/attempts.ts";
import { shownOf, sumOf, wordsOf, type Tariff } from "../../shared/tariff.ts";
import { plain, table } from "../text-table.ts";
import type { Shows } from "./arguments.ts";

type Fields = Readonly<Record<string, unknown>>;

export function describe(shows: Shows, answer: Fields, nowMs: number): string {
  switch (shows) {
    case "list":
      return describeList(answer);
    case "story":
      return describeStory(answer, nowMs);
    case "processors":
      return describeProcessors(answer);
    case "webhooks":
      return describeWebhooks(answer);
    case "decision":
      return describeDecision(answer);
  }
}

/** A payment's state says more than its sentence; what was decided about a processor or the journal is in it. */
function describeDecision({ status, detail }: Fields): string {
  return status === undefined ? `${plain(detail)}\n` : `${plain(status)}: ${plain(detail)}\n`;
}

function describeList(answer: Fields): string {
  const payments = rowsOf(answer["payments"]);
  if (payments.length === 0) return "No open payment.\n";
  const more = answer["more"] === true ? "There are more: --limit, --state.\n" : "";
  return (
    table(
      ["ID", "STATE", "AMOUNT", "AGE", "PROCESSOR", "FAILED", "LAST REASON"],
      payments.map((payment) => [
        payment["correlationId"],
        payment["status"],
        amountOf(payment["amount"]),
        ageOf(Number(payment["ageSeconds"])),
        payment["processor"] ?? "-",
        payment["attempts"],
        payment["lastReason"] ?? "-",
      ]),
    ) + more
  );
}

function describeStory(story: Fields, nowMs: number): string {
  const { correlationId, amount, status, processor, requestedAt, acceptedAt, settledAt } = story;
  const ageSeconds = (nowMs - Date.parse(String(acceptedAt))) / 1_000;
  const facts: [string, unknown][] = [
    ["payment", correlationId],
    ["amount", amountOf(amount)],
    ["reference", story["reference"]],
    ["state", status],
    ["accepted", `${plain(acceptedAt)} (${ageOf(ageSeconds)} ago)`],
    ["processor", processor],
    ["fee", story["fee"] === undefined ? undefined : feeOf(story)],
    ["requested", requestedAt],
    ["settled", settledAt ?? (story["pruned"] === true ? "its times were pruned" : undefined)],
  ];
  const known = facts.filter(([, value]) => value !== undefined);
  const lines = known.map(([name, value]) => `${name.padEnd(9)}  ${plain(value)}\n`);
  const attempts = rowsOf(story["attempts"]).map((attempt) =>
    ["at", "processor", "outcome", "reason"].map((name) => attempt[name]),
  );
  const leftOut = Number(story["attemptsLeftOut"] ?? 0);
  if (leftOut > 0) attempts.splice(ATTEMPTS_KEPT.first, 0, ["…", "", "", `${leftOut} further`]);
  const interventions = rowsOf(story["interventions"]).map((said) =>
    ["at", "who", "action", "why", "evidence"].map((name) => said[name] ?? "-"),
  );
  return [
    lines.join(""),
    section("Attempts that did not settle it", ["AT", "PROCESSOR", "CLASS", "REASON"], attempts),
    section("Decisions", ["AT", "WHO", "ACTION", "WHY", "EVIDENCE"], interventions),
  ].join("");
}

function describeProcessors(answer: Fields): string {
  return table(
    [
      "NAME",
      "FEE",
      "MODE",
      "BREAKER",
      "IN FLIGHT",
      "LIMIT",
      "LATENCY",
      "OPEN",
      "LACKS",
      "LAST DECISION",
    ],
    rowsOf(answer["processors"]).map((processor) => {
      const { name, tariff, mode, breaker, inFlight, limit, latencyMs, openPayments } = processor;
      const { movedFrom } = processor;
      if (processor["configured"] !== true) {
        return [name, "-", "not configured", "-", "-", "-", "-", openPayments, "-", "-"];
      }
      const latency = `${Math.round(Number(latencyMs))} ms`;
      const word = wordOf(processor["lastIntervention"]);
      const set =
        movedFrom === null ? mode : `moved from ${plain(movedFrom)} to ${plain(processor["url"])}`;
      const lacks = lackingWords((processor["lacks"] as readonly Lacking[] | undefined) ?? []);
      const fee = wordsOf(tariff as Tariff);
      return [name, fee, set, breaker, inFlight, limit, latency, openPayments, lacks || "-", word];
    }),
  );
}

function describeWebhooks(answer: Fields): string {
  const fare = answer["webhooks"] as Fields;
  const oldest = fare["oldestSeconds"];
  const facts: [string, unknown][] = [
    ["delivered", `${plain(fare["delivered"])} since the worker's start`],
    ["failed tries", fare["failedTries"]],
    ["retrying", fare["retrying"]],
    ["given up", fare["givenUp"]],
    ["oldest undelivered", oldest === null ? "none" : ageOf(Number(oldest))],
    ["receiver", receiverOf(fare)],
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(18)}  ${plain(value)}\n`);
  const rows = rowsOf(answer["deliveries"]).map((one) =>
    ["correlationId", "type", "endedAt", "state", "tries", "nextTryAt", "reason"].map(
      (name) => one[name] ?? "-",
    ),
  );
  const head = ["PAYMENT", "TYPE", "ENDED", "STATE", "TRIES", "NEXT TRY", "LAST REASON"];
  const more = answer["more"] === true ? "There are more: --limit.\n" : "";
  return lines.join("") + section("Failed", head, rows) + more;
}

function receiverOf({ endedAt, down, lastReason }: Fields): string {
  if (endedAt !== null) return `has answered 410 at ${plain(endedAt)}: nothing is sent any more`;
  if (down === true) return `takes none: ${plain(lastReason)}`;
  return lastReason === null ? "takes them" : `the last try failed: ${plain(lastReason)}`;
}

function wordOf(said: unknown): string {
  if (typeof said !== "object" || said === null) return "-";
  const { at, who, action, why } = said as Fields;
  return `${plain(action)} by ${plain(who)} at ${plain(at)}: ${plain(why)}`;
}

function section(title: string, head: readonly string[], rows: readonly unknown[][]): string {
  return rows.length === 0 ? "" : `\n${title}\n${table(head, rows)}`;
}

function rowsOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : [];
}

/** The amount was read from JSON as a double, which holds every amount that is taken to the cent. */
function amountOf(amount: unknown): string {
  return Number(amount).toFixed(2);
}

/** A fee that JSON has as a number has its own digits, as long as they are 15 or fewer. */
function feeOf({ fee, tariff }: Fields): string {
  return `${shownOf(sumOf([String(fee)]))}, tariff ${plain(tariff)}`;
}

function ageOf(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${Math.floor((s % 3_600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3_600)} h`;
}
