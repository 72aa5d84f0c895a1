import { urlOf } from "../simulator/server.ts";
import type { DevSettings } from "./settings.ts";

type Shown = {
  readonly behindProxy: boolean;
  readonly dashboard: string;
  /** Name of the scenario that is played, or null. */
  readonly scenario: string | null;
};

/**
 * Says what is where and what to try: commands that work as they are printed, also in a terminal
 * that sends everything through a proxy.
 */
export function welcome(
  settings: DevSettings,
  { behindProxy, dashboard, scenario }: Shown,
): string {
  const { HOST, PORT, HTTP_PORT, DEFAULT_PORT, FALLBACK_PORT, DATA_DIR } = settings;
  const api = urlOf(HOST, PORT);
  const curl = behindProxy ? "curl --noproxy '*'" : "curl";
  const json = `-H 'content-type: application/json'`;
  const payment = `{"correlationId":"${crypto.randomUUID()}","amount":19.90}`;
  const failure = `${urlOf(HOST, DEFAULT_PORT)}/admin/configurations/failure`;
  const watch = scenario === null ? "" : `Watch the ${scenario} at ${dashboard}\n`;
  return `Papa-Léguas is ready.
  gateway   ${api} (two APIs)
  worker    ${urlOf("127.0.0.1", HTTP_PORT)}
  dashboard ${dashboard} (with game day; without it also at both above)
  default   ${urlOf(HOST, DEFAULT_PORT)} (simulated processor, fee 5 %)
  fallback  ${urlOf(HOST, FALLBACK_PORT)} (simulated processor, fee 15 %)
  data      ${DATA_DIR}
Try, in another terminal: post a payment, read the summary, break the default processor
  ${curl} -i ${json} -d '${payment}' ${api}/payments
  ${curl} ${api}/payments-summary
  ${curl} -X PUT -H 'X-Rinha-Token: 123' ${json} -d '{"failure":true}' ${failure}
${watch}Ctrl-C stops everything.`;
}
