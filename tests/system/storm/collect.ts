/** Waits after a storm until everything is settled, then gathers what the audit looks at. */
import type { Answer, Collected, WindowSums } from "../audit.ts";
import type { GatewayClient, Status, Sum, Window } from "../../../testing/gateway.ts";
import { eachOf } from "../../../testing/each.ts";
import { integerFrom, pick } from "../../../testing/random.ts";
import type { Processor } from "./weather.ts";

const ASK_AGAIN_MS = 100;
const WINDOWS = 200;

export type Statuses = Map<string, Status | "missing">;

export type Asked = {
  readonly statuses: Statuses;
  /** Ids that the gateway did not know at some moment, whatever it said later. */
  readonly onceMissing: Set<string>;
};

/** Asks for every id until it is settled, or rejected, or `isLeft`, or the time is up. */
export async function untilSettled(
  gateway: GatewayClient,
  ids: readonly string[],
  patienceMs: number,
  isLeft: (id: string, status: Status) => boolean = () => false,
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
    left = left.filter((id) => {
      const status = statuses.get(id) as Status | "missing";
      return status === "missing" || !(isFinal(status) || isLeft(id, status));
    });
    if (performance.now() > untilMs) break;
    if (left.length > 0) await Bun.sleep(ASK_AGAIN_MS);
  }
  return { statuses, onceMissing };
}

function isFinal({ status }: Status): boolean {
  return status === "settled" || status === "rejected";
}

export async function collect(
  gateway: GatewayClient,
  processors: readonly Processor[],
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
  const instants = [...all.values()].flatMap((status) =>
    status === "missing" || status.requestedAtMs === null ? [] : [status.requestedAtMs],
  );
  const books = { processors, recorded, statuses: all };
  const windows = await eachOf(drawWindows(random, instants), (window) =>
    sumsOf(gateway, books, window),
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

type Books = Pick<Collected, "recorded" | "statuses"> & {
  readonly processors: readonly Processor[];
};

async function sumsOf(
  gateway: GatewayClient,
  { processors, ...books }: Books,
  window: Window | null,
): Promise<WindowSums> {
  const theirs = processors.map(async (processor) => {
    const { name, keepsInstants } = processor;
    const sum = keepsInstants ? await processor.summary(window) : recount(name, books, window);
    return [name, sum] as const;
  });
  return {
    window,
    gateway: await patiently(() => gateway.summary(window)),
    processors: Object.fromEntries(await Promise.all(theirs)),
  };
}

/** Sums what a processor has charged, at the instants that the gateway tells: its records have none. */
function recount(
  name: string,
  { recorded, statuses }: Omit<Books, "processors">,
  window: Window | null,
): Sum {
  const { fromMs, toMs } = window ?? { fromMs: -Infinity, toMs: Infinity };
  const rows = (recorded.get(name) ?? []).filter(({ correlationId }) => {
    const status = statuses.get(correlationId);
    const atMs = status === undefined || status === "missing" ? null : status.requestedAtMs;
    return window === null || (atMs !== null && atMs >= fromMs && atMs <= toMs);
  });
  return { count: rows.length, cents: rows.reduce((sum, row) => sum + row.amountCents, 0) };
}

export async function statusesOf(
  gateway: GatewayClient,
  ids: readonly string[],
): Promise<Statuses> {
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
