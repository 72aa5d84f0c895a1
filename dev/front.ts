/**
 * Serves the dashboard with game day: the worker's own listener, handed on, and beside it the calls
 * that change the weather. They are a server of dev's and no part of any binary: a page that the
 * worker or an API serves finds nothing at their address.
 */
import { createPassOn } from "../api/pass-on.ts";
import { queryMistake } from "../shared/http-api/row.ts";
import { pathOf, queryOf, targetOf } from "../shared/http/target.ts";
import { problem } from "../shared/problem.ts";
import { urlOf } from "../simulator/server.ts";
import type { GameDay } from "./gameday.ts";
import { SCENARIOS } from "./scenarios.ts";
import type { DevSettings } from "./settings.ts";

const HOST = "127.0.0.1";
const PATH = "/dashboard/gameday";
const KILL = "kill";
const WORKER_TIMEOUT_MS = 10_000;

/** `killWorker` is offered beside the weather, to see that nothing is lost by it. */
export function startFront(
  { DASHBOARD_PORT }: DevSettings,
  /** Origins of the workers, in the order in which they are asked. */
  origins: readonly string[],
  gameDay: GameDay,
  killWorker: () => void | Promise<void>,
) {
  const passOn = createPassOn({ origins: () => origins, timeoutMs: WORKER_TIMEOUT_MS });
  const server = Bun.serve({
    hostname: HOST,
    port: DASHBOARD_PORT,
    idleTimeout: 75,
    development: false,
    async fetch(request, serving) {
      const target = targetOf(request.url);
      const path = pathOf(target);
      if (path !== PATH && !path.startsWith(`${PATH}/`)) {
        return passOn.pass(request, target, () => serving.timeout(request, 0));
      }
      const mistake = queryMistake({}, queryOf(target));
      if (mistake !== null) return problem(400, mistake);
      if (path === PATH) return Response.json(gameDay.describe());
      return act(gameDay, killWorker, path.slice(PATH.length + 1), request);
    },
  });
  return {
    url: `${urlOf(HOST, server.port as number)}/dashboard`,
    async stop(): Promise<void> {
      gameDay.stop();
      passOn.endEventStreams();
      await server.stop(true);
    },
  };
}

async function act(
  gameDay: GameDay,
  killWorker: () => void | Promise<void>,
  name: string,
  request: Request,
): Promise<Response> {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined && name !== KILL) return problem(404, "There is no such scenario.");
  if (request.method !== "POST") return problem(405, "This is done by POST.", { allow: "POST" });
  // A page from elsewhere could post here too.
  const from = request.headers.get("sec-fetch-site") ?? "same-origin";
  if (from !== "same-origin") return problem(403, "Only the dashboard itself may do this.");
  if (scenario === undefined) await killWorker();
  else await gameDay.play(scenario);
  return Response.json(gameDay.describe());
}
