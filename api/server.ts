import { originOf, socketPathOf } from "../shared/healthcheck.ts";
import { DRAIN_MS_MAX, HTTP_IDLE_SECONDS } from "../shared/limits.ts";
import type { Log } from "../shared/log.ts";
import { problem } from "../shared/problem.ts";
import type { Link } from "../shared/verdict.ts";
import { acceptPayment } from "./accept.ts";
import { createApiMetrics } from "./metrics.ts";
import { apiDocument } from "./openapi.ts";
import { createPassOn } from "./pass-on.ts";
import { allowedMethods, findRoute, pathOf, targetOf, type ApiPath } from "./routes.ts";
import type { ApiSettings } from "./settings.ts";
import { letEverybodyConnect, listenAt } from "./unix-socket.ts";

export type ApiParts = {
  readonly settings: Pick<ApiSettings, "PORT" | "HOST" | "WORKER_HTTP" | "AMOUNT_MAX">;
  readonly link: Link;
  readonly log: Log;
  /** How long the worker may take to answer what is passed on to it. */
  readonly workerTimeoutMs?: number;
  /** How long `stop` waits for what is in flight before it breaks connections off. */
  readonly stopMsMax?: number;
};

export type Api = {
  /** Where this machine reaches it: an http address, or `unix:` and a path. */
  readonly url: string;
  /** 0 at a unix socket. */
  readonly port: number;
  /** Readiness red at once, no new connections; resolves when everything in flight is answered. */
  stop(): Promise<void>;
};

/** Below the time that draining has, so that a slow worker does not hold up the exit. */
const WORKER_TIMEOUT_MS = 3_000;
const STOP_MS_MAX = DRAIN_MS_MAX - 800;

/**
 * Longer bodies are refused by Bun itself, with a bare 413 and a closed connection. It is far above
 * what any call takes so that those refusals can say why; a body that nobody reads costs no memory.
 */
const SERVER_BODY_BYTES_MAX = 16 * 1024 * 1024;

type Handler = (request: Request) => Response | Promise<Response>;

export function startApi(parts: ApiParts): Api {
  const { settings, link, log } = parts;
  const metrics = createApiMetrics(link);
  const passOn = createPassOn({
    workerHttp: settings.WORKER_HTTP,
    timeoutMs: parts.workerTimeoutMs ?? WORKER_TIMEOUT_MS,
  });
  const acceptParts = { link, metrics, amountMax: settings.AMOUNT_MAX };
  const document = apiDocument(settings.AMOUNT_MAX);
  let stopping: Promise<void> | null = null;

  const own: Record<ApiPath, Handler> = {
    "/payments": (request) =>
      stopping === null
        ? acceptPayment(acceptParts, request)
        : problem(503, SHUTTING_DOWN, { "retry-after": "1", connection: "close" }),
    "/openapi.json": () =>
      new Response(document, { headers: { "content-type": "application/json" } }),
    "/livez": () => new Response("alive\n"),
    "/readyz": async () => {
      const reason = stopping === null ? await passOn.whyNotReady() : null;
      return readiness(stopping !== null, reason, link.answering);
    },
    "/metrics": async () =>
      new Response((await metrics.text()) + (await passOn.metricsText()), {
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      }),
  };

  async function answer(route: string, handler: Handler, request: Request): Promise<Response> {
    let response: Response;
    try {
      response = await handler(request);
    } catch (error) {
      log.error({ err: error, route }, "request failed");
      response = problem(500, "Something went wrong here; it was written to the log.");
    }
    metrics.countRequest(route, response.status);
    return response;
  }

  /** Everything but the hot path, which Bun's own routing finds without an address being built. */
  function dispatch(request: Request, server: Bun.Server<undefined>): Promise<Response> {
    const target = targetOf(request.url);
    const route = findRoute(pathOf(target));
    if (route === undefined) return answer("other", notFound, request);
    const allowed = allowedMethods(route);
    if (!allowed.includes(request.method)) {
      return answer(route.name, () => methodNotAllowed(request.method, allowed), request);
    }
    if (route.owner === "api") return answer(route.name, own[route.name], request);
    const onEventStream = () => server.timeout(request, 0);
    return answer(route.name, () => passOn.pass(request, target, onEventStream), request);
  }

  const unix = socketPathOf(settings.HOST);
  const server = Bun.serve({
    ...listenAt(settings),
    development: false,
    idleTimeout: HTTP_IDLE_SECONDS,
    maxRequestBodySize: SERVER_BODY_BYTES_MAX,
    routes: {
      "/payments": { POST: (request) => answer("/payments", own["/payments"], request) },
    },
    fetch: dispatch,
  });
  if (unix !== null) letEverybodyConnect(unix);
  const port = server.port ?? 0;

  async function drain(): Promise<void> {
    passOn.endEventStreams();
    const breakOff = setTimeout(() => void server.stop(true), parts.stopMsMax ?? STOP_MS_MAX);
    await server.stop();
    clearTimeout(breakOff);
  }

  return {
    url: originOf(settings.HOST, port),
    port,
    stop: () => (stopping ??= drain()),
  };
}

const SHUTTING_DOWN = "This API is shutting down.";

/** What the worker says of itself comes first; when it says nothing, the link alone decides. */
function readiness(stopping: boolean, reason: string | null, workerAnswers: boolean): Response {
  if (stopping) return problem(503, SHUTTING_DOWN, { "retry-after": "1" });
  if (reason !== null) {
    return problem(503, `The worker is not ready: ${reason}.`, { "retry-after": "1" });
  }
  if (!workerAnswers) return problem(503, "The worker does not answer.", { "retry-after": "1" });
  return new Response("ready\n");
}

function notFound(): Response {
  return problem(404, "There is nothing at this path.");
}

function methodNotAllowed(method: string, allowed: readonly string[]): Response {
  const allow = allowed.join(", ");
  return problem(405, `This path takes ${allow}, not ${method}.`, { allow });
}
