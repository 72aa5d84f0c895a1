/**
 * Measures what a shop that takes no webhooks costs payments: acceptance and settlement with one that
 * refuses connections, with one that takes them and says nothing, and with one that answers by a body without
 * an end and by a megabyte of headers in turn, each against the same gateway without webhooks in the same
 * round. Each shall be at least 0.97 of that. Events wait in the journal meanwhile,
 * so that the figures show what reading, keeping and probing cost. The worker's CPU time a payment stands
 * beside the rates, since it moves less than they do; who comes first changes from round to round.
 */
import { freePorts } from "../../testing/ports.ts";
import type { Env } from "../../testing/process.ts";
import { WEBHOOK_SECRET, WebhookReceiver } from "../../testing/webhook-receiver.ts";
import {
  Checks,
  rowOf,
  type BenchContext,
  type Row,
  type Target,
  type Unit,
} from "../benchmark.ts";
import { loadGateway, type Load } from "./payments.ts";
import { workerRate } from "./settle-rate.ts";

export const name = "system/webhooks";

const TARGETS: Target[] = [{ op: ">=", value: 0.97, of: "ratio" }];
const NOTE = "against the same without webhooks";

/** A gateway without webhooks, or with a receiver, and what was measured of it, round by round. */
type Gateway = {
  readonly what: string;
  readonly env: Env;
  readonly accepted: number[];
  readonly cpuNs: number[];
  readonly settled: number[];
};

export async function run(context: BenchContext): Promise<Row[]> {
  const load: Load = context.quick
    ? { warmupMs: 50, durationMs: 100, ratePerSecond: null }
    : { warmupMs: 1_000, durationMs: 3_000, ratePerSecond: null };
  const { port: closed } = await freePorts("port");
  using silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  await using hostile = new WebhookReceiver();
  let answers = 0;
  hostile.mood = () => (answers++ % 2 === 0 ? endless() : ofManyHeaders());
  const without = gateway("none", {});
  const receivers = [
    gateway("dead", settingsFor(closed)),
    gateway("silent", settingsFor(silent.port)),
    gateway("hostile", hostile.env),
  ];
  const all = [without, ...receivers];
  const checks = new Checks();
  for (let round = 0; round < context.runs; round++) {
    for (let turn = 0; turn < all.length; turn++) {
      const { env, accepted, cpuNs, settled } = all[(round + turn) % all.length]!;
      const report = await loadGateway(context, { sync: "normal", env }, load, checks);
      accepted.push(report.perSecond);
      cpuNs.push(report.cpuNs.workerInAll);
      settled.push(await workerRate(context, 0, checks, env));
    }
  }
  const row = (
    way: string,
    unit: Unit,
    { what }: Gateway,
    figures: number[],
    baselines: number[],
  ) =>
    rowOf(
      `${way}: webhooks, ${what} receiver`,
      unit,
      { figures, baselines },
      checks,
      NOTE,
      TARGETS,
    );
  checks.equal("the hostile one was asked", context.quick || answers > 0, true);
  return [
    ...receivers.map((one) => row("accept", "/s", one, one.accepted, without.accepted)),
    ...receivers.map((one) => row("settle", "/s", one, one.settled, without.settled)),
    ...receivers.map((one) => row("CPU a payment", "ns", one, one.cpuNs, without.cpuNs)),
  ];
}

function gateway(what: string, env: Env): Gateway {
  return { what, env, accepted: [], cpuNs: [], settled: [] };
}

function endless(): Response {
  const pull = (controller: ReadableStreamDefaultController) =>
    controller.enqueue(new Uint8Array(256 * 1024));
  return new Response(new ReadableStream({ pull }));
}

function ofManyHeaders(): Response {
  return new Response(null, { headers: { "x-flood": "x".repeat(1024 * 1024) } });
}

function settingsFor(port: number): Env {
  const WEBHOOK_URL = `http://127.0.0.1:${port}/`;
  return { WEBHOOK_URL, WEBHOOK_SECRET, WEBHOOK_ALLOW_PRIVATE: "true" };
}
