/** Reads which payments a list is asked for, or says in one sentence what is wrong with the question. */
import { PAGE_LIMIT_MAX, STATES } from "../../shared/http-api/payments.ts";
import { isReference } from "../../shared/payment.ts";
import type { PageFilter } from "../journal-reader.ts";
import type { SummaryWindow } from "../summary.ts";
import { readCursor, type Place } from "./page-cursor.ts";
import { parseWindow } from "./window.ts";

export const LIMIT_DEFAULT = 100;

export type PageQuery = {
  readonly window: SummaryWindow;
  readonly filter: PageFilter;
  /** Null takes any, and none. */
  readonly reference: string | null;
  readonly limit: number;
  /** Equal for pages of one list. */
  readonly question: string;
  /** Null: the first page. */
  readonly place: Place | null;
};

/** `names`: processors by number. Names that the table does not have are refused before. */
export function parsePageQuery(
  query: URLSearchParams,
  names: readonly string[],
): PageQuery | string {
  const repeated = repetition(query);
  if (repeated !== null) return repeated;
  const parsed = parseWindow(query);
  if (!parsed.ok) return parsed.reason;
  const { window } = parsed;
  const status = query.get("status");
  const state = STATES.find((name) => name === status) ?? null;
  if (status !== null && state === null) return `status is one of ${STATES.join(", ")}.`;
  const name = query.get("processor");
  const processor = name === null ? null : names.indexOf(name);
  if (processor === -1) return `processor is one of ${names.join(", ")}.`;
  const limit = parseLimit(query.get("limit"), LIMIT_DEFAULT);
  if (typeof limit === "string") return limit;
  const reference = query.get("reference");
  if (reference !== null && !isReference(reference)) {
    return "reference is a text of 1 to 64 characters, none of them a control character.";
  }
  const question = [window.fromMs, window.toMs, status ?? "", name ?? "", reference ?? ""].join(
    "\n",
  );
  const cursor = query.get("cursor");
  const place = cursor === null ? null : readCursor(question, cursor);
  if (cursor !== null && place === null) {
    return "cursor is the `next` of a page with the same from, to, status, processor and reference.";
  }
  return { window, filter: { state, processor }, reference, limit, question, place };
}

export function parseLimit(given: string | null, byDefault: number): number | string {
  if (given === null) return byDefault;
  const sound = /^\d{1,4}$/.test(given) && Number(given) >= 1 && Number(given) <= PAGE_LIMIT_MAX;
  return sound ? Number(given) : `limit is a whole number from 1 to ${PAGE_LIMIT_MAX}.`;
}

/** The sentence about a name that is there twice, or null. */
export function repetition(query: URLSearchParams): string | null {
  const repeated = [...query.keys()].find((name) => query.getAll(name).length > 1);
  return repeated === undefined ? null : `${repeated} is given more than once.`;
}
