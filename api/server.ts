import { systemClock as clock } from "../shared/clock.ts";
import { originOf, socketPathOf } from "../shared/healthcheck.ts";
import { matcherOf, type Match } from "../shared/http-api/matcher.ts";
import { queryMistake, type Row } from "../shared/http-api/row.ts";
import { hasToken } from "../shared/http/bearer.ts";
import { OPERATION_IDS, rowOf, TABLE, type OwnedBy } from "../shared/http-api/table.ts";
import { leadToPage } from "../shared/http/lead.ts";
import { Leave, type LeaveTimes } from "../shared/http/leave.ts";
import { SERVER_BODY_BYTES_MAX } from "../shared/http/request-body.ts";
import { pathOf, queryOf, targetOf } from "../shared/http/target.ts";
import { Incidents } from "../shared/incidents.ts";
import { DRAIN_MS_MAX, HTTP_IDLE_SECONDS } from "../shared/limits.ts";
import type { Log } from "../shared/log.ts";
import { problem } from "../shared/problem.ts";
import { answerReadiness } from "../shared/readiness.ts";
import { acceptPayment } from "./accept.ts";
import { createApiMetrics } from "./metrics.ts";
import { apiDocument } from "./openapi.ts";
import { createPassOn } from "./pass-on.ts";
import { readinessOf } from "./readiness.ts";
import type { ApiSettings } from "./settings.ts";
import { letEverybodyConnect, listenAt } from "./unix-socket.ts";
import type { Workers } from "./workers.ts";
import { WorkersWatch } from "./workers-watch.ts";

export type ApiParts = {
  readonly settings: Pick<ApiSettings, "PORT" | "HOST" | "AMOUNT_MAX" | "READ_TOKEN">;
  readonly workers: Workers;
  readonly log: Log;
  /** Longest time that the worker may take to answer what is passed on to it. */
  readonly workerTimeoutMs?: number;
  readonly leaveTimes?: LeaveTimes;
  /** How often it is looked whether the worker answers over HTTP alone. */
  readonly lookMs?: number;
};

export type Api = {
  /** Address at which this machine reaches it: http, or `unix:` and a path. */
  readonly url: string;
  /** 0 at a unix socket. */
  readonly port: number;
  readonly incidents: Incidents;
  /** Turns readiness red at once; resolves when everything that came is answered. */
  stop(): Promise<void>;
};

/** The limit is below the time that draining has, so that a slow worker does not hold up the exit. */
const WORKER_TIMEOUT_MS = 3_000;
/** A load balancer asks once a second or so, and clients that are at work send in less. */
const LEAVE_TIMES: LeaveTimes = { quietMs: 500, answerMsMax: 2_000, breakOffMs: 2_000 };
if (LEAVE_TIMES.answerMsMax + LEAVE_TIMES.breakOffMs >= DRAIN_MS_MAX) {
  throw new Error("leaving takes longer than a process has for draining");
}

/** The table's public rows: no other call, above all no operator's, ever leaves for the worker. */
const find = matcherOf(OPERATION_IDS.filter((id) => rowOf(id).public));
const PAY = TABLE.pay.path;

type Handler = (request: Request) => Response | Promise<Response>;
type OwnAnswers = { readonly [Id in OwnedBy<"api" | "each">]: Handler };

export function startApi(parts: ApiParts): Api {
  const { settings, workers, log } = parts;
  const metrics = createApiMetrics(workers);
  const passOn = createPassOn({
    origins: () => workers.origins(),
    timeoutMs: parts.workerTimeoutMs ?? WORKER_TIMEOUT_MS,
  });
  const acceptParts = { link: workers, metrics, amountMax: settings.AMOUNT_MAX };
  const document = apiDocument(settings.AMOUNT_MAX);
  const leave = new Leave(parts.leaveTimes ?? LEAVE_TIMES);
  const incidents = new Incidents(clock, log);
  const watch = new WorkersWatch({
    clock,
    workers,
    incidents,
    verdicts: metrics.verdicts,
    overHttp: (origin) => passOn.readiness(origin),
  });
  const stopWatching = watch.start(parts.lookMs);
  let stopping: Promise<void> | null = null;

  const own: OwnAnswers = {
    pay: (request) => acceptPayment(acceptParts, request),
    document: () => new Response(document, { headers: { "content-type": "application/json" } }),
    root: leadToPage,
    livez: () => new Response("alive\n"),
    readyz: async ({ url }) => {
      const asked = leave.begun ? [] : workers.known();
      const known = await Promise.all(
        asked.map(async ({ address, http, link }) => {
          const word = await passOn.readiness(http);
          return { address, word, link, isInDoubt: watch.isInDoubt(address) };
        }),
      );
      const readiness = readinessOf(known, leave.begun);
      return answerReadiness(readiness, queryOf(targetOf(url)), "ready");
    },
    metrics: () => metrics.answer(),
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
    return leave.mark(response);
  }

  /** Serves everything but the hot path, which Bun's own routing finds without building an address. */
  function dispatch(request: Request, server: Bun.Server<undefined>): Promise<Response> {
    const target = targetOf(request.url);
    const match = find(pathOf(target), request.method);
    if (match === null) return answer("other", notFound, request);
    const { id, row } = match;
    const label = labelOf(row);
    if (!match.takes) return answer(label, () => notAllowed(request, match), request);
    const refusal = row.guard === "read" ? mayNotRead(settings.READ_TOKEN, request) : null;
    if (refusal !== null) return answer(label, () => refusal, request);
    if (row.owner !== "worker") {
      const mistake = queryMistake(row, queryOf(target));
      const handler = mistake === null ? own[id as keyof OwnAnswers] : () => problem(400, mistake);
      return answer(label, handler, request);
    }
    const onEventStream = () => server.timeout(request, 0);
    return answer(label, () => passOn.pass(request, target, onEventStream), request);
  }

  const unix = socketPathOf(settings.HOST);
  const server = Bun.serve({
    ...listenAt(settings),
    development: false,
    idleTimeout: HTTP_IDLE_SECONDS,
    maxRequestBodySize: SERVER_BODY_BYTES_MAX,
    routes: {
      [PAY]: { POST: (request) => answer(PAY, own.pay, request) },
    },
    fetch: dispatch,
  });
  if (unix !== null) letEverybodyConnect(unix);
  const port = server.port ?? 0;

  async function drain(): Promise<void> {
    stopWatching();
    leave.begin();
    passOn.endEventStreams();
    await leave.end(server);
    incidents.close();
  }

  return {
    url: originOf(settings.HOST, port),
    port,
    incidents,
    stop: () => (stopping ??= drain()),
  };
}

function notFound(): Response {
  return problem(404, "There is nothing at this path.");
}

/** Refuses whoever may not list payments or tell events here; null lets them in. */
function mayNotRead(tokens: ApiSettings["READ_TOKEN"], { headers }: Request): Response | null {
  if (tokens === null) return problem(404, "There is nothing to read here: READ_TOKEN is not set.");
  if (hasToken(tokens, headers)) return null;
  const detail = "Payments and events need the header Authorization: Bearer with the read token.";
  return problem(401, detail, { "www-authenticate": "Bearer" });
}

function notAllowed({ method }: Request, { allow }: Pick<Match<never>, "allow">): Response {
  return problem(405, `This path takes ${allow}, not ${method}.`, { allow });
}

/** Label in metrics: the page and all that it reads count as one. */
function labelOf({ path }: Row): string {
  return path.startsWith(`${TABLE.page.path}/`) ? TABLE.page.path : path;
}
