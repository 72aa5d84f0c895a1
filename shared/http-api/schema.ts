/**
 * JSON Schema that knows the type of what it describes: `Of<typeof schema>` is that type. The type
 * exists in the checker only, so that a page or a process that needs no schema carries none.
 */
import { PROCESSOR_NAME_TEXT, UUID_TEXT } from "../payment.ts";

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Schema = { readonly [key: string]: Json };

declare const described: unique symbol;
export type SchemaOf<T> = Schema & { readonly [described]?: T };
export type Of<S> = S extends SchemaOf<infer T> ? T : never;

type Fields = Readonly<Record<string, SchemaOf<unknown>>>;
type NoFields = Readonly<Record<never, never>>;
export type ObjectOf<R extends Fields, O extends Fields = NoFields> = {
  readonly [K in keyof R]: Of<R[K]>;
} & { readonly [K in keyof O]?: Of<O[K]> };

export const text: SchemaOf<string> = { type: "string" };
export const boolean: SchemaOf<boolean> = { type: "boolean" };
export const number: SchemaOf<number> = { type: "number" };
export const whole: SchemaOf<number> = { type: "integer", minimum: 0 };
export const cents: SchemaOf<number> = { type: "integer" };
export const instant: SchemaOf<string> = {
  type: "string",
  format: "date-time",
  examples: ["2026-01-31T09:30:00.000Z"],
};
const ID = { type: "string", format: "uuid", examples: ["4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3"] };
/** A UUID in the form that ids are given back in. */
export const id: SchemaOf<string> = { ...ID, pattern: UUID_TEXT };
/** A UUID as it may be given. */
export const idInAnyCase: SchemaOf<string> = {
  ...ID,
  pattern: UUID_TEXT.replaceAll("a-f", "a-fA-F"),
};

/** Also without a zone, and empty: then it is none. */
export const boundOfWindow: SchemaOf<string> = {
  type: "string",
  anyOf: [
    instant,
    { type: "string", pattern: "^(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?)?$" },
  ],
};
export const processorName: SchemaOf<string> = {
  type: "string",
  pattern: PROCESSOR_NAME_TEXT,
  examples: ["default"],
};
/** A stream of events has no one type: readers check it whole, or event by event. */
export const events: Schema = { description: "Server-sent events, with JSON as their data" };

/** An object that takes no other fields than these; the second ones may be left out. */
export function object<R extends Fields, O extends Fields = NoFields>(
  required: R,
  optional?: O,
): SchemaOf<ObjectOf<R, O>> {
  const properties: Schema = { ...required, ...optional };
  return {
    type: "object",
    properties,
    required: Object.keys(required),
    additionalProperties: false,
  };
}

export function list<T>(items: SchemaOf<T>): SchemaOf<readonly T[]> {
  return { type: "array", items };
}

/** Whole numbers by name. */
export const counts: SchemaOf<{ readonly [name: string]: number }> = {
  type: "object",
  additionalProperties: whole,
};

export function oneOf<V extends string>(...values: readonly V[]): SchemaOf<V> {
  return { type: "string", enum: values };
}

export function either<A, B>(a: SchemaOf<A>, b: SchemaOf<B>): SchemaOf<A | B> {
  return { oneOf: [a, b] };
}

export function orNull<T>(schema: SchemaOf<T>): SchemaOf<T | null> {
  const isPlain =
    typeof schema["type"] === "string" && !("properties" in schema || "enum" in schema);
  return isPlain
    ? { ...schema, type: [schema["type"] as string, "null"] }
    : { anyOf: [schema, { type: "null" }] };
}

/** A reference to a schema that the document has under a name. */
export function refTo<T>(name: string, _schema: SchemaOf<T>): SchemaOf<T> {
  return { $ref: `#/components/schemas/${name}` };
}
