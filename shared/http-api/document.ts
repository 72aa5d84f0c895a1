/** The OpenAPI 3.1 document of a listener, derived from its rows. */
import { idInAnyCase, processorName, text, type Json, type Schema } from "./schema.ts";
import { VERSION } from "../version.ts";
import { trouble, type Row } from "./row.ts";

const BEYOND =
  "Another path is 404, another method 405 with Allow, and a fault of the program 500, each as application/problem+json. What is no HTTP request, or has headers of more than 16 KiB, is 400 or 431 without a body.";
const STRANGE_QUERY = trouble("The query has a name that is none");
const OPEN_SEGMENTS: Readonly<Record<string, Schema>> = {
  correlationId: idInAnyCase,
  name: processorName,
};
const TOKEN = { adminToken: [] };
const SECURITY = { operator: [TOKEN], purge: [{}, TOKEN], read: [{ readToken: [] }] };
const schemeOf = (description: string) => ({ type: "http", scheme: "bearer", description });

/** Writes the document, with those of `components` that the rows refer to. */
export function openApiDocument(
  title: string,
  rows: readonly (readonly [operationId: string, Row])[],
  components: Readonly<Record<string, Schema>>,
): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const [operationId, row] of rows) {
    const operation = { operationId, ...describe(row) };
    (paths[row.path] ??= {})[row.method.toLowerCase()] = operation;
  }
  return {
    openapi: "3.1.1",
    info: {
      title,
      version: VERSION,
      description: BEYOND,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "Where this document comes from" }],
    // Nothing is asked for but where an operation says so.
    security: [],
    paths,
    components: {
      schemas: referredTo(paths, components),
      securitySchemes: schemesIn(paths),
    },
  };
}

function describe(row: Row): Schema {
  const { summary, body, guard, anyQuery } = row;
  const answers = anyQuery === true ? row.answers : { 400: STRANGE_QUERY, ...row.answers };
  const parameters = [...openSegments(row), ...queryOf(row)];
  const content = { "application/json": { schema: body ?? {} } };
  return {
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content } }),
    ...(guard === undefined ? {} : { security: SECURITY[guard] }),
    responses: answers as Json,
  };
}

function openSegments({ path }: Row): Json[] {
  return Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => {
    return { name, in: "path", required: true, schema: OPEN_SEGMENTS[name] ?? text };
  });
}

function queryOf({ query = {} }: Row): Json[] {
  const parameter = { in: "query", required: false };
  return Object.entries(query).map(([name, more]) => Object.assign({ name }, parameter, more));
}

function schemesIn(paths: Json) {
  const all = Object.entries({ adminToken: "ADMIN_TOKEN", readToken: "READ_TOKEN" });
  const asked = all.filter(([name]) => JSON.stringify(paths).includes(`"${name}":[]`));
  return Object.fromEntries(asked.map(([name, setting]) => [name, schemeOf(setting)]));
}

function referredTo(from: Json, components: Readonly<Record<string, Schema>>) {
  const found: Record<string, Schema> = {};
  const look = (json: Json) => {
    for (const [, name = ""] of JSON.stringify(json).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      const schema = components[name];
      if (schema === undefined || name in found) continue;
      found[name] = schema;
      look(schema);
    }
  };
  look(from);
  return found;
}
