/** Asks the worker a question; its answer is JSON, or the sentence of a problem. */
import type { JsonAt } from "../shared/http-api/table.ts";
import { detailOf } from "../shared/problem.ts";

/** A path of the table, with at most one segment in braces. */
export type Path = keyof JsonAt;
type Question = RequestInit & { readonly open?: string; readonly query?: URLSearchParams };

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly status: number; readonly detail: string };

/** `open` stands for the segment in braces. */
export function ask<P extends Path>(
  path: P,
  { open = "", query, ...init }: Question = {},
): Promise<Answer<JsonAt[P]>> {
  const target = path.replace(/\{\w+\}/, encodeURIComponent(open));
  return askAt(query === undefined ? target : `${target}?${query}`, init);
}

/** Status 0 stands for no answer at all. */
export async function askAt<T>(target: string, init: RequestInit = {}): Promise<Answer<T>> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(target, { cache: "no-store", ...init });
    text = await response.text();
  } catch {
    return { ok: false, status: 0, detail: "The gateway does not answer." };
  }
  if (response.ok) return { ok: true, value: JSON.parse(text) as T };
  return {
    ok: false,
    status: response.status,
    detail: detailOf(text) ?? "Something else answers here.",
  };
}
