/**
 * The functions of the simulated database, each one transaction: what worker/journal/postgres/functions.ts
 * says in SQL, over rows in memory, and for several workers. The rules are the gateway's own: the fence,
 * the moves of a payment, who gets a shard.
 */
import { fence, type Found } from "../../worker/cluster/fence.ts";
import { LEASE_MS } from "../../worker/cluster/lease.ts";
import { isAnothers, nextNumber, spread, type Owners } from "../../worker/cluster/owners.ts";
import { shardOf } from "../../shared/shards.ts";
import { STORED_AS, TRANSITIONS, type MoveKind, type OpenKind } from "../../worker/payment.ts";
import type { PaymentState, TransitionResult } from "../../worker/transitions.ts";
import type { MapRow, PaymentRow, Tables } from "./tables.ts";

/** Part of a batch. A payment is named by its id, and stands once in a batch. */
export type Item =
  | { readonly kind: "accept"; readonly id: string; readonly amountCents: number }
  | {
      readonly kind: "assign";
      readonly id: string;
      readonly processor: number;
      readonly requestedAtMs: number;
    }
  | {
      readonly kind: "release" | "unknown" | "settle";
      readonly id: string;
      readonly processor: number;
    }
  | { readonly kind: "give"; readonly shard: number; readonly to: number };

export type Committed = {
  readonly found: Found;
  readonly results: readonly TransitionResult[];
  readonly mapVersion: number;
};
export type Joined = { readonly stream: number; readonly map: MapRow };
export type Beat = {
  readonly isAlive: boolean;
  readonly nowMs: number;
  readonly map: MapRow;
  /** Other workers that have a stream, with what is left of their leases. */
  readonly others: readonly { readonly worker: number; readonly leftMs: number }[];
};
export type OpenPaymentRow = PaymentRow & { readonly id: string };

const DONE: TransitionResult = { kind: "done" };

/** Gives a start its number. */
export function enter(tables: Tables, nowMs: number): number {
  const worker = nextNumber(tables.workerNumber.get("highest")!, nowMs);
  tables.workerNumber.set("highest", worker);
  tables.workers.set(worker, { aliveUntilMs: nowMs + LEASE_MS, isSealed: false });
  return worker;
}

/** Gives it a stream that nobody has, and the shards that nobody has; asked again, the same. Null: it is sealed. */
export function join(tables: Tables, nowMs: number, me: number): Joined | null {
  if (tables.workers.get(me)?.isSealed !== false) return null;
  const streams = [...tables.streams.rows];
  let [stream] = streams.find(([, row]) => row.worker === me) ?? [];
  if (stream === undefined) {
    [stream] = streams.find(([, row]) => row.worker === null)!;
    tables.streams.set(stream, {
      ...tables.streams.get(stream)!,
      worker: me,
      batch: 0,
      answer: [],
    });
    own(tables, nowMs, spread(mapIn(tables).owners, null, [me]));
  }
  return { stream, map: mapIn(tables) };
}

export function beat(tables: Tables, nowMs: number, me: number): Beat {
  const row = tables.workers.get(me);
  const isAlive = row !== undefined && !row.isSealed;
  if (isAlive) tables.workers.set(me, { ...row, aliveUntilMs: nowMs + LEASE_MS });
  const others = [...tables.workers.rows].flatMap(([worker, { aliveUntilMs }]) =>
    worker === me || !hasStream(tables, worker) ? [] : [{ worker, leftMs: aliveUntilMs - nowMs }],
  );
  return { isAlive, nowMs, map: mapIn(tables), others };
}

/**
 * Seals a worker whose lease is over, and hands its shards on; with nobody dead, what nobody has. `owners` is
 * the whole map, made of the one with this version. Tells whether it was done by this.
 */
export function takeOver(
  tables: Tables,
  nowMs: number,
  me: number,
  dead: number | null,
  version: number,
  owners: Owners,
): boolean {
  const before = mapIn(tables);
  const theirs = dead === null ? undefined : tables.workers.get(dead);
  if (tables.workers.get(me)?.isSealed !== false || before.version !== version) return false;
  if (dead !== null && theirs?.isSealed !== false) return false;
  if (theirs !== undefined && theirs.aliveUntilMs >= nowMs) return false;
  const isWrong = before.owners.some((owner, shard) => {
    const to = owners[shard] ?? null;
    if (owner === to) return false;
    const isFree = owner === null || owner === dead;
    return !isFree || (to !== null && (to === dead || !hasStream(tables, to)));
  });
  if (isWrong) return false;
  if (dead !== null) seal(tables, dead);
  own(tables, nowMs, owners);
  return true;
}

/** Gives everything back at a clean end. */
export function leave(tables: Tables, nowMs: number, me: number): void {
  seal(tables, me);
  const { owners } = mapIn(tables);
  own(
    tables,
    nowMs,
    owners.map((owner) => (owner === me ? null : owner)),
  );
}

/** Gives the open payments of some shards; null: one of them is not this worker's. */
export function openIn(
  tables: Tables,
  me: number,
  shards: readonly number[],
): OpenPaymentRow[] | null {
  const { owners } = mapIn(tables);
  if (shards.some((shard) => owners[shard] !== me)) return null;
  const wanted = new Set(shards);
  const open: OpenPaymentRow[] = [];
  for (const [id, row] of tables.payments.rows) {
    if (row.state !== "settled" && wanted.has(row.shard)) open.push({ id, ...row });
  }
  return open;
}

export function commit(
  tables: Tables,
  nowMs: number,
  stream: number,
  worker: number,
  batch: number,
  items: readonly Item[],
  knownVersion: number,
): Committed {
  const row = tables.streams.get(stream)!;
  const map = mapIn(tables);
  const shards = items.flatMap((item) => ("id" in item ? [shardOf(item.id)] : []));
  let found = fence(row, worker, batch);
  if (found === "done" && isAnothers(map, worker, knownVersion, shards)) found = "gap";
  if (found !== "done") return { found, results: row.answer, mapVersion: map.version };
  let { rows } = row;
  const results = items.map((item): TransitionResult => {
    if (item.kind === "accept") return accept(tables, item);
    if (item.kind === "give") return give(tables, nowMs, worker, item);
    const result = move(tables, item);
    if (item.kind === "settle" && result.kind === "done") {
      const { amountCents } = tables.payments.get(item.id)!;
      const { id, processor } = item;
      tables.ledger.set(`${stream} ${rows++}`, { id, processor, amountCents });
    }
    return result;
  });
  tables.streams.set(stream, { worker, batch, rows, answer: results });
  return { found, results, mapVersion: mapIn(tables).version };
}

type Of<Kind extends Item["kind"]> = Extract<Item, { readonly kind: Kind }>;

function accept(tables: Tables, { id, amountCents }: Of<"accept">): TransitionResult {
  const known = tables.payments.get(id);
  if (known !== undefined) {
    return { kind: known.amountCents === amountCents ? "duplicate" : "conflict" };
  }
  const ofNobody = { processor: null, requestedAtMs: null };
  const shard = shardOf(id);
  tables.payments.set(id, { amountCents, shard, state: "accepted", ...ofNobody });
  return DONE;
}

function give(tables: Tables, nowMs: number, me: number, item: Of<"give">): TransitionResult {
  const isMine = mapIn(tables).owners[item.shard] === me;
  if (!hasStream(tables, item.to) || !isMine) return { kind: "moved", state: null };
  const change = (owner: number | null, shard: number) => (shard === item.shard ? item.to : owner);
  own(tables, nowMs, mapIn(tables).owners.map(change), true);
  return DONE;
}

function move(tables: Tables, item: Of<"assign" | "release" | "unknown" | "settle">) {
  const row = tables.payments.get(item.id);
  const isOwners = !TRANSITIONS[item.kind].owned || row?.processor === item.processor;
  const state = row === undefined ? undefined : stateAfter(item.kind, row.state);
  if (row === undefined || state === undefined || !isOwners) {
    return { kind: "moved", state: row?.state ?? null } as const;
  }
  const { processor, requestedAtMs } =
    item.kind === "assign"
      ? item
      : item.kind === "release"
        ? { processor: null, requestedAtMs: null }
        : row;
  tables.payments.set(item.id, { ...row, state, processor, requestedAtMs });
  return DONE;
}

/** The state that a move leads to from one that stands in the journal; undefined when it may not start there. */
function stateAfter(kind: MoveKind, from: PaymentState): PaymentState | undefined {
  for (const [state, to] of Object.entries(TRANSITIONS[kind].moves)) {
    if (!STORED_AS[state as OpenKind].includes(from)) continue;
    const target = typeof to === "string" ? to : to[1];
    return target === "queued" ? "accepted" : target;
  }
  return undefined;
}

function hasStream(tables: Tables, worker: number): boolean {
  for (const row of tables.streams.rows.values()) if (row.worker === worker) return true;
  return false;
}

function seal(tables: Tables, worker: number): void {
  tables.workers.set(worker, { ...tables.workers.get(worker)!, isSealed: true });
  for (const [stream, row] of tables.streams.rows) {
    if (row.worker === worker) tables.streams.set(stream, { ...row, worker: null });
  }
}

function mapIn(tables: Tables): MapRow {
  return tables.map.get("map")!;
}

function own(tables: Tables, nowMs: number, owners: Owners, isGift = false): void {
  const before = mapIn(tables);
  const changed = owners.flatMap((owner, shard) => (owner === before.owners[shard] ? [] : [shard]));
  if (changed.length === 0) return;
  const kept = before.given.difference(new Set(changed));
  const given = isGift ? kept.union(new Set(changed)) : kept;
  tables.map.set("map", { version: nextNumber(before.version, nowMs), owners, given });
}
