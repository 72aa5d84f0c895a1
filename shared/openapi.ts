/**
 * The OpenAPI 3.1 document of a listener: operations as plain data, put together once. The schemas are
 * JSON Schema as it stands in the document; what is checked by hand for speed has its limits from the
 * same constants, and a property test holds the two against each other (tests/openapi/).
 */
import type { Json, Schema } from "./openapi/json.ts";
import { SCHEMAS } from "./openapi/schemas.ts";

export type { Schema } from "./openapi/json.ts";

export type Reply = {
  readonly description: string;
  /** By media type. */
  readonly content?: { readonly [type: string]: { readonly schema: Schema } };
  readonly headers?: { readonly [name: string]: { readonly schema: Schema } };
};

export type Operation = {
  readonly path: string;
  readonly method: "get" | "post";
  readonly summary: string;
  readonly parameters?: readonly Schema[];
  readonly body?: Schema;
  /** Needs the admin token. */
  readonly guarded?: "always" | "when-set";
  readonly replies: { readonly [status: string]: Reply };
};

/** Of the interface, not of the program. */
const VERSION = "1.0.0";
const BEYOND =
  "Another path is 404, another method 405 with Allow, and a fault of the program 500, each as application/problem+json.";

export function openApiDocument(
  title: string,
  operations: readonly Operation[],
  schemas: Readonly<Record<string, Schema>> = {},
): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    const path = (paths[operation.path] ??= {});
    path[operation.method] = describe(operation);
  }
  return {
    openapi: "3.1.1",
    info: {
      title,
      version: VERSION,
      description: BEYOND,
      license: { name: "MIT", identifier: "MIT" },
    },
    paths,
    components: {
      schemas: { ...SCHEMAS, ...schemas },
      securitySchemes: {
        adminToken: { type: "http", scheme: "bearer", description: "ADMIN_TOKEN" },
      },
    },
  };
}

function describe({ summary, parameters, body, guarded, replies }: Operation): Json {
  return {
    summary,
    ...(parameters === undefined ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: body } } } }),
    ...(guarded === undefined
      ? {}
      : { security: guarded === "always" ? [{ adminToken: [] }] : [{}, { adminToken: [] }] }),
    responses: replies as Json,
  };
}

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export function json(description: string, schema: Schema): Reply {
  return { description, content: { "application/json": { schema } } };
}

export function text(description: string): Reply {
  return { description, content: { "text/plain": { schema: { type: "string" } } } };
}

export function problemReply(description: string): Reply {
  return { description, content: { "application/problem+json": { schema: ref("Problem") } } };
}

/** One that may be repeated after a while. */
export function later(description: string): Reply {
  const schema = { type: "string", pattern: "^[1-9]\\d*$" };
  return { ...problemReply(description), headers: { "Retry-After": { schema } } };
}

export function empty(description: string): Reply {
  return { description };
}
