/** Draws one screen of figures as lines of text, cut to the size that there is. Pure. */
import { lackingWords } from "../../shared/http-api/lacking.ts";
import { feeOf, millionthsOf, USUAL_CENTS, wordsOf, type Tariff } from "../../shared/tariff.ts";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import { costOf, endOf, whatOf } from "../../shared/incidents/words.ts";
import { decimalFromCents } from "../../shared/money.ts";
import { plain } from "../text-table.ts";
import type { Figures, Row } from "./view.ts";

export type Size = { readonly columns: number; readonly rows: number };
/** Null while all is well; else when the connection was lost, and why. */
export type Loss = { readonly sinceMs: number; readonly reason: string } | null;
export type Sorting = { readonly by: SortKey; readonly reversed: boolean };

type Column = {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly value: (row: Row) => number | string;
};

/** Incidents that leave room for the changes on most screens. */
const INCIDENTS_SHOWN = 8;
const BREAKER_ORDER = { open: 0, "half-open": 1, closed: 2 };

/** Columns by the key that sorts by them. Numbers have the largest first; names and fees the smallest. */
const COLUMNS = {
  n: { title: "[n]ame", text: ({ name }) => name, value: ({ name }) => name },
  f: {
    title: "[f]ee",
    text: ({ tariff }) => wordsOf(tariff),
    value: ({ tariff }) => -usualFee(tariff),
  },
  b: {
    title: "[b]reaker",
    text: ({ breaker, mode, moved }) =>
      moved ? "MOVED" : mode === "auto" ? breaker : `${breaker}, ${mode}`,
    value: ({ breaker }) => -BREAKER_ORDER[breaker],
  },
  l: {
    title: "[l]atency",
    text: ({ latencyMs }) => milliseconds(latencyMs),
    value: ({ latencyMs }) => latencyMs,
  },
  i: {
    title: "[i]n flight",
    text: ({ inFlight, limit }) => `${inFlight}/${Math.floor(limit)}`,
    value: ({ inFlight }) => inFlight,
  },
  r: { title: "[r]ate", text: ({ rate }) => perSecond(rate), value: ({ rate }) => rate },
  s: {
    title: "[s]ettled",
    text: ({ settled }) => String(settled.count),
    value: ({ settled }) => settled.count,
  },
  a: {
    title: "[a]mount",
    text: ({ settled }) => decimalFromCents(settled.cents),
    value: ({ settled }) => settled.cents,
  },
  c: {
    title: "fees [c]ost",
    text: ({ fees }) => fees ?? "…",
    value: ({ fees }) => Number.parseFloat(fees ?? ""),
  },
} satisfies Record<string, Column>;
export type SortKey = keyof typeof COLUMNS;

export function isSortKey(key: string): key is SortKey {
  return Object.hasOwn(COLUMNS, key);
}

/** The same key again turns the order round. */
export function sortedBy(now: Sorting, key: SortKey): Sorting {
  return { by: key, reversed: now.by === key && !now.reversed };
}

export const UNSORTED: Sorting = { by: "f", reversed: false };

export function screenOf(
  url: string,
  figures: Figures | null,
  sorting: Sorting,
  loss: Loss,
  nowMs: number,
): string[] {
  const head = figures === null ? url : `${url}   ${figures.at.slice(0, 19).replace("T", " ")} UTC`;
  const lines = [`Papa-Léguas  ${head}`, ...lossLines(loss, nowMs)];
  if (figures === null) return loss === null ? [...lines, "Waiting for the first figures."] : lines;
  const { backlog, journal, standing } = figures.snapshot;
  const { states } = backlog;
  const byState = { ...states, rejected: backlog.rejected, conflict: backlog.conflict };
  const shown = Object.entries(byState).map(([state, count]) => `${state} ${count}`);
  lines.push(
    plain(standing.text),
    "",
    `taken ${perSecond(figures.acceptedRate)}   settled ${perSecond(figures.settledRate)}   ` +
      `on disk in p99 ${figures.p99Ms === null ? "-" : milliseconds(figures.p99Ms)}`,
    `open ${backlog.open} of ${backlog.max}   oldest ${backlog.oldestSeconds.toFixed(1)} s`,
    shown.join("   "),
    `journal: ${journal.trouble === null ? "fine" : plain(journal.trouble)}, ${journal.queued} waiting`,
  );
  lines.push("", ...tableOf(sortedRows(figures.rows, sorting)));
  for (const { name, lacks } of figures.snapshot.lanes) {
    if (lacks.length > 0) lines.push(`${plain(name)} ${lackingWords(lacks)}`);
  }
  lines.push(...incidentLines(figures.snapshot));
  if (figures.changes.length > 0) lines.push("", "Changes, the last one first");
  for (const change of figures.changes.toReversed()) {
    const { at, processor, from, to, cause } = change;
    lines.push(`${at.slice(11, 19)}  ${plain(processor)}  ${from} → ${to}: ${plain(cause)}`);
  }
  return lines;
}

function incidentLines({ incidents }: LiveSnapshot): string[] {
  if (incidents.length === 0) return [];
  const lines = incidents.slice(0, INCIDENTS_SHOWN).map((one) => {
    const { began, durationMs } = one;
    const lasted = `${(durationMs / 1_000).toFixed(1)} s, ${endOf(one)}`;
    const cost = costOf(one);
    const about = `${began.slice(11, 19)}  ${plain(whatOf(one))}: ${lasted}`;
    return cost === "" ? about : `${about}; ${cost}`;
  });
  return ["", "Incidents, the last one first", ...lines];
}

/** Puts everything into one line, where there is no screen. */
export function lineOf(figures: Figures): string {
  const { backlog, standing } = figures.snapshot;
  const each = figures.rows.map(
    ({ name, breaker, moved, inFlight, limit, latencyMs, rate }) =>
      `${name} ${moved ? "MOVED" : breaker} ${inFlight}/${Math.floor(limit)} ${milliseconds(latencyMs)} ${perSecond(rate)}`,
  );
  const all = [
    `${figures.at.slice(0, 19)}Z`,
    `taken ${perSecond(figures.acceptedRate)}`,
    `settled ${perSecond(figures.settledRate)}`,
    `open ${backlog.open}`,
    `unknown ${backlog.states.unknown}`,
    `oldest ${backlog.oldestSeconds.toFixed(1)} s`,
  ];
  // A line has no room for more than the worst.
  const worst = standing.facts.slice(0, 1).map(({ text }) => plain(text));
  return [all.join("  "), ...each, ...worst].join("  |  ");
}

/** Cuts lines to the size, and keeps the last line for the keys. */
export function fitted(lines: readonly string[], { columns, rows }: Size): string[] {
  const keys = "[q]uit; a letter in brackets sorts, again turns round";
  const room = Math.max(0, rows - 1);
  const shown = lines.slice(0, room);
  while (shown.length < room) shown.push("");
  return [...shown, keys].slice(0, Math.max(1, rows)).map((line) => cut(line, columns));
}

function lossLines(loss: Loss, nowMs: number): string[] {
  if (loss === null) return [];
  const seconds = Math.max(0, Math.round((nowMs - loss.sinceMs) / 1_000));
  return [`NO CONNECTION for ${seconds} s: ${plain(loss.reason)}; trying again`];
}

function sortedRows(rows: readonly Row[], { by, reversed }: Sorting): Row[] {
  const { value } = COLUMNS[by];
  const ordered = rows.toSorted((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (typeof x === "string" || typeof y === "string") return String(x) < String(y) ? -1 : 1;
    return y - x;
  });
  return reversed ? ordered.reverse() : ordered;
}

function tableOf(rows: readonly Row[]): string[] {
  const columns = Object.values(COLUMNS);
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ text }) => plain(text(row)))),
  ];
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  const lines = cells.map((row) => row.map((cell, i) => aligned(cell, widths[i]!, i)).join("  "));
  return lines.map((line, i) => {
    const cause = i === 0 ? "cause" : (rows[i - 1]?.cause ?? null);
    return cause === null ? line : `${line}  ${plain(cause)}`;
  });
}

/** Numbers end where their column does. */
function aligned(cell: string, width: number, column: number): string {
  return column === 0 || column === 2 ? cell.padEnd(width) : cell.padStart(width);
}

function cut(line: string, columns: number): string {
  const characters = [...line];
  return characters.length <= columns ? line : characters.slice(0, columns).join("");
}

function perSecond(rate: number): string {
  return `${rate >= 100 ? Math.round(rate) : rate.toFixed(1)}/s`;
}

function milliseconds(ms: number): string {
  return ms >= 100 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

/** Fee of a payment of 100.00, to sort by. */
function usualFee(tariff: Tariff): number {
  return Number(millionthsOf(feeOf(tariff, USUAL_CENTS)));
}
