/** Holds what the pages and the load balancer know of HTTP against the table. */
import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { COMPONENTS } from "../shared/http-api/components.ts";
import { matcherOf } from "../shared/http-api/matcher.ts";
import { OPERATION_IDS, rowOf, type OperationId } from "../shared/http-api/table.ts";

const ROOT = resolve(import.meta.dir, "..");
const read = (path: string) => Bun.file(resolve(ROOT, path)).text();
const spansOf = (text: string) =>
  Array.from(text.matchAll(/`([^`\n]+)`/g), ([, span = ""]) => span);
const CALL = /^(GET|POST) (\/[^?]*)(?:\?(.*))?$/;
const find = matcherOf(OPERATION_IDS);

type Call = { readonly id: OperationId; readonly query: readonly string[] };

/** A call as a page names it; throws when there is no such row. */
function callOf(span: string): Call | null {
  const [, method, path = "", query] = CALL.exec(span) ?? [];
  if (method === undefined) return null;
  const action = path.includes("/payments/") ? "hold" : "drain";
  const match = find(path.replace("{action}", action), method);
  if (match?.takes !== true) throw new Error(`there is no ${span}`);
  return { id: match.id, query: [...new URLSearchParams(query).keys()] };
}

/** Lists every field's name in a schema, at any depth, and in those that it refers to. */
function fieldsOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { $ref, properties = {} } = schema as { $ref?: string; properties?: object };
  const name = $ref?.split("/").at(-1) as keyof typeof COMPONENTS | undefined;
  const inner = Object.values(schema).flatMap(fieldsOf);
  return [...Object.keys(properties), ...inner, ...(name ? fieldsOf(COMPONENTS[name]) : [])];
}

describe.each(["README.md", "README.pt-br.md"])("the table of calls in %s", async (page) => {
  const section = /^## HTTP\n([\s\S]*?)^## /m.exec(await read(page))?.[1] ?? "";
  const [, , ...lines] = (/^\|[\s\S]*?(?=\n\n)/m.exec(section)?.[0] ?? "").split("\n");
  const rows = lines.map((line) => line.split(" | ").map(spansOf));
  // The last row is about everything else.
  const listed = rows.slice(0, -1).map(([calls = [], answers = []]) => {
    const named = calls.map(callOf).filter((call) => call !== null);
    return { calls: named, spans: [...calls, ...answers] };
  });

  test("has every public call, with those that the page reads under the page", () => {
    const below = listed.flatMap(({ calls, spans }) => {
      if (calls[0]?.id !== "page") return [];
      return spans
        .filter((span) => span.startsWith("/"))
        .map((span) => callOf(`GET /dashboard${span}`)?.id);
    });
    const named = [...listed.flatMap(({ calls }) => calls.map(({ id }) => id)), ...below];
    const all = OPERATION_IDS.filter((id) => rowOf(id).public);
    expect(named.toSorted()).toEqual(all.toSorted());
  });

  test("has the codes and the query of each", () => {
    for (const { calls, spans } of listed) {
      const named = new Set(spans.filter((span) => /^\d{3}$/.test(span)));
      const codes = new Set(calls.flatMap(({ id }) => Object.keys(rowOf(id).answers)));
      expect({ calls, named: [...named].sort() }).toEqual({ calls, named: [...codes].sort() });
      for (const { id, query } of calls) {
        expect({ id, query }).toEqual({ id, query: Object.keys(rowOf(id).query ?? {}) });
      }
    }
  });

  test("names no field that is none", () => {
    const shown = listed.flatMap(({ calls, spans }) => {
      const rowsOf = calls.map(({ id }) => rowOf(id));
      const known = new Set(rowsOf.flatMap(({ body, answers: all }) => fieldsOf([body, all])));
      const named = spans
        .filter((span) => span.startsWith("{"))
        .flatMap((span) => Array.from(span.matchAll(/"(\w+)"/g), ([, name = ""]) => name));
      // The name of a processor may stand there as an example.
      const strange = named.filter((name) => name !== "default" && !known.has(name));
      expect({ calls, strange }).toEqual({ calls, strange: [] });
      return named;
    });
    expect(shown.length).toBeGreaterThan(10);
  });

  test("has what a payment's status has, and what of it may be missing", () => {
    const { spans } = listed.find(({ calls }) => calls[0]?.id === "payment") ?? { spans: [] };
    const span = spans.find((one) => one.startsWith("{")) ?? "";
    const named = Array.from(span.matchAll(/"(\w+)"(\?)?/g), ([, name, mark]) => [name, mark]);
    const { properties, required } = COMPONENTS.Payment as unknown as {
      properties: object;
      required: readonly string[];
    };
    const fields = Object.keys(properties);
    expect(named.map(([name]) => name).toSorted()).toEqual(fields.toSorted());
    const sure = named.filter(([, mark]) => mark === undefined).map(([name]) => name);
    expect(sure.toSorted()).toEqual(required.toSorted());
  });
});

test("every call that a page names exists, with its query", async () => {
  const pages = ["README.md", "README.pt-br.md", "docs/OPERATIONS.md", "docs/SECURITY.md"];
  for (const page of pages) {
    const calls = spansOf(await read(page)).map(callOf);
    expect([page, calls.some((call) => call !== null)]).toEqual([page, true]);
    for (const call of calls) {
      const known = Object.keys(call === null ? {} : (rowOf(call.id).query ?? {}));
      const strange = call?.query.filter((name) => !known.includes(name)) ?? [];
      expect({ page, call, strange }).toEqual({ page, call, strange: [] });
    }
  }
});

test("haproxy.cfg asks the worker for what an API would pass on, and for nothing else", async () => {
  const lines = (await read("haproxy.cfg")).matchAll(/use_backend worker if \{ (\S+) (.*) \}/g);
  const rules = Array.from(lines, ([, kind = "", what = ""]) => {
    if (kind === "path") return (path: string) => what.split(" ").includes(path);
    if (kind === "path_beg") return (path: string) => path.startsWith(what);
    if (kind === "path_reg") return (path: string) => new RegExp(what).test(path);
    throw new Error(`nobody here knows ${kind}`);
  });
  expect(rules.length).toBeGreaterThan(0);
  for (const id of OPERATION_IDS) {
    const { path, owner, public: isPublic, guard } = rowOf(id);
    const filled = path.replace(/\{\w+\}/, "a");
    const asked = rules.some((rule) => rule(filled));
    // The API alone asks for the read token.
    expect([filled, asked]).toEqual([filled, owner === "worker" && isPublic && guard !== "read"]);
  }
});
