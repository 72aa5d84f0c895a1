/**
 * Makes the audit that the contest does not make: every payment by its id, on both sides, with its
 * amount and its requestedAt, over the whole test. Nothing may be lost, charged twice, or charged
 * without having been posted.
 */
import { audit, type Violation, type WindowSums } from "../../tests/system/audit.ts";
import { GatewayClient, type Sum, type Window } from "../../testing/gateway.ts";
import type { Recorded } from "../../testing/processor-admin.ts";
import { eachOf } from "../../testing/each.ts";
import { drawWindows, untilSettled } from "../../tests/system/storm/collect.ts";
import type { Processor } from "./processor.ts";
import { Trouble } from "./trouble.ts";
import { AMOUNT_CENTS } from "./users.ts";

const DRAIN_MS_MAX = 30_000;

export type StrictOptions = {
  readonly url: string;
  readonly processors: readonly Processor[];
  readonly accepted: readonly string[];
  /**
   * Payments not answered with success. Those that the gateway took nevertheless have to be settled too.
   */
  readonly failed: readonly string[];
  readonly random: () => number;
};

export type StrictReport = {
  /** Time from the end of the test until everything was settled, or the patience was over. */
  readonly drainMs: number;
  readonly payments: number;
  /** Payments taken without having been answered with success. */
  readonly takenUnanswered: number;
  readonly charged: Readonly<Record<string, number>>;
  readonly windows: number;
  readonly violations: readonly Violation[];
};

export async function strictAudit(options: StrictOptions): Promise<StrictReport> {
  const startedAtMs = performance.now();
  const gateway = new GatewayClient(options.url);
  const asked = await untilSettled(gateway, options.failed, 0);
  const taken = options.failed.filter((id) => asked.statuses.get(id) !== "missing");
  const ids = [...options.accepted, ...taken];
  const { statuses, onceMissing } = await untilSettled(gateway, ids, DRAIN_MS_MAX);
  const drainMs = performance.now() - startedAtMs;
  const recorded = new Map<string, Recorded[]>();
  for (const processor of options.processors) {
    recorded.set(processor.name, await chargedBy(processor, [...ids, ...options.failed]));
  }
  const all = [...recorded.values()].flat();
  const instants = all.map(({ requestedAtMs }) => requestedAtMs).filter((atMs) => atMs !== null);
  const windows: WindowSums[] = [];
  for (const window of drawWindows(options.random, instants)) {
    windows.push(await sumsOf(gateway, options.processors, window));
  }
  const answers = ids.map((correlationId) => ({
    correlationId,
    amountCents: AMOUNT_CENTS,
    outcome: "accepted" as const,
  }));
  return {
    drainMs,
    payments: ids.length,
    takenUnanswered: taken.length,
    charged: Object.fromEntries([...recorded].map(([name, rows]) => [name, rows.length])),
    windows: windows.length,
    violations: audit({ answers, statuses, onceMissing, recorded, windows }),
  };
}

/** A processor without a list is asked for each id; what it has beyond them shows in the sums. */
async function chargedBy(processor: Processor, ids: readonly string[]): Promise<Recorded[]> {
  const listed = await processor.payments();
  if (listed !== null) return listed;
  const found = await eachOf(ids, (id) => processor.payment(id));
  return found.filter((payment) => payment !== null);
}

async function sumsOf(
  gateway: GatewayClient,
  processors: readonly Processor[],
  window: Window | null,
): Promise<WindowSums> {
  const theirs: Record<string, Sum> = {};
  for (const processor of processors) {
    const sum = await processor.summary(window);
    if (sum === null) throw new Trouble(`processor ${processor.name} gives no summary`);
    theirs[processor.name] = sum;
  }
  return { window, gateway: await gateway.summary(window), processors: theirs };
}
