/** Puts loads on the gateway and on the bare servers, and checks each to the last payment. */
import type { BenchContext, Checks } from "../benchmark.ts";
import type { LoadPlan, LoadReport } from "../load/plan.ts";
import { auditJournal, auditSums, settledSince } from "./audit.ts";
import type { Sum } from "../../testing/gateway.ts";
import { reportOf, startBare } from "./children.ts";
import { startStack, type BenchStack, type StackOptions } from "./stack.ts";
import { totalOf } from "./sums.ts";

export const CONNECTIONS = 64;
/** A closed or an open load, and its length. */
export type Load = Pick<LoadPlan, "warmupMs" | "durationMs" | "ratePerSecond">;

export type BareReport = LoadReport & { readonly cpuNs: number };

export type GatewayReport = LoadReport & {
  /** Payments settled when the load ended, a second of it. */
  readonly settledPerSecond: number;
  /** Share of one core that the simulated processors had meanwhile. */
  readonly processorsPart: number;
  /** CPU time of a payment: both processes while the load ran, and the worker until all is settled. */
  readonly cpuNs: { readonly api: number; readonly worker: number; readonly workerInAll: number };
};

export async function loadBare(
  kind: "unread" | "parse" | "hop",
  load: Load,
  checks: Checks,
): Promise<BareReport> {
  await using children = new AsyncDisposableStack();
  const echo = kind === "hop" ? await startBare("bench/bare-echo.ts") : null;
  children.use(echo?.child ?? null);
  const echoPort = echo === null ? [] : [String(echo.said["port"])];
  const { child: bare, said } = await startBare("bench/bare-server.ts", kind, ...echoPort);
  children.use(bare);
  const url = String(said["url"]);
  const startMs = bare.cpuMs();
  const report = await runLoad(Number(new URL(url).port), load, false, checks);
  const cpuNs = ((bare.cpuMs() - startMs) / report.answered) * 1e6;
  const expected = { count: report.answered, cents: kind === "unread" ? 0 : report.cents };
  checks.equal("what the bare server saw", await (await fetch(`${url}/seen`)).json(), expected);
  return { ...report, cpuNs };
}

/** Loads a gateway; `meanwhile` begins something before, and gives back what ends it afterwards. */
export async function loadGateway(
  context: BenchContext,
  options: StackOptions,
  load: Load,
  checks: Checks,
  meanwhile: (stack: BenchStack) => Promise<() => Promise<void>> = async () => async () => {},
): Promise<GatewayReport> {
  await using stack = await startStack(context, options);
  const endOther = await meanwhile(stack);
  const start = stack.cpuMs();
  const report = await loadStack(stack, load, checks);
  await endOther();
  const end = stack.cpuMs();
  const settled = totalOf(await settledSince(stack)).count;
  // Put-off payments are settled now, so that they can be checked.
  if (options.delayMs) for (const each of stack.processors) await each.setDelay(0);
  const accepted = acceptedOf(report);
  await auditSums(stack, accepted, checks);
  const settledAll = stack.cpuMs();
  await auditJournal(stack, accepted, checks);
  const loadMs = load.warmupMs + load.durationMs;
  const each = (spentMs: number) => (spentMs / report.answered) * 1e6;
  return {
    ...report,
    settledPerSecond: (settled / loadMs) * 1_000,
    processorsPart: (end.processors - start.processors) / loadMs,
    cpuNs: {
      api: each(end.api - start.api),
      worker: each(end.worker - start.worker),
      workerInAll: each(settledAll.worker - start.worker),
    },
  };
}

/** Loads a stack that goes on afterwards. */
export function loadStack(
  { port }: Pick<BenchStack, "port">,
  load: Load,
  checks: Checks,
): Promise<LoadReport> {
  return runLoad(port, load, true, checks);
}

export function acceptedOf({ answered, cents }: LoadReport): Sum {
  return { count: answered, cents };
}

async function runLoad(
  port: number,
  load: Load,
  location: boolean,
  checks: Checks,
): Promise<LoadReport> {
  const plan: LoadPlan = { host: "127.0.0.1", port, connections: CONNECTIONS, location, ...load };
  const report = await reportOf<LoadReport>("bench/load.ts", plan);
  checks.equal("answers", report.answered, report.sent);
  checks.equal("statuses", report.statuses, { 202: report.sent });
  checks.equal("answers about another payment", report.misplaced, 0);
  return report;
}
