/**
 * The journal as one that another worker shares: which of the two has which shard, and what each hears of the
 * other. Judges meanwhile:
 *
 *   R32  a call is about a payment of a shard that is the worker's, or ends what was under way; what is given has
 *        nothing under way; calls that may be in flight are in proportion to the shards that count
 */
import { Holding } from "../../worker/cluster/holding.ts";
import type { Peer } from "../../worker/cluster/lead.ts";
import type { SharedNews, SharedReading } from "../../worker/journal.ts";
import { BREAKER_DEFAULTS } from "../../worker/router/breaker.ts";
import type { Exchange } from "../../worker/processor.ts";
import {
  PAYMENT_STATES,
  type PaymentState,
  type ProcessorMode,
  type Transition,
} from "../../worker/transitions.ts";
import type { Chance } from "./chance.ts";
import type { Scene } from "./scene.ts";
import type { Sharing } from "./sharing.ts";
import { Violation } from "./violation.ts";

export const SHARDS = 256;
const [US, OTHER] = [1, 2];
const GIVEN_WITHIN_MS = 20;
/** Share of the gifts that come to nothing, as when the map has changed. */
const REFUSED = 0.3;
const PEER: Peer = { name: "another", http: "http://another.example" };
const SAID = `SELECT coalesce(mode, 'auto') AS mode, url FROM processors
  LEFT JOIN processor_modes ON processor = number ORDER BY number`;

/** Shard of a payment: all bytes of its id, one upon the other. */
export function shardOf(correlationId: string): number {
  const bytes = Buffer.from(correlationId.replaceAll("-", ""), "hex");
  return bytes.reduce((one, other) => one ^ other, 0);
}

export type SharedOptions = {
  readonly world: Scene;
  readonly chance: Chance;
  readonly inFlightMax: number;
  readonly processorTimeoutMs: number;
  /** Shards that the worker has at its start. */
  readonly ours: ReadonlySet<number>;
  /** This worker asks for health, and tells the other one. */
  readonly leads: boolean;
};

/** Calls that may still begin for a payment whose shard is about to be given. */
type Ending = { charges: number; looks: number };

export class Shared implements Sharing {
  readonly holding = new Holding();
  readonly leads: boolean;
  readonly rowsLeft = Number.POSITIVE_INFINITY;
  onTariffs = null;
  /** Readings that this worker has told the other one. */
  readonly told: SharedReading[] = [];
  /** Shards that the other worker should have. */
  readonly wanted = new Set<number>();
  readonly #options: SharedOptions;
  readonly #owners: (typeof US | typeof OTHER)[];
  #tell: (news: SharedNews) => void = () => {};
  #version = 1;
  #abandoned = 0;
  /** Shards that will count in the share, and since when they do. */
  #coming: { readonly atMs: number; readonly count: number }[] = [];
  readonly #underWay = new Map<string, Ending>();
  readonly #waiting = new Map<Transition, string>();
  readonly #ending = new Map<string, Ending>();

  constructor(options: SharedOptions) {
    const { ours, leads } = options;
    this.#options = options;
    this.leads = leads;
    this.#owners = Array.from({ length: SHARDS }, (_, shard) => (ours.has(shard) ? US : OTHER));
    this.holding.learn({ version: this.#version, owners: this.#owners }, US);
  }

  /** The worker listens from now on. */
  set onNews(tell: (news: SharedNews) => void) {
    this.#tell = tell;
    const { ours, world, processorTimeoutMs } = this.#options;
    // Their last owner may have calls under way, unless there is nobody else.
    const waitMs = ours.size < SHARDS ? processorTimeoutMs : 0;
    this.#coming = [{ atMs: world.time.nowMs + waitMs, count: ours.size }];
  }

  get leader(): Peer | null {
    return this.leads ? null : PEER;
  }
  get map() {
    return { version: this.#version, workers: [] };
  }
  ownerOf(shard: number): Peer | null {
    return this.#owners[shard] === OTHER ? PEER : null;
  }
  tellHealth(reading: SharedReading): void {
    this.told.push(reading);
  }

  isOurs(correlationId: string): boolean {
    return this.has(shardOf(correlationId));
  }
  has(shard: number): boolean {
    return this.#owners[shard] === US;
  }

  /** Shards become this worker's; `isAbandoned`: the other one has ended without giving them. */
  gain(shards: Iterable<number>, isAbandoned: boolean): void {
    const { time } = this.#options.world;
    const gained = [...shards].filter((shard) => this.#owners[shard] === OTHER);
    for (const shard of gained) this.#owners[shard] = US;
    this.#version++;
    if (isAbandoned) this.#abandoned += gained.length;
    else this.#coming.push({ atMs: time.nowMs, count: gained.length });
  }

  /** A renewal of the lease brings what there is. */
  hear(): void {
    const { world, processorTimeoutMs } = this.#options;
    const { disk, time } = world;
    const said = disk.db.query<{ mode: ProcessorMode; url: string | null }, []>(SAID).all();
    const gained = this.holding.learn({ version: this.#version, owners: this.#owners }, US);
    this.#noteEnding();
    const abandoned = this.#abandoned;
    this.#abandoned = 0;
    // Calls of the worker that has ended may be under way until then.
    const fromMs = time.nowMs + processorTimeoutMs;
    if (abandoned > 0) this.#coming.push({ atMs: fromMs, count: abandoned });
    this.#tell({
      gained,
      abandoned,
      gifts: [...this.wanted].map((shard) => ({ shard, to: OTHER })),
      tariffs: 0,
      health: this.leads ? [] : this.#readings(),
      modes: said.map(({ mode }) => mode),
      urls: said.map(({ url }) => url),
      isTrusted: true,
    });
    this.#checkShare();
  }

  /** Readings of the processors, as the other worker has them. */
  #readings(): SharedReading[] {
    const { gateway, models, processors, judges } = this.#options.world;
    return gateway.names.flatMap((name, processor) => {
      const place = processors.findIndex((one) => one.name === name);
      if (place === -1) return [];
      const { delayMs: minResponseTimeMs } = models[place]!;
      judges?.onReading(place, minResponseTimeMs);
      return [{ processor, failing: false, minResponseTimeMs }];
    });
  }

  shardsUnderWay(): Set<number> {
    return new Set([...this.#waiting.values()].map(shardOf));
  }

  async parkedIn(shards: readonly number[]): Promise<Map<PaymentState, number>> {
    return this.#parked((shard) => shards.includes(shard));
  }

  /** Payments that wait for an operator in the shards that this worker has. */
  parkedHere(): Map<PaymentState, number> {
    return this.#parked((shard) => this.#owners[shard] === US && !this.holding.isLoading(shard));
  }

  async give(shards: readonly number[], to: number): Promise<number | null> {
    const { world, chance } = this.#options;
    const check = () => world.watch(() => this.#checkGift(shards, to));
    check();
    await new Promise<void>((resolve) =>
      world.time.after(chance.next() * GIVEN_WITHIN_MS, resolve),
    );
    check();
    if (chance.happens(REFUSED)) {
      for (const id of this.#ending.keys()) {
        if (shards.includes(shardOf(id))) this.#ending.delete(id);
      }
      return null;
    }
    for (const shard of shards) {
      this.#owners[shard] = OTHER;
      this.wanted.delete(shard);
    }
    this.#coming.push({ atMs: world.time.nowMs, count: -shards.length });
    return ++this.#version;
  }

  /** Follows what waits for its commit. */
  onDecided(transition: Transition): void {
    if (!("seq" in transition)) return;
    const isNew = transition.kind === "accept";
    const id = isNew ? transition.correlationId : this.#options.world.disk.idOf(transition.seq);
    this.#waiting.set(transition, id);
  }
  onResult(transition: Transition): void {
    this.#waiting.delete(transition);
  }

  /** An exchange whose calls are judged as they leave. */
  judging(exchange: Exchange): Exchange {
    return async (request) => {
      const id = this.#idIn(request);
      if (id === null) return exchange(request);
      const isCharge = request.body !== undefined;
      this.#options.world.watch(() => this.#checkCall(id, isCharge));
      const calls = this.#underWay.get(id) ?? { charges: 0, looks: 0 };
      this.#underWay.set(id, calls);
      const count = (by: number) => (isCharge ? (calls.charges += by) : (calls.looks += by));
      count(1);
      return exchange(request).finally(() => {
        if (count(-1) === 0 && calls.charges + calls.looks === 0) this.#underWay.delete(id);
      });
    };
  }

  /** Null: it is a call for health, which one worker makes for all. */
  #idIn({ url, body }: Parameters<Exchange>[0]): string | null {
    if (body !== undefined) return JSON.parse(body).correlationId;
    if (!url.endsWith("/service-health")) return url.slice(url.lastIndexOf("/") + 1);
    if (this.leads) return null;
    this.#options.world.watch(() => {
      throw new Violation("R32: a worker asks for health, and another one does so for all");
    });
    return null;
  }

  #checkCall(id: string, isCharge: boolean): void {
    if (this.isOurs(id) && this.holding.maySend(id)) return;
    const rest = this.#ending.get(id);
    if (this.isOurs(id) && rest !== undefined && (isCharge ? rest.charges-- : rest.looks--) > 0)
      return;
    const whose = this.isOurs(id) ? "is about to be given" : "is another worker's";
    throw new Violation(`R32: ${id} is ${isCharge ? "charged" : "asked for"}, and ${whose}`);
  }

  #checkGift(shards: readonly number[], to: number): void {
    const { lanes } = this.#options.world.gateway.parts!.pipeline;
    const problem = (what: string) => {
      throw new Violation(`R32: shards are given to ${to}, and ${what}`);
    };
    if (to !== OTHER || shards.some((shard) => !this.wanted.has(shard)))
      problem("nobody wants them");
    const busy = [...this.#underWay.keys(), ...this.#waiting.values()].find((id) =>
      shards.includes(shardOf(id)),
    );
    if (busy !== undefined) problem(`${busy} is under way`);
    const share = this.#share();
    const { trialsUnansweredMax } =
      this.#options.world.plan.bounds.tuning.breaker ?? BREAKER_DEFAULTS;
    // Trials go beyond it, as they do beyond the limit, and so do those that its health has invited.
    const most = share + 2 * trialsUnansweredMax;
    const over = lanes.all.find(({ inFlight }) => inFlight > most);
    if (over !== undefined) problem(`${over.name} has ${over.inFlight} calls, of ${share}`);
  }

  #checkShare(): void {
    const parts = this.#options.world.gateway.parts;
    const share = this.#share();
    for (const { name, inFlightShare } of parts?.pipeline.lanes.all ?? []) {
      if (inFlightShare === share) continue;
      throw new Violation(
        `R32: ${name} may have ${inFlightShare} calls of this worker, not ${share}`,
      );
    }
  }

  /** Calls that this worker may have at a processor. */
  #share(): number {
    const { world, inFlightMax } = this.#options;
    const counting = this.#coming.filter(({ atMs }) => atMs <= world.time.nowMs);
    const count = counting.reduce((sum, one) => sum + one.count, 0);
    const closing = this.#owners.filter(
      (owner, shard) =>
        owner === US && !this.holding.isLoading(shard) && !this.holding.maySend(idIn(shard)),
    ).length;
    return Math.max(1, Math.floor((inFlightMax * (count - closing)) / SHARDS));
  }

  /** Notes how a call or a commit that is under way may end: a payment that is assigned is charged, and asked for. */
  #noteEnding(): void {
    this.#ending.clear();
    if (this.wanted.size === 0) return;
    const { disk } = this.#options.world;
    for (const [id, { state }] of disk.unsettled()) {
      if (PAYMENT_STATES[state] === "assigned") this.#ending.set(id, { charges: 1, looks: 1 });
    }
    for (const [{ kind }, id] of this.#waiting) {
      if (kind === "accept" || kind === "assign") this.#ending.set(id, { charges: 1, looks: 1 });
    }
    for (const [id, { charges }] of this.#underWay) {
      if (charges > 0) this.#ending.set(id, { charges: 0, looks: 1 });
      else this.#ending.delete(id);
    }
  }

  #parked(isAsked: (shard: number) => boolean): Map<PaymentState, number> {
    const parked = new Map<PaymentState, number>();
    for (const [id, { state: index }] of this.#options.world.disk.unsettled()) {
      const state = PAYMENT_STATES[index]!;
      if ((state === "rejected" || state === "conflict") && isAsked(shardOf(id)))
        parked.set(state, (parked.get(state) ?? 0) + 1);
    }
    return parked;
  }
}

/** Some id of that shard. */
function idIn(shard: number): string {
  return `00000000-0000-0000-0000-0000000000${shard.toString(16).padStart(2, "0")}`;
}
