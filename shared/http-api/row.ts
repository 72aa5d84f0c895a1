/** A row of the table: one operation, and what it may answer. */
import { ref } from "./components.ts";
import { text, type Schema, type SchemaOf } from "./schema.ts";

export type Reply = {
  readonly description: string;
  readonly content?: { readonly [type: string]: { readonly schema: Schema } };
  readonly headers?: { readonly [name: string]: { readonly schema: Schema } };
};

export type Row = {
  /** At most one segment is left open, by a name in braces. */
  readonly path: string;
  readonly method: "GET" | "POST";
  /** True takes every path below it, too, that no other row has. */
  readonly below?: true;
  readonly owner: "api" | "worker" | "each";
  /** True when an API answers it; calls that the worker owns are passed on. */
  readonly public: boolean;
  /**
   * The worker lets only those in who have the admin token; without one, nobody or everybody. What is
   * guarded for "read" an API passes on to the worker only for those who have the read token.
   */
  readonly guard?: "operator" | "purge" | "read";
  /**
   * Tells whether the worker reads the journal's file for it, which it does not while the pipeline
   * stands still.
   */
  readonly reads?: "always" | "at times";
  readonly summary: string;
  readonly query?: {
    readonly [name: string]: { readonly description?: string; readonly schema: Schema };
  };
  /** Nobody looks at its query, and a prober or a proxy may have one of its own; else other names are 400. */
  readonly anyQuery?: true;
  readonly body?: Schema;
  readonly answers: { readonly [status: number]: Reply };
};

/** The sentence on a name in the query that the row does not have, which would be as good as left out. */
export function queryMistake(
  { query = {}, anyQuery }: { readonly query?: object; readonly anyQuery?: true },
  given: URLSearchParams,
): string | null {
  if (anyQuery === true) return null;
  const strange = [...given.keys()].find((name) => !Object.hasOwn(query, name));
  if (strange === undefined) return null;
  const names = Object.keys(query).join(", ");
  const known = names === "" ? "this path takes no query" : `its query takes ${names}`;
  return `There is no ${JSON.stringify(strange.slice(0, NAME_SHOWN))} here: ${known}.`;
}
/** Characters of a name that are shown. */
const NAME_SHOWN = 64;

/** `others` are the other media types that the same answer may have. */
export function json<T>(description: string, schema: SchemaOf<T>, others: Reply["content"] = {}) {
  return { description, content: { ...others, "application/json": { schema } } };
}

export function plain(description: string) {
  return { description, content: { "text/plain": { schema: text } } };
}

export function trouble(description: string) {
  return { description, content: { "application/problem+json": { schema: ref("Problem") } } };
}

/** Trouble after which the same request may be repeated in a while. */
export function later(description: string) {
  const schema: Schema = { type: "string", pattern: "^[1-9]\\d*$" };
  return { ...trouble(description), headers: { "Retry-After": { schema } } };
}
