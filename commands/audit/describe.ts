/** Words an audit for people to read. */
import { decimalFromCents } from "../../shared/money.ts";
import { shownOf, wordsOf } from "../../shared/tariff.ts";
import type {
  AuditReport,
  Difference,
  DifferingWindow,
  ProcessorAudit,
} from "../../shared/http-api/audit.ts";
import { mayBeGap } from "../../worker/audit/gap.ts";
import { plain, table } from "../text-table.ts";

export function describe({ processors, restored }: AuditReport): string {
  const isGap = (one: ProcessorAudit) => restored !== undefined && mayBeGap(one);
  const each = processors.map((one) => describeOne(one, isGap(one) ? GAP : DRIFT));
  if (restored === undefined) return each.join("\n");
  const still = `${restored.payments} payments of ${decimal(restored.cents)} are still to be found`;
  return [`The journal was restored from a copy at ${restored.at}: ${still}.\n`, ...each].join(
    "\n",
  );
}

const DRIFT = "DRIFT";
/** The journal knows that it does not know all. */
const GAP = "the gap of the restore";

function describeOne(audit: ProcessorAudit, difference: string): string {
  const { name, state, error, ours, theirs } = audit;
  if (state === "off") return `${name}: not audited, it has no audit-token\n`;
  if (state === "cannot")
    return `${name}: cannot be audited: it gives no totals, or cannot be asked for a payment\n`;
  if (state === "moved") return `${name}: moved, ${plain(error)}\n`;
  if (state === "failed") return `${name}: could not be compared: ${plain(error)}\n`;
  const window = `${audit.from ?? "the beginning"} to ${audit.to}`;
  if (state === "equal") {
    return `${name}: equal, ${ours.count} payments of ${decimal(ours.cents)}, ${window}${pending(audit)}\n${fees(audit)}`;
  }
  const more = theirs.cents - ours.cents;
  const by = `${decimal(Math.abs(more))} ${more < 0 ? "less" : "more"}`;
  const lines = [
    `${name}: ${difference}, ${window}${pending(audit)}`,
    `  here   ${ours.count} payments of ${decimal(ours.cents)}`,
    `  there  ${theirs.count} payments of ${decimal(theirs.cents)}, ${by}`,
  ];
  return [
    lines.map((line) => `${line}\n`).join(""),
    fees(audit),
    section("Payments that differ", describeDifferences(audit.differing)),
    section("Windows that differ, with no id that is known here", describeWindows(audit.windows)),
  ].join("");
}

function pending({ pending: count }: ProcessorAudit): string {
  return count === 0 ? "" : `; ${count} recorded there are still open here`;
}

function fees({ fees: each = [] }: ProcessorAudit): string {
  return each
    .map(({ tariff, terms, paid }) => {
      return `  fees   ${shownOf(paid)} under tariff ${tariff}, ${wordsOf(terms)}\n`;
    })
    .join("");
}

function describeDifferences(differing: readonly Difference[]): string {
  if (differing.length === 0) return "";
  return table(
    ["KIND", "ID", "HERE", "THERE", "REQUESTED HERE", "REQUESTED THERE", "STATE HERE"],
    differing.map((difference) => [
      difference.kind,
      difference.correlationId,
      decimalOrNone(difference.oursCents),
      decimalOrNone(difference.theirsCents),
      difference.oursRequestedAt ?? "-",
      difference.theirsRequestedAt ?? "-",
      `${difference.status}${difference.processor === null ? "" : ` at ${difference.processor}`}`,
    ]),
  );
}

function describeWindows(windows: readonly DifferingWindow[]): string {
  if (windows.length === 0) return "";
  return table(
    ["FROM", "TO", "HERE", "", "THERE", ""],
    windows.map(({ from, to, ours, theirs }) => [
      from ?? "the beginning",
      to,
      ours.count,
      decimal(ours.cents),
      theirs.count,
      decimal(theirs.cents),
    ]),
  );
}

function section(title: string, rows: string): string {
  return rows === "" ? "" : `\n${title}\n${rows}`;
}

function decimalOrNone(cents: number | null): string {
  return cents === null ? "-" : decimal(cents);
}

function decimal(cents: number): string {
  return cents < 0 ? `-${decimalFromCents(-cents)}` : decimalFromCents(cents);
}
