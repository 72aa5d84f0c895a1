/**
 * Every path of the public port: who answers it, and the methods it takes. Paths that the worker
 * answers are passed on; nothing that is not in this list ever leaves for the worker, an operator's
 * calls least of all.
 */
export type ApiPath = "/payments" | "/livez" | "/readyz" | "/metrics" | "/openapi.json";
export type Route =
  | { readonly owner: "api"; readonly name: ApiPath; readonly methods: Methods }
  | { readonly owner: "worker"; readonly name: string; readonly methods: Methods };
type Methods = readonly ("GET" | "POST")[];
type Covers = { readonly covers: (path: string) => boolean };

const WORKER_ROUTES: readonly (Route & Covers)[] = [
  workerRoute("/payments/{correlationId}", ["GET"], oneBelow("/payments")),
  workerRoute("/payments-summary", ["GET"], exactly("/payments-summary")),
  workerRoute("/audit", ["GET"], exactly("/audit")),
  workerRoute("/purge-payments", ["POST"], exactly("/purge-payments")),
  workerRoute("/dashboard", ["GET"], atOrBelow("/dashboard")),
];

const API_ROUTES: readonly (Route & Covers)[] = [
  apiRoute("/payments", ["POST"]),
  apiRoute("/livez", ["GET"]),
  apiRoute("/readyz", ["GET"]),
  apiRoute("/metrics", ["GET"]),
  apiRoute("/openapi.json", ["GET"]),
];

const ROUTES = [...API_ROUTES, ...WORKER_ROUTES];

export function findRoute(path: string): Route | undefined {
  return ROUTES.find((route) => route.covers(path));
}

/** The methods of a route as the `Allow` header names them; whatever takes GET takes HEAD. */
export function allowedMethods(route: Route): readonly string[] {
  return route.methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
}

function apiRoute(name: ApiPath, methods: Methods): Route & Covers {
  return { owner: "api", name, methods, covers: exactly(name) };
}

function workerRoute(name: string, methods: Methods, covers: Covers["covers"]): Route & Covers {
  return { owner: "worker", name, methods, covers };
}

function exactly(name: string): Covers["covers"] {
  return (path) => path === name;
}

function oneBelow(name: string): Covers["covers"] {
  const prefix = `${name}/`;
  return (path) =>
    path.length > prefix.length && path.startsWith(prefix) && !path.includes("/", prefix.length);
}

function atOrBelow(name: string): Covers["covers"] {
  return (path) => path === name || path.startsWith(`${name}/`);
}
