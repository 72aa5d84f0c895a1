/** Paths, methods, and who answers them. */
import { pathOf, queryOf, targetOf } from "../../shared/http/target.ts";
import { problem } from "../../shared/problem.ts";

export type Call = {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly request: Request;
  /** For an answer that goes on: the connection is not idle, however long it is silent. */
  readonly keepOpen: () => void;
};
export type Route = {
  /** For metrics: of a bounded number. */
  readonly label: string;
  readonly method: "GET" | "POST";
  readonly matches: (path: string) => boolean;
  readonly answer: (call: Call) => Response | Promise<Response>;
};

export function get(label: string, matches: Route["matches"], handle: Route["answer"]): Route {
  return { label, method: "GET", matches, answer: handle };
}

export async function answer(
  routes: readonly Route[],
  request: Request,
  keepOpen: () => void,
): Promise<[label: string, Response]> {
  const target = targetOf(request.url);
  const path = pathOf(target);
  const route = routes.find(({ matches }) => matches(path));
  if (route === undefined) return ["none", problem(404, `There is nothing at ${path}.`)];
  const method = request.method === "HEAD" ? "GET" : request.method;
  if (method !== route.method) {
    const allow = route.method === "GET" ? "GET, HEAD" : "POST";
    return [route.label, problem(405, `${path} answers ${allow} only.`, { allow })];
  }
  return [route.label, await route.answer({ path, query: queryOf(target), request, keepOpen })];
}

export function json(body: string): Response {
  return new Response(body, { headers: { "content-type": "application/json" } });
}
