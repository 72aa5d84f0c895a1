/**
 * The shards of this worker, where several share a journal: whose payments it takes in and sends.
 *
 *   gained    its open payments are read from the journal and taken up as at a start, and only then is
 *             anything accepted or sent for it
 *   surplus   nothing new begins for it; once nothing of it is under way, and the calls under way are no more
 *             than those that this worker may have without it, it is given to another worker, and its
 *             payments are forgotten here
 *
 * What is under way may be a call, a transition on its way to the database, or a decision of an operator:
 * each of them would end with a batch about a shard that is another's, and with this worker.
 */
import { shardOf, SHARDS } from "../../shared/shards.ts";
import type { ClusterMap } from "../../shared/http-api/cluster.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Holding } from "../cluster/holding.ts";
import { Share } from "../cluster/share.ts";
import type { SharedDecisions, SharedJournal, SharedNews } from "../journal.ts";
import type { Lane } from "../lane.ts";
import type { OpenPayment } from "../payment.ts";
import type { OpenPayments } from "./open-payments.ts";

/** Bounds what one turn takes up of all that a worker has left behind. */
const LOADED_AT_ONCE = 16;

export type ShardsOptions = {
  readonly clock: Clock;
  readonly shared: SharedJournal;
  readonly lanes: readonly Lane[];
  readonly payments: OpenPayments;
  readonly inFlightMax: number;
  readonly processorTimeoutMs: number;
  /** Reads and takes up the open payments of these shards, which are loaded when it resolves. */
  readonly load: (shards: readonly number[]) => Promise<void>;
  /** From now on nothing is sent for these. */
  readonly withdraw: (payments: readonly OpenPayment[]) => void;
  /** It goes its usual way again. */
  readonly goOn: (payment: OpenPayment) => void;
  /** Takes over what operators have decided, here or at another worker. */
  readonly follow: (decisions: SharedDecisions) => void;
  /** Hears of each map. */
  readonly onMap: (map: ClusterMap, leads: boolean) => void;
  /** True while an operator's decision is under way. */
  readonly isDeciding: () => boolean;
  /** True while nothing may be given away, whatever is decided. */
  readonly keepsAll: () => boolean;
};

/** A shard that is to be given away. */
type Closing = {
  /** The worker that gets it. */
  readonly to: number;
  /** Payments of it that were open when nothing new began for it any more. */
  readonly payments: readonly OpenPayment[];
};

export class Shards {
  readonly holding: Holding;
  readonly #options: ShardsOptions;
  readonly #share: Share;
  readonly #closing = new Map<number, Closing>();
  /** Their payments of which something is under way: others need not be looked at in each tick. */
  #moving: readonly OpenPayment[] = [];
  /** Resolves when all that was gained is loaded; no two readings may find the same payment. */
  #loaded: Promise<void> = Promise.resolve();
  #isGiving = false;
  #isDecided = false;

  constructor(options: ShardsOptions) {
    this.#options = options;
    this.holding = options.shared.holding;
    this.#share = new Share(options.processorTimeoutMs);
  }

  /** Takes up what this worker has at its start, and from then on what it gains. */
  async begin(): Promise<void> {
    const { clock, shared } = this.#options;
    // Where there are others, calls of whoever had them before may still run.
    const { count } = this.holding;
    this.#share.has(clock.steadyMs(), count, count < SHARDS ? count : 0);
    this.#shareOut();
    // News tell of all that is gained from here on.
    const first = this.holding.loading;
    shared.onNews = (news) => this.#learn(news);
    await this.#load(first);
  }

  /** True for the one worker that asks processors for their health. */
  get leads(): boolean {
    return this.#options.shared.leads;
  }

  /** Says why nothing begins for a payment here, and where it may; null: here. */
  whyNotHere(correlationId: string): string | null {
    if (this.holding.maySend(correlationId)) return null;
    const owner = this.#options.shared.ownerOf(shardOf(correlationId));
    return owner === null
      ? "This payment is on its way to another worker, or from one: ask again in a moment."
      : `Worker ${owner.name} has this payment: ask there, at ${owner.http}.`;
  }

  /** An operator has decided something here. */
  decided(): void {
    this.#isDecided = true;
  }

  /** Infinite while nothing is to be given away. */
  get nextTickAtMs(): number {
    return this.#closing.size > 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  /** Gives shards of which nothing is under way any more. */
  tick(): void {
    if (this.#closing.size === 0 || this.#isGiving || this.#isKept()) return;
    if (this.#options.lanes.some(({ inFlight, inFlightShare }) => inFlight > inFlightShare)) return;
    const busy = this.#busy();
    const quiet = [...this.#closing].filter(
      ([shard, { payments }]) => !busy.has(shard) && !payments.some(isMoving),
    );
    const to = quiet[0]?.[1].to;
    if (to === undefined) return;
    void this.#give(
      quiet.flatMap(([shard, closing]) => (closing.to === to ? [shard] : [])),
      to,
    );
  }

  #learn({ gained, abandoned, gifts, health, ...decisions }: SharedNews): void {
    const { clock, shared, onMap, lanes } = this.#options;
    onMap(shared.map, shared.leads);
    this.#follow(decisions);
    // A worker that asks no more would go on saying what it found last.
    if (!shared.leads) for (const lane of lanes) lane.unreachable = null;
    for (const { processor, ...reading } of health) {
      lanes.find(({ number }) => number === processor)?.recordHealth(clock.steadyMs(), reading);
    }
    this.#share.has(clock.steadyMs(), this.holding.count, abandoned);
    this.#shareOut();
    if (gained.length > 0) void this.#load(gained);
    if (this.#closing.size > 0 || this.#isKept() || !this.#share.isWhole(clock.steadyMs())) return;
    this.#close(gifts);
  }

  /** Loads them some at a time, each as soon as it can be. */
  #load(shards: readonly number[]): Promise<void> {
    return (this.#loaded = this.#loaded.then(async () => {
      for (let from = 0; from < shards.length; from += LOADED_AT_ONCE) {
        await this.#options.load(shards.slice(from, from + LOADED_AT_ONCE));
      }
    }));
  }

  /** Begins to give shards away, with one look at all that is open. */
  #close(gifts: SharedNews["gifts"]): void {
    const { payments, withdraw } = this.#options;
    const open = new Map<number, OpenPayment[]>();
    for (const { shard, to } of gifts) {
      if (!this.holding.close(shard)) continue;
      const theirs: OpenPayment[] = [];
      open.set(shard, theirs);
      this.#closing.set(shard, { to, payments: theirs });
    }
    if (open.size === 0) return;
    this.#shareOut();
    for (const one of payments.all()) open.get(shardOf(one.payment.correlationId))?.push(one);
    const all = [...open.values()].flat();
    this.#moving = all.filter(isMoving);
    withdraw(all);
  }

  /** A renewal that was asked for before a decision brings what was before it: the next one was asked after. */
  #follow(decisions: SharedDecisions): void {
    const isStale = this.#isDecided || this.#options.isDeciding();
    this.#isDecided = false;
    if (!isStale) this.#options.follow(decisions);
  }

  #isKept(): boolean {
    return this.#options.isDeciding() || this.#options.keepsAll();
  }

  #shareOut(): void {
    const { clock, lanes, inFlightMax } = this.#options;
    const share = this.#share.of(clock.steadyMs(), inFlightMax, this.#closing.size);
    for (const lane of lanes) lane.inFlightShare = share;
  }

  /** Shards of which something is under way. */
  #busy(): Set<number> {
    const shards = this.#options.shared.shardsUnderWay();
    this.#moving = this.#moving.filter(isMoving);
    for (const { payment } of this.#moving) shards.add(shardOf(payment.correlationId));
    return shards;
  }

  async #give(shards: readonly number[], to: number): Promise<void> {
    const { clock, shared, payments, goOn } = this.#options;
    this.#isGiving = true;
    // Nobody but this worker parks any of them, and it does not now.
    const parked = await shared.parkedIn(shards);
    const version = await shared.give(shards, to);
    const open = shards.flatMap((shard) => this.#closing.get(shard)?.payments ?? []);
    const theirs = open.filter(({ isOpen }) => isOpen);
    for (const shard of shards) {
      this.#closing.delete(shard);
      if (version === null) this.holding.reopen(shard);
      else this.holding.gave(shard, version);
    }
    this.#isGiving = false;
    this.#share.has(clock.steadyMs(), this.holding.count, 0);
    this.#shareOut();
    if (version === null) return theirs.forEach(goOn);
    for (const payment of theirs) payments.forget(payment);
    for (const [state, count] of parked) payments.countParked(state, -count);
  }
}

function isMoving({ isOpen, calls, state }: OpenPayment): boolean {
  return isOpen && (calls > 0 || state.kind === "accepting" || state.kind === "assigned");
}
