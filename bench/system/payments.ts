/** Puts loads on the gateway and on the bare servers, and checks each to the last payment. */
import type { BenchContext, Checks } from "../benchmark.ts";
import type { LoadPlan, LoadReport } from "../load/plan.ts";
import { auditJournal, auditSums } from "./audit.ts";
import type { Sum } from "../../testing/gateway.ts";
import { startBares, type BareKind } from "./bare.ts";
import { reportOf } from "./children.ts";
import { startStack, type BenchStack, type StackOptions } from "./stack.ts";

export const CONNECTIONS = 64;
/** A closed or an open load, and its length. */
export type Load = Pick<LoadPlan, "warmupMs" | "durationMs" | "ratePerSecond" | "thinkMs"> & {
  /** `CONNECTIONS`, unless another number is given. */
  readonly connections?: number;
};

/** A steady load, short where sizes are tiny. */
export function steadily(ratePerSecond: number, { quick }: BenchContext, durationMs = 4_000): Load {
  return quick
    ? { warmupMs: 50, durationMs: 200, ratePerSecond }
    : { warmupMs: 1_000, durationMs, ratePerSecond };
}

export type BareReport = LoadReport & { readonly cpuNs: number };

export type GatewayReport = LoadReport & {
  /** CPU time of a payment: both processes while the load ran, and the worker until all is settled. */
  readonly cpuNs: { readonly api: number; readonly worker: number; readonly workerInAll: number };
};

/** Loads a bare server that parses, or one that then waits for an echo by a second process. */
export async function loadBare(kind: BareKind, load: Load, checks: Checks): Promise<BareReport> {
  await using bare = await startBares(kind, 1);
  const report = await runLoad({ port: bare.ports[0]!, pids: bare.pids }, load, false, checks);
  await bare.audit(acceptedOf(report), checks);
  return { ...report, cpuNs: spentNs(report, 0) };
}

/** CPU time of a payment, of one of the processes that were counted. */
export function spentNs({ spent, measured }: LoadReport, at: number): number {
  return (spent[at]!.reduce((sum, { ms }) => sum + ms, 0) / measured) * 1e6;
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
  // Put-off payments are settled now, so that they can be checked.
  if (options.delayMs) for (const each of stack.processors) await each.setDelay(0);
  const accepted = acceptedOf(report);
  await auditSums(stack, accepted, checks);
  const settledAll = stack.cpuMs();
  await auditJournal(stack, accepted, checks);
  const each = (spentMs: number) => (spentMs / report.answered) * 1e6;
  return {
    ...report,
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
  return runLoad({ port }, load, true, checks);
}

/** CPU time that the generator itself takes for a payment. */
export function generatorNs({ cpuMs, measured }: LoadReport): number {
  return (cpuMs / measured) * 1e6;
}

export function acceptedOf({ answered, cents }: LoadReport): Sum {
  return { count: answered, cents };
}

/** Loads a port; a gateway names each payment in its answer. */
export async function runLoad(
  of: Pick<LoadPlan, "port" | "pids">,
  load: Load,
  location: boolean,
  checks: Checks,
): Promise<LoadReport> {
  const plan: LoadPlan = { host: "127.0.0.1", connections: CONNECTIONS, location, ...of, ...load };
  const report = await reportOf<LoadReport>("bench/load.ts", plan);
  checks.equal("answers", report.answered, report.sent);
  checks.equal("statuses", report.statuses, { 202: report.sent });
  checks.equal("answers about another payment", report.misplaced, 0);
  return report;
}
