/** Reads the window of a summary from a query string. */
import { problem } from "../../shared/problem.ts";
import type { SummaryWindow } from "../summary.ts";

/** Without a zone it is UTC. A `+` that stands in a query as it is arrives as a blank. */
const ISO =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+ -])([01]\d|2[0-3]):([0-5]\d))?$/;

/** Instant that is finer than a double can hold in milliseconds. */
type Bound = { readonly secondsMs: number; readonly nanos: number };

/** Gives the window, or the sentence that says what is wrong with a bound. */
export function parseWindow(
  query: URLSearchParams,
): { ok: true; window: SummaryWindow } | { ok: false; reason: string } {
  const repeated = ["from", "to"].find((name) => query.getAll(name).length > 1);
  if (repeated !== undefined) return { ok: false, reason: `${repeated} is given more than once` };
  const from = parseBound(query.get("from"), Number.NEGATIVE_INFINITY);
  if (from === null) return bad("from", query);
  const to = parseBound(query.get("to"), Number.POSITIVE_INFINITY);
  if (to === null) return bad("to", query);
  if (isLater(from, to)) return { ok: false, reason: "from is later than to" };
  // requestedAt has whole milliseconds: a finer bound is rounded into the window.
  const fromMs = from.secondsMs + Math.ceil(from.nanos / 1e6);
  const toMs = to.secondsMs + Math.floor(to.nanos / 1e6);
  return { ok: true, window: { fromMs, toMs } };
}

/** Refuses a window of which payments were pruned: its sum would be a wrong number. */
export function refusePruned({ fromMs }: SummaryWindow, exactFromMs: number): Response | null {
  if (fromMs >= exactFromMs) return null;
  const exactFrom = new Date(exactFromMs).toISOString();
  const why = "payments that were settled before may have been pruned";
  return problem(409, `Sums are exact from ${exactFrom} on: ${why}. Ask from=${exactFrom}.`);
}

/** Gives an instant's whole milliseconds, or the sentence that says what is wrong with it. */
export function parseInstant(name: string, text: string): { atMs: number } | { reason: string } {
  const bound = text === "" ? null : parseBound(text, Number.NaN);
  if (bound === null) return { reason: notAnInstant(name, text) };
  return { atMs: bound.secondsMs + Math.ceil(bound.nanos / 1e6) };
}

function parseBound(text: string | null, open: number): Bound | null {
  if (text === null || text === "") return { secondsMs: open, nanos: 0 };
  const match = ISO.exec(text);
  if (match === null) return null;
  const [, seconds = "", fraction = "", sign, hours, minutes] = match;
  const localMs = Date.parse(`${seconds}Z`);
  // A day that does not exist (February 30th) would silently become another one.
  if (Number.isNaN(localMs) || !new Date(localMs).toISOString().startsWith(seconds)) return null;
  const aheadMs = sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * 60_000;
  const secondsMs = sign === "-" ? localMs + aheadMs : localMs - aheadMs;
  // Beyond the years of four digits it could not be written as it was given.
  if (!/^\d{4}-/.test(new Date(secondsMs).toISOString())) return null;
  return { secondsMs, nanos: Number(fraction.padEnd(9, "0")) };
}

function isLater(a: Bound, b: Bound): boolean {
  return a.secondsMs > b.secondsMs || (a.secondsMs === b.secondsMs && a.nanos > b.nanos);
}

function bad(name: string, query: URLSearchParams): { ok: false; reason: string } {
  return { ok: false, reason: notAnInstant(name, query.get(name) ?? "") };
}

function notAnInstant(name: string, given: string): string {
  const example = "2026-01-31T09:30:00Z or 2026-01-31T06:30:00-03:00";
  return `${name} is not an ISO 8601 instant such as ${example}: ${JSON.stringify(given)}`;
}
