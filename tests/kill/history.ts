/**
 * Writes down what shops were told while things were killed, each call with the instants of its beginning and of its
 * answer, and asks whether some order of things explains it all. An audit after the trouble sees the end alone; a read
 * that was stale, a payment that was gone for a moment and a summary that forgot one are over by then.
 *
 * Each payment by itself is a register, which Porcupine judges (linearizable.ts). Summaries go over all of them, and
 * are held between bounds: at least what was said to be settled before they were asked, or is dated so, at most
 * what was posted before they were answered, and never less than before while the same worker lives.
 */
import type { GatewayClient, Status, Sum, Window } from "../../testing/gateway.ts";
import { integerFrom, pick } from "../../testing/random.ts";
import type { Violation } from "../system/audit.ts";
import type { Statuses } from "../system/storm/collect.ts";
import { unexplained, WHY_NO_GO, type Operation } from "./linearizable.ts";
import type { HurtStack } from "./stack.ts";

export type Summed = {
  readonly calledAtMs: number;
  readonly returnedAtMs: number;
  /** Wall clock. */
  readonly askedAtMs: number;
  readonly window: Window | null;
  readonly sums: Readonly<Record<string, Sum>>;
  /** Names the worker that lived all the time between both; null when there was none. */
  readonly worker: number | null;
};

const READERS = 3;
const PAUSE_MS_MAX = 60;
const SUMMARY_SHARE = 0.3;
/** Readers look at one of so many that were posted last, before and behind its end. */
const RECENT = 200;
const READS_MAX = 3;
/** Windows begin and end so long ago at most. */
const AGO_MS_MAX = 20_000;
/** A settlement is dated before it is counted: the worker may be stopped in between. */
const COUNTED_WITHIN_MS = 1_000;
const NOTHING: Sum = { count: 0, cents: 0 };

export class History {
  /** Operations and summaries that were judged, those of a journal's earlier legs once. */
  counted = { operations: 0, summaries: 0 };
  #operations: Operation[] = [];
  #summed: Summed[] = [];
  #recent: string[] = [];

  /** Another journal begins. */
  beginAfresh(): void {
    this.#operations = [];
    this.#summed = [];
    this.#recent = [];
  }

  /** Posts as its gateway does, and writes down what came of it. */
  async pay(gateway: GatewayClient, id: string, amountCents: number): Promise<number | null> {
    if (this.#recent.push(id) > RECENT) this.#recent.shift();
    const calledAtMs = performance.now();
    const status = await gateway.pay(id, amountCents);
    const outcome = status === 202 ? "accepted" : status === 409 ? "conflict" : "none";
    // A refusal may be an API's alone: what it has sent may come to the worker later.
    const returnedAtMs = outcome === "none" ? null : performance.now();
    this.#operations.push({ kind: "post", id, amountCents, outcome, calledAtMs, returnedAtMs });
    this.counted.operations++;
    return status;
  }

  /** Reads payments and summaries by all APIs until it is over. */
  async watch(stack: HurtStack, random: () => number, over: AbortSignal): Promise<void> {
    const reader = async () => {
      while (!over.aborted) {
        await Bun.sleep(integerFrom(random, 1, PAUSE_MS_MAX));
        if (random() < SUMMARY_SHARE)
          await this.#sum(stack, drawWindow(random, Date.now()), random);
        else if (this.#recent.length > 0) {
          const id = pick(random, this.#recent);
          const reads = integerFrom(random, 1, READS_MAX);
          for (let i = 0; i < reads; i++) await this.#read(pick(random, stack.gateways), id);
        }
      }
    };
    await Promise.all(Array.from({ length: READERS }, reader));
  }

  async #read(gateway: GatewayClient, id: string): Promise<void> {
    const calledAtMs = performance.now();
    const seen = await gateway.statusOf(id).catch(() => null);
    // No answer says nothing: a process is down.
    if (seen === null) return;
    this.#operations.push({ kind: "read", id, seen, calledAtMs, returnedAtMs: performance.now() });
    this.counted.operations++;
  }

  async #sum(
    { gateways, worker }: HurtStack,
    window: Window | null,
    random: () => number,
  ): Promise<void> {
    const [calledAtMs, askedAtMs] = [performance.now(), Date.now()];
    const before = worker.pid;
    const sums = await pick(random, gateways)
      .summary(window)
      .catch(() => null);
    if (sums === null) return;
    const living = before === worker.pid ? before : null;
    const returnedAtMs = performance.now();
    this.#summed.push({ window, sums, worker: living, calledAtMs, askedAtMs, returnedAtMs });
    this.counted.summaries++;
  }

  /** Judges what was told about the journal in use; `finals` is what became of each payment. */
  async audit(finals: Statuses, isOperated: boolean): Promise<Violation[]> {
    const operations = this.#operations;
    const atMs = performance.now();
    const last = [...finals].map(([id, seen]): Operation => ({
      kind: "read",
      id,
      seen,
      calledAtMs: atMs,
      returnedAtMs: atMs,
    }));
    const all = [...operations, ...last];
    const refused = WHY_NO_GO === null ? await unexplained(all, isOperated) : [];
    return [
      ...refused.map(({ id, text }) => violation(id, text)),
      ...auditSums(this.#summed, operations, finals),
    ];
  }
}

/** Finds summaries outside their bounds, and those that shrank. */
export function auditSums(
  summed: readonly Summed[],
  operations: readonly Operation[],
  finals: ReadonlyMap<string, Status | "missing">,
): Violation[] {
  const known = settledReads(operations);
  const firstPosts = new Map<string, number>();
  for (const { kind, id, calledAtMs } of operations) {
    if (kind === "post") firstPosts.set(id, Math.min(calledAtMs, firstPosts.get(id) ?? calledAtMs));
  }
  const settled = [...finals].flatMap(([id, status]) => {
    if (!isSettled(status)) return [];
    const postedAtMs = firstPosts.get(id) ?? -Infinity;
    return [{ status, postedAtMs, knownAtMs: known.get(id) ?? Infinity }];
  });
  return [
    ...summed.flatMap((one) => {
      const datedBeforeMs = one.askedAtMs - COUNTED_WITHIN_MS;
      const least = settled.filter(
        ({ knownAtMs, status }) => knownAtMs < one.calledAtMs || status.settledAtMs < datedBeforeMs,
      );
      const most = settled.filter(({ postedAtMs }) => postedAtMs < one.returnedAtMs);
      return outOfBounds(one, statusesOf(least), statusesOf(most));
    }),
    ...shrunk(summed),
  ];
}

type Settled = Status & {
  readonly processor: string;
  readonly requestedAtMs: number;
  readonly settledAtMs: number;
};

function statusesOf(of: readonly { readonly status: Settled }[]): Settled[] {
  return of.map(({ status }) => status);
}

function isSettled(status: Status | "missing"): status is Settled {
  return status !== "missing" && status.status === "settled";
}

/** Instants of the first answers that said of a payment that it is settled. */
function settledReads(operations: readonly Operation[]): Map<string, number> {
  const first = new Map<string, number>();
  for (const operation of operations) {
    if (operation.kind !== "read" || !isSettled(operation.seen)) continue;
    const { id, returnedAtMs } = operation;
    first.set(id, Math.min(returnedAtMs, first.get(id) ?? Infinity));
  }
  return first;
}

function outOfBounds(
  { window, sums }: Summed,
  least: readonly Settled[],
  most: readonly Settled[],
): Violation[] {
  const names = new Set([...Object.keys(sums), ...least.map(({ processor }) => processor)]);
  return [...names].flatMap((name) => {
    const said = sums[name] ?? NOTHING;
    const [low, high] = [sumOf(least, name, window), sumOf(most, name, window)];
    const isLess = said.count < low.count || said.cents < low.cents;
    const isMore = said.count > high.count || said.cents > high.cents;
    if (!isLess && !isMore) return [];
    const text = `${name}: it said ${textOf(said)}, and between ${textOf(low)} and ${textOf(high)} were settled`;
    return [violation(nameOf(window), text)];
  });
}

function sumOf(of: readonly Settled[], name: string, window: Window | null): Sum {
  const { fromMs, toMs } = window ?? { fromMs: -Infinity, toMs: Infinity };
  let [count, cents] = [0, 0];
  for (const { processor, requestedAtMs, amountCents } of of) {
    if (processor !== name || requestedAtMs < fromMs || requestedAtMs > toMs) continue;
    count++;
    cents += amountCents;
  }
  return { count, cents };
}

/** A settlement that was not durable may be forgotten with its worker, until its processor is asked again. */
function shrunk(summed: readonly Summed[]): Violation[] {
  return summed.flatMap((earlier) =>
    summed.flatMap((later) => {
      const isComparable =
        earlier.worker !== null &&
        earlier.worker === later.worker &&
        earlier.returnedAtMs < later.calledAtMs &&
        contains(later.window, earlier.window);
      if (!isComparable) return [];
      return Object.entries(earlier.sums).flatMap(([name, sum]) => {
        const after = later.sums[name] ?? NOTHING;
        if (after.count >= sum.count && after.cents >= sum.cents) return [];
        const text = `${name}: it said ${textOf(sum)}, and ${textOf(after)} afterwards`;
        return [violation(nameOf(later.window), text)];
      });
    }),
  );
}

function contains(outer: Window | null, inner: Window | null): boolean {
  if (outer === null) return true;
  return inner !== null && outer.fromMs <= inner.fromMs && inner.toMs <= outer.toMs;
}

function drawWindow(random: () => number, nowMs: number): Window | null {
  if (random() < 0.3) return null;
  const [a, b] = [integerFrom(random, 0, AGO_MS_MAX), integerFrom(random, 0, AGO_MS_MAX)];
  return { fromMs: nowMs - Math.max(a, b), toMs: nowMs - Math.min(a, b) };
}

function nameOf(window: Window | null): string {
  return window === null ? "everything" : `${window.fromMs} to ${window.toMs}`;
}

function textOf({ count, cents }: Sum): string {
  return `${count} payments of ${cents} cents`;
}

function violation(id: string, text: string): Violation {
  return { kind: "unexplained", id, text };
}
