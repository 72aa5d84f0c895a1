/** The window of a summary, read from a query string. */
import type { SummaryWindow } from "../summary.ts";

const ISO_UTC = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)?$/;

/** The window, or the sentence that says what is wrong with a bound. */
export function parseWindow(
  query: URLSearchParams,
): { ok: true; window: SummaryWindow } | { ok: false; reason: string } {
  const from = parseBound(query.get("from"), Number.NEGATIVE_INFINITY, Math.ceil);
  if (from === null) return bad("from", query);
  const to = parseBound(query.get("to"), Number.POSITIVE_INFINITY, Math.floor);
  if (to === null) return bad("to", query);
  if (from.exact > to.exact) return { ok: false, reason: "from is later than to" };
  return { ok: true, window: { fromMs: from.whole, toMs: to.whole } };
}

/**
 * requestedAt has whole milliseconds: a finer bound is rounded into the window. `exact` keeps the
 * fraction to compare bounds with each other.
 */
function parseBound(
  text: string | null,
  open: number,
  round: (ms: number) => number,
): { whole: number; exact: number } | null {
  if (text === null || text === "") return { whole: open, exact: open };
  const match = ISO_UTC.exec(text);
  const secondsMs = match === null ? Number.NaN : Date.parse(`${match[1]}Z`);
  // A day that does not exist (February 30th) would silently become another one.
  if (Number.isNaN(secondsMs) || !new Date(secondsMs).toISOString().startsWith(match![1]!)) {
    return null;
  }
  const fractionMs = Number(`0.${match![2] ?? "0"}`) * 1_000;
  const exact = secondsMs + Number(fractionMs.toFixed(6));
  return { whole: round(exact), exact };
}

function bad(name: string, query: URLSearchParams): { ok: false; reason: string } {
  const given = JSON.stringify(query.get(name));
  return { ok: false, reason: `${name} is not an ISO 8601 instant in UTC: ${given}` };
}
