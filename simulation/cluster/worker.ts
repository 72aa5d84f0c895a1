/**
 * Plays one start of a worker in the simulation of several: the cores of worker/cluster/ with the least around
 * them that charges payments. It joins, renews its lease, takes over from the dead, takes up the open
 * payments of its shards, accepts, sends, and gives shards to those that have fewer. Everything that comes
 * to it comes through `deliver`: while it is paused nothing reaches it, and then all at once.
 */
import { meaningOf } from "../../worker/cluster/fence.ts";
import { Holding } from "../../worker/cluster/holding.ts";
import { BEAT_MS, Renewals } from "../../worker/cluster/lease.ts";
import { spread, surplus, type Owners } from "../../worker/cluster/owners.ts";
import { Share } from "../../worker/cluster/share.ts";
import { shardOf } from "../../shared/shards.ts";
import type { OpenState } from "../../worker/payment.ts";
import { stateAfterStart } from "../../worker/pipeline/recovery.ts";
import type { TransitionResult } from "../../worker/transitions.ts";
import type { Chance } from "../world/chance.ts";
import type { Time } from "../world/time.ts";
import type { Answer, Database } from "./database.ts";
import * as functions from "./functions.ts";
import type { Beat, Item, OpenPaymentRow } from "./functions.ts";
import type { ChargeOutcome, Processor } from "./processor.ts";
import type { MapRow, Tables } from "./tables.ts";

const TICK_MS = 100;
const BATCH_MAX = 16;
const AGAIN_MS = 250;
const RETRY_MS_MAX = 2_000;

export type Verdict = { readonly kind: "stored" | "duplicate" | "conflict" | "busy" | "elsewhere" };
type Told = (verdict: Verdict) => void;

export type WorkerOptions = {
  readonly time: Time;
  readonly chance: Chance;
  readonly database: Database;
  readonly processors: readonly Processor[];
  /** Calls that a processor takes from all workers. */
  readonly hardLimit: number;
  readonly processorTimeoutMs: number;
  /** Its own clock is so far ahead of the simulation's. */
  readonly clockMs: number;
  readonly say: (line: string) => void;
  readonly onSealing: (dead: number, leftMs: number) => void;
  /** Hears of an acceptance that begins. */
  readonly onTake: (worker: ClusterWorker, id: string) => void;
  /** Hears of a call that begins; what it gives hears of its end. */
  readonly onCall: (worker: ClusterWorker, processor: number, id: string) => () => void;
  readonly onEnd: () => void;
  /** Hears of an error that nothing expects. */
  readonly onError: (error: Error) => void;
};

type Open = { readonly id: string; state: OpenState; calls: number; dueAtMs: number };
/** `done` hears what became of it; null: it was not stored. */
type Entry = {
  readonly item: Item;
  readonly done: (result: TransitionResult | null, mapVersion: number) => void;
};

export class ClusterWorker {
  /** Number of this start; null before it has joined. */
  number: number | null = null;
  map: MapRow = { version: 0, owners: [], given: new Set() };
  isPaused = false;
  isDead = false;
  /** Neither the database nor anybody else is reached. */
  isCut = false;
  readonly holding = new Holding();
  readonly #inFlight: number[];
  readonly #options: WorkerOptions;
  readonly #renewals = new Renewals();
  readonly #share: Share;
  readonly #open = new Map<string, Open>();
  readonly #closing = new Map<number, number>();
  readonly #held: (() => void)[] = [];
  #queue: Entry[] = [];
  #stream = 0;
  #batches = 0;
  #isCommitting = false;
  #isLeaving = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#inFlight = options.processors.map(() => 0);
    this.#share = new Share(options.processorTimeoutMs);
    this.#start().catch(options.onError);
  }

  /** Runs what comes to it, once it runs at all. */
  deliver = (run: () => void): void => {
    if (this.isDead) return;
    if (this.isPaused) this.#held.push(run);
    else run();
  };

  resume(): void {
    this.isPaused = false;
    for (const run of this.#held.splice(0)) this.deliver(run);
  }

  /** Ends it; nothing that it has heard or will hear counts. */
  end(why: string): void {
    if (this.isDead) return;
    this.isDead = true;
    this.#options.say(`worker ${this.number} ends: ${why}`);
    this.#options.onEnd();
  }

  /** Ends cleanly: nothing new begins, and when nothing is under way any more, it gives everything back. */
  leave(): void {
    this.#isLeaving = true;
  }

  take(id: string, amountCents: number, told: Told): void {
    const isClosed = this.number === null || this.#isLeaving;
    const admission = isClosed ? "busy" : this.holding.admission(id);
    if (admission !== "take") return told({ kind: admission });
    this.#options.onTake(this, id);
    this.#append({ kind: "accept", id, amountCents }, (result) => {
      if (result === null) return told({ kind: "busy" });
      if (result.kind === "moved") throw new Error("an acceptance moves nothing");
      if (result.kind !== "done") return told(result);
      this.#open.set(id, { id, state: { kind: "queued" }, calls: 0, dueAtMs: 0 });
      told({ kind: "stored" });
      this.#pump();
    });
  }

  async #start(): Promise<void> {
    const worker = await this.#insist((tables, nowMs) => functions.enter(tables, nowMs));
    const joined = await this.#insist((tables, nowMs) => functions.join(tables, nowMs, worker));
    this.number = worker;
    if (joined === null) return this.end("sealed");
    this.#stream = joined.stream;
    this.#learn(joined.map);
    this.#options.say(`worker ${this.number} joins`);
    this.#tick();
    for (;;) {
      await this.#beat();
      await this.#pause(BEAT_MS);
    }
  }

  /** Asks until there is an answer. */
  async #insist<T>(run: (tables: Tables, nowMs: number) => T): Promise<T> {
    for (;;) {
      const answer = await this.#ask(run);
      if (answer.kind === "answered") return answer.value;
      await this.#pause(BEAT_MS);
    }
  }

  async #beat(): Promise<void> {
    const me = this.number!;
    const { version } = this.holding;
    const answer = await this.#ask((tables, nowMs) => functions.beat(tables, nowMs, me));
    if (answer.kind !== "answered") return;
    const { isAlive, nowMs, map, others } = answer.value;
    if (!isAlive) return this.end("sealed");
    if (map.version < version) return this.end("gap");
    this.#renewals.renewed(nowMs, this.#options.time.nowMs);
    this.#learn(map);
    for (const { worker, leftMs } of others) {
      if (this.#renewals.mayTake(leftMs)) await this.#takeOver(worker, answer.value);
    }
    if (map.owners.includes(null)) await this.#takeOver(null, answer.value);
    this.#balance(map.owners, others);
  }

  /** Seals a worker, or hands on what nobody has; not when the map has changed since that renewal. */
  async #takeOver(dead: number | null, { map, others }: Beat): Promise<void> {
    const me = this.number!;
    const living = others.filter(({ worker, leftMs }) => worker !== dead && leftMs > 0);
    const owners = spread(map.owners, dead, [me, ...living.map(({ worker }) => worker)]);
    const { onSealing, say } = this.#options;
    await this.#ask((tables, nowMs) => {
      const until = dead === null ? undefined : tables.workers.get(dead)?.aliveUntilMs;
      const isTaken = functions.takeOver(tables, nowMs, me, dead, map.version, owners);
      if (!isTaken || dead === null) return isTaken;
      say(`worker ${me} seals worker ${dead}`);
      onSealing(dead, (until ?? nowMs) - nowMs);
      return isTaken;
    });
  }

  #learn(map: MapRow): void {
    const before: Owners = this.map.owners;
    const { nowMs } = this.#options.time;
    this.map = map;
    const gained = this.holding.learn(map, this.number!);
    const abandoned = gained.filter(
      (shard) => (before[shard] ?? null) !== null && !map.given.has(shard),
    );
    this.#share.has(nowMs, this.holding.count, abandoned.length);
    if (gained.length > 0) this.#load(gained).catch(this.#options.onError);
  }

  /** Takes up the open payments of shards that are new here. What was assigned is unknown from now on. */
  async #load(shards: readonly number[]): Promise<void> {
    for (;;) {
      const me = this.number!;
      const wanted = shards.filter((shard) => this.holding.isLoading(shard));
      const answer = await this.#ask((tables) => functions.openIn(tables, me, wanted), true);
      if (answer.kind === "answered" && answer.value !== null) {
        for (const row of answer.value) this.#takeUp(row);
        this.holding.loaded(wanted);
        return;
      }
      await this.#pause(AGAIN_MS);
    }
  }

  #takeUp(row: OpenPaymentRow): void {
    const { id, amountCents, processor, requestedAtMs } = row;
    const assignment =
      processor === null || requestedAtMs === null ? null : { processor, requestedAtMs };
    const rest = { seq: 0, correlationId: id, acceptedAtMs: 0, isClaimed: false, amountCents };
    const state = stateAfterStart({ ...rest, state: row.state, assignment });
    if (state === null) throw new Error(`nobody has parked ${id}`);
    this.#open.set(id, { id, state, calls: 0, dueAtMs: 0 });
  }

  /** Begins to give away what is too much. */
  #balance(owners: Owners, others: Beat["others"]): void {
    if (this.#closing.size > 0 || !this.#share.isWhole(this.#options.time.nowMs)) return;
    const living = others.filter(({ leftMs }) => leftMs > 0).map(({ worker }) => worker);
    for (const { shard, to } of surplus(owners, this.number!, [this.number!, ...living])) {
      if (this.holding.close(shard)) this.#closing.set(shard, to);
    }
  }

  /** Calls that it may have under way at a processor. */
  get #limit(): number {
    const { time, hardLimit } = this.#options;
    return this.#share.of(time.nowMs, hardLimit, this.#closing.size);
  }

  /** Gives shards of which nothing is under way any more, one at a time. */
  #giveQuiet(): void {
    if (this.#closing.size === 0 || this.#isCommitting) return;
    if (this.#inFlight.some((count) => count > this.#limit)) return;
    const busy = new Set<number>();
    for (const one of this.#open.values()) if (one.calls > 0) busy.add(shardOfOne(one));
    for (const { item } of this.#queue) if ("id" in item) busy.add(shardOf(item.id));
    for (const [shard, to] of this.#closing) {
      if (busy.has(shard) || this.#isCommitting) continue;
      this.#append({ kind: "give", shard, to }, (result, mapVersion) => {
        this.#closing.delete(shard);
        // The other one has ended meanwhile, or nothing was stored.
        if (result?.kind !== "done") return this.holding.reopen(shard);
        this.holding.gave(shard, mapVersion);
        for (const one of this.#open.values()) {
          if (shardOfOne(one) === shard) this.#open.delete(one.id);
        }
        this.#share.has(this.#options.time.nowMs, this.holding.count, 0);
      });
    }
  }

  #tick(): void {
    if (!this.#isLeaving) {
      this.#giveQuiet();
      this.#pump();
    } else if (this.#isQuiet()) {
      this.#giveBack().catch(this.#options.onError);
      return;
    }
    this.#later(TICK_MS, () => this.#tick());
  }

  #isQuiet(): boolean {
    const isCalling = [...this.#open.values()].some(({ calls }) => calls > 0);
    return !isCalling && this.#queue.length === 0 && !this.#isCommitting;
  }

  /** When nobody hears of it, the lease runs out. */
  async #giveBack(): Promise<void> {
    const me = this.number!;
    await this.#ask((tables, nowMs) => functions.leave(tables, nowMs, me));
    this.end("has left");
  }

  /** Sends what may be sent and has a place at a processor. */
  #pump(): void {
    const { time, chance } = this.#options;
    for (const one of this.#open.values()) {
      if (one.calls > 0 || one.dueAtMs > time.nowMs || !this.holding.maySend(one.id)) continue;
      const limit = this.#limit;
      if (one.state.kind === "unknown") {
        const { processor } = one.state.assignment;
        if (this.#inFlight[processor]! < limit) this.#call(one, processor);
      } else if (one.state.kind === "queued") {
        const free = this.#inFlight.flatMap((count, i) => (count < limit ? [i] : []));
        if (free.length > 0) this.#assign(one, chance.pick(free));
      }
    }
  }

  #assign(one: Open, processor: number): void {
    const { time, clockMs } = this.#options;
    const assignment = { processor, requestedAtMs: time.wallMs() + clockMs };
    one.state = { kind: "assigned", assignment };
    one.calls++;
    this.#inFlight[processor]!++;
    this.#append({ kind: "assign", id: one.id, ...assignment }, (result) => {
      one.calls--;
      this.#inFlight[processor]!--;
      if (result?.kind === "done") return this.#call(one, processor);
      this.end("the journal and memory do not agree");
    });
  }

  #call(one: Open, processor: number): void {
    const { processors, processorTimeoutMs, onCall } = this.#options;
    one.calls++;
    this.#inFlight[processor]!++;
    const ended = onCall(this, processor, one.id);
    processors[processor]!.charge(one.id, processorTimeoutMs, (outcome) => {
      ended();
      this.deliver(() => {
        this.#inFlight[processor]!--;
        this.#called(one, processor, outcome);
      });
    });
  }

  /** Moves it in memory; it is written behind, and a payment is free again when it is written. */
  #called(one: Open, processor: number, outcome: ChargeOutcome): void {
    const { time, chance } = this.#options;
    const { id } = one;
    const after = (result: TransitionResult | null) => {
      one.calls--;
      if (result?.kind !== "done") this.end("the journal and memory do not agree");
    };
    one.dueAtMs = time.nowMs + chance.next() * RETRY_MS_MAX;
    if (outcome === "accepted" || outcome === "exists") {
      this.#open.delete(id);
      this.#append({ kind: "settle", id, processor }, after);
    } else if (outcome === "refused" && one.state.kind === "assigned") {
      one.state = { kind: "queued" };
      this.#append({ kind: "release", id, processor }, after);
    } else {
      if (one.state.kind === "assigned") one.state = { ...one.state, kind: "unknown" };
      this.#append({ kind: "unknown", id, processor }, after);
    }
  }

  #append(item: Item, done: Entry["done"]): void {
    this.#queue.push({ item, done });
    this.#commit().catch(this.#options.onError);
  }

  /** Commits batch after batch; one of which nobody knows whether it was stored is asked for again. */
  async #commit(): Promise<void> {
    if (this.#isCommitting) return;
    this.#isCommitting = true;
    while (this.#queue.length > 0) {
      const entries = this.#nextBatch();
      const items = entries.map(({ item }) => item);
      const [me, stream, batch] = [this.number!, this.#stream, this.#batches + 1];
      let isDoubted = false;
      for (;;) {
        const { version } = this.holding;
        const answer = await this.#ask((tables, nowMs) =>
          functions.commit(tables, nowMs, stream, me, batch, items, version),
        );
        if (answer.kind === "answered") {
          const meaning = meaningOf(answer.value.found);
          if (meaning !== "durable") return this.end(meaning);
          this.#batches = batch;
          const { results, mapVersion } = answer.value;
          for (const [i, { done }] of entries.entries()) done(results[i] ?? null, mapVersion);
          break;
        }
        isDoubted ||= answer.kind === "unknown";
        const isForgotten = !isDoubted && this.#forget(entries);
        await this.#pause(AGAIN_MS);
        if (isForgotten) break;
      }
    }
    this.#isCommitting = false;
  }

  /** Acceptances that were surely not stored are turned away; what has happened is tried again. */
  #forget(entries: readonly Entry[]): boolean {
    const isNew = ({ item }: Entry) => item.kind === "accept" || item.kind === "give";
    this.#queue.unshift(...entries.filter((entry) => !isNew(entry)));
    for (const entry of entries) if (isNew(entry)) entry.done(null, 0);
    return true;
  }

  /** A payment stands once in a batch. */
  #nextBatch(): Entry[] {
    const ids = new Set<string>();
    let count = 0;
    for (const { item } of this.#queue) {
      const key = "id" in item ? item.id : `shard ${item.shard}`;
      if (count === BATCH_MAX || ids.has(key)) break;
      ids.add(key);
      count++;
    }
    return this.#queue.splice(0, count);
  }

  #ask<T>(run: (tables: Tables, nowMs: number) => T, isReading = false): Promise<Answer<T>> {
    const { database } = this.#options;
    return database.call(this.deliver, () => !this.isCut, run, isReading);
  }

  #later(delayMs: number, run: () => void): void {
    this.#options.time.after(delayMs, () => this.deliver(run));
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#later(delayMs, resolve));
  }
}

function shardOfOne({ id }: Open): number {
  return shardOf(id);
}
