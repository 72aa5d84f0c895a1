/**
 * Measures what a shop that takes no webhooks costs payments: acceptance and settlement with one that
 * refuses connections, and with one that takes them and says nothing, each against the same gateway without
 * webhooks in the same round. Each shall be at least 0.97 of that. Events wait in the journal meanwhile,
 * so that the figures show what reading, keeping and probing cost.
 */
import { freePorts } from "../../testing/ports.ts";
import { WEBHOOK_SECRET } from "../../testing/webhook-receiver.ts";
import { Checks, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import { loadGateway, type Load } from "./payments.ts";
import { workerRate } from "./settle-rate.ts";
import type { Env } from "../../testing/process.ts";

export const name = "system/webhooks";

const TARGETS: Target[] = [{ op: ">=", value: 0.97, of: "ratio" }];

export async function run(context: BenchContext): Promise<Row[]> {
  const load: Load = context.quick
    ? { warmupMs: 50, durationMs: 100, ratePerSecond: null }
    : { warmupMs: 1_000, durationMs: 3_000, ratePerSecond: null };
  const { port: closed } = await freePorts("port");
  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const receivers = [
    { what: "dead", env: settingsFor(closed) },
    { what: "silent", env: settingsFor(silent.port) },
  ];
  const accepting = async (checks: Checks, env: Env) =>
    (await loadGateway(context, { sync: "normal", env }, load, checks)).perSecond;
  const settling = (checks: Checks, env: Env) => workerRate(context, 0, checks, env);
  const rates = [
    { way: "accept", rate: accepting },
    { way: "settle", rate: settling },
  ];
  const rows: Row[] = [];
  for (const { way, rate } of rates) {
    const checks = new Checks();
    const baselines: number[] = [];
    const figures = receivers.map(() => [] as number[]);
    for (let round = 0; round < context.runs; round++) {
      baselines.push(await rate(checks, {}));
      for (const [i, { env }] of receivers.entries()) figures[i]!.push(await rate(checks, env));
    }
    for (const [i, { what }] of receivers.entries()) {
      const series = { figures: figures[i]!, baselines };
      const note = "against the same without webhooks";
      rows.push(rowOf(`${way}: webhooks, ${what} receiver`, "/s", series, checks, note, TARGETS));
    }
  }
  return rows;
}

function settingsFor(port: number) {
  const WEBHOOK_URL = `http://127.0.0.1:${port}/`;
  return { WEBHOOK_URL, WEBHOOK_SECRET, WEBHOOK_ALLOW_PRIVATE: "true" };
}
