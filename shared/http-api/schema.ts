/**
 * JSON Schema that knows the type of what it describes: `Of<typeof schema>` is that type. The type
 * exists in the checker only, so that a page or a process that needs no schema carries none.
 */
import { UUID_TEXT } from "../payment.ts";

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
export const instant: SchemaOf<string> = { type: "string", format: "date-time" };
/** A UUID in the form that ids are given back in. */
export const id: SchemaOf<string> = { type: "string", pattern: UUID_TEXT };

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
