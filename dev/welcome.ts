import { urlOf } from "../simulator/server.ts";
import { workersOf } from "./plan.ts";
import type { DevSettings } from "./settings.ts";

type Shown = {
  readonly behindProxy: boolean;
  readonly dashboard: string;
  /** Name of the scenario that is played, or null. */
  readonly scenario: string | null;
  readonly isCluster: boolean;
};

/**
 * Says what is where and what to try: commands that work as they are printed, also in a terminal
 * that sends everything through a proxy.
 */
export function welcome(
  settings: DevSettings,
  { behindProxy, dashboard, scenario, isCluster }: Shown,
): string {
  const { HOST, PORT, DEFAULT_PORT, FALLBACK_PORT, DATA_DIR } = settings;
  const [first, second] = workersOf(settings, isCluster);
  const api = urlOf(HOST, PORT);
  const curl = behindProxy ? "curl --noproxy '*'" : "curl";
  const json = `-H 'content-type: application/json'`;
  const payment = `{"correlationId":"${crypto.randomUUID()}","amount":19.90}`;
  const failure = `${urlOf(HOST, DEFAULT_PORT)}/admin/configurations/failure`;
  const kill = `${dashboard.replace(/\/dashboard$/, "")}/dashboard/gameday/kill`;
  const cluster =
    second === undefined
      ? ""
      : `Try, too: who has which payments; kill -9 a worker, and post again
  ${curl} ${first?.http}/cluster
  ${curl} -X POST ${kill}
`;
  const watch = scenario === null ? "" : `Watch the ${scenario} at ${dashboard}\n`;
  return `Papa-Léguas is ready.
  gateway   ${api} (two APIs)
  worker    ${[first, second].flatMap((worker) => worker?.http ?? []).join(" and ")}
  dashboard ${dashboard} (with game day; without it also at both above)
  default   ${urlOf(HOST, DEFAULT_PORT)} (simulated processor, fee 5 %)
  fallback  ${urlOf(HOST, FALLBACK_PORT)} (simulated processor, fee 15 %)
  data      ${second === undefined ? DATA_DIR : "a PostgreSQL that ends with this"}
Try, in another terminal: post a payment, read the summary, break the default processor
  ${curl} -i ${json} -d '${payment}' ${api}/payments
  ${curl} ${api}/payments-summary
  ${curl} -X PUT -H 'X-Rinha-Token: 123' ${json} -d '{"failure":true}' ${failure}
${cluster}${watch}Ctrl-C stops everything.`;
}
