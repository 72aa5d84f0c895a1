/** Waits after a storm until everything is settled, then gathers what the audit looks at. */
import type { Answer, Collected, WindowSums } from "../audit.ts";
import type { GatewayClient, Status, Window } from "../../../testing/gateway.ts";
import type { ProcessorAdmin } from "../../../testing/processor-admin.ts";
import { eachOf } from "../../../testing/each.ts";
import { integerFrom, pick } from "../../../testing/random.ts";

const ASK_AGAIN_MS = 100;
const WINDOWS = 200;

export type Statuses = Map<string, Status | "missing">;

export type Asked = {
  readonly statuses: Statuses;
  /** Ids that the gateway did not know at some moment, whatever it said later. */
  readonly onceMissing: Set<string>;
};

/** Asks for every id until it is settled or the time is up. */
export async function untilSettled(
  gateway: GatewayClient,
  ids: readonly string[],
  patienceMs: number,
): Promise<Asked> {
  const untilMs = performance.now() + patienceMs;
  const statuses: Statuses = new Map();
  const onceMissing = new Set<string>();
  let left = ids;
  while (left.length > 0) {
    for (const [id, status] of await statusesOf(gateway, left)) {
      statuses.set(id, status);
      if (status === "missing") onceMissing.add(id);
    }
    left = left.filter((id) => !isSettled(statuses.get(id)));
    if (performance.now() > untilMs) break;
    if (left.length > 0) await Bun.sleep(ASK_AGAIN_MS);
  }
  return { statuses, onceMissing };
}

function isSettled(status: Status | "missing" | undefined): boolean {
  return status !== undefined && status !== "missing" && status.status === "settled";
}

export async function collect(
  gateway: GatewayClient,
  processors: readonly ProcessorAdmin[],
  answers: readonly Answer[],
  { statuses, onceMissing }: Asked,
  random: () => number,
): Promise<Collected> {
  const recorded = new Map(
    await Promise.all(
      processors.map(async (processor) => [processor.name, await processor.payments()] as const),
    ),
  );
  const rows = [...recorded.values()].flat();
  const strangers = rows.map((row) => row.correlationId).filter((id) => !statuses.has(id));
  const all = new Map([...statuses, ...(await statusesOf(gateway, strangers))]);
  const instants = rows.map(({ requestedAtMs }) => requestedAtMs);
  const windows = await eachOf(drawWindows(random, instants), (window) =>
    sumsOf(gateway, processors, window),
  );
  return { answers, statuses: all, onceMissing, recorded, windows };
}

/** Draws edges on, just before and just after payments, and anywhere; the first window is everything. */
export function drawWindows(random: () => number, instants: readonly number[]): (Window | null)[] {
  if (instants.length === 0) return [null];
  const first = instants.reduce((a, b) => Math.min(a, b));
  const last = instants.reduce((a, b) => Math.max(a, b));
  const edge = () =>
    random() < 0.2
      ? integerFrom(random, first - 1_000, last + 1_000)
      : pick(random, instants) + integerFrom(random, -1, 1);
  return Array.from({ length: WINDOWS }, (_, i) => {
    if (i === 0) return null;
    const exact = pick(random, instants);
    if (i % 4 === 1) return { fromMs: exact, toMs: exact };
    if (i % 4 === 2) return { fromMs: exact - integerFrom(random, 0, 1), toMs: exact + 1 };
    const [a, b] = [edge(), edge()];
    return { fromMs: Math.min(a, b), toMs: Math.max(a, b) };
  });
}

async function sumsOf(
  gateway: GatewayClient,
  processors: readonly ProcessorAdmin[],
  window: Window | null,
): Promise<WindowSums> {
  const theirs = processors.map(
    async (processor) => [processor.name, await processor.summary(window)] as const,
  );
  return {
    window,
    gateway: await patiently(() => gateway.summary(window)),
    processors: Object.fromEntries(await Promise.all(theirs)),
  };
}

async function statusesOf(gateway: GatewayClient, ids: readonly string[]): Promise<Statuses> {
  const each = await eachOf(ids, (id) => patiently(() => gateway.statusOf(id)));
  return new Map(each.map((status, i) => [ids[i] as string, status]));
}

/** Repeats a call: a worker that was just killed is back in a moment. */
async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (tries === 100) throw error;
      await Bun.sleep(ASK_AGAIN_MS);
    }
  }
}
