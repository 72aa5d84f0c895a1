/**
 * A seeded world of several workers over one simulated database: payments are posted through APIs that
 * learn from any worker who has which shard, while workers are killed, paused and cut off, and the database
 * fails over. Watched all the time: nobody is charged at two processors, no worker that could renew its
 * lease is sealed, and all workers together call a processor no more often than one may. Then the faults
 * end, and everything that was acknowledged must be settled, where it was charged, once.
 *
 * Rows that somebody takes back, by putting the database to an earlier state, are not held to this: there is
 * `restored_at_ms` for that. Payments that come after have to be safe.
 */
import { LEASE_MS } from "../../worker/cluster/lease.ts";
import type { ShardMap } from "../../worker/cluster/owners.ts";
import { shardOf } from "../../shared/shards.ts";
import { Chance } from "../world/chance.ts";
import { Violation } from "../world/violation.ts";
import { Time } from "../world/time.ts";
import { Trace } from "../world/trace.ts";
import { Database } from "./database.ts";
import { drawClusterPlan, type ClusterPlan } from "./plan.ts";
import { Processor } from "./processor.ts";
import { ClusterWorker, type Verdict } from "./worker.ts";

const PROCESSORS = 2;
const APIS = 2;
const HEAL_MS_MAX = 120_000;
const LINK_MS_MAX = 5;
const ACK_MS = 1_000;
const LEARN_MS = 1_000;
/** A map that nobody has confirmed for so long gives way to an older one: the database was put back. */
const BELIEVED_MS = 10_000;
/** A worker is whole when nothing has been wrong with it, and with the database, for so long. */
const WHOLE_MS = 2 * LEASE_MS;

export type ClusterResult = {
  readonly violation: string | null;
  readonly traceHash: string;
  readonly trace: readonly string[];
  readonly plan: ClusterPlan;
  readonly acknowledged: number;
  readonly takeOvers: number;
};

type Asked = { readonly id: string; readonly amountCents: number };
/** A place where a worker runs, one start after the other. */
type Slot = { worker: ClusterWorker; sickUntilMs: number };
type Api = { map: ShardMap; confirmedAtMs: number };

export function runClusterSeed(seed: number, steps: number, keepTrace: boolean): ClusterResult {
  const world = new ClusterWorld(seed, steps);
  const violation = world.run();
  const { trace, plan, acknowledged, takeOvers } = world;
  const counts = { acknowledged: acknowledged.size, takeOvers };
  const lines = keepTrace ? trace.lines : [];
  return { violation, traceHash: trace.hash, trace: lines, plan, ...counts };
}

class ClusterWorld {
  readonly plan: ClusterPlan;
  readonly trace = new Trace();
  readonly acknowledged = new Map<string, number>();
  takeOvers = 0;
  readonly #chance: Chance;
  readonly #time = new Time();
  readonly #steps: number;
  readonly #database: Database;
  readonly #processors: readonly Processor[];
  readonly #slots: Slot[] = [];
  readonly #apis: readonly Api[] = Array.from({ length: APIS }, () => {
    return { map: { version: 0, owners: [] }, confirmedAtMs: 0 };
  });
  readonly #chargedAt = new Map<string, number>();
  /** Payments and other rows that were taken back by hand. */
  readonly #takenBack = new Set<unknown>();
  /** Calls at each processor, of workers that were not sealed when they began. */
  readonly #calls: number[] = Array.from({ length: PROCESSORS }, () => 0);
  #isTroubled = true;
  /** Instant at which standbys were there again, or leases were taken back with all else. */
  #wrongUntilMs = Number.NEGATIVE_INFINITY;
  /** A payment with whose acceptance the standbys go. */
  #fateful: string | null = null;
  #waiting = 0;
  #violation: string | null = null;

  constructor(seed: number, steps: number) {
    const chance = (this.#chance = new Chance(seed));
    this.plan = drawClusterPlan(chance.fork());
    this.#steps = steps;
    const time = this.#time;
    this.#database = new Database(time, chance.fork(), this.plan.database);
    this.#database.clockMs = this.#clock();
    this.#database.onWritten = ({ payments }) => {
      if (this.#fateful !== null && payments.get(this.#fateful) !== undefined) this.#loseQuorum();
    };
    this.#processors = Array.from({ length: PROCESSORS }, (_, number) => {
      const onRecord = (id: string) => this.#recorded(id, number);
      return new Processor({ time, chance: chance.fork(), onRecord }, this.plan.processor);
    });
  }

  /** Gives the violation, or null. */
  run(): string | null {
    const { troubleMs } = this.plan;
    for (let i = 0; i < this.plan.workers; i++) this.#begin(i);
    for (const api of this.#apis) this.#learn(api);
    this.#planTrouble();
    for (let i = 0; i < this.#steps; i++) this.#planPayment();
    const isBroken = () => this.#violation !== null;
    try {
      this.#time.run(troubleMs, isBroken);
      if (!isBroken()) this.#heal();
      for (let ms = 1_000; ms <= HEAL_MS_MAX && !isBroken(); ms += 1_000) {
        this.#time.run(troubleMs + ms, isBroken);
        if (this.#isSettled()) break;
      }
      if (!isBroken()) this.#check();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.#violation ??= error.message;
    }
    return this.#violation;
  }

  #say = (line: string): void => this.trace.add(this.#time.nowMs, line);

  #fail(violation: string): void {
    this.#say(violation);
    this.#violation ??= violation;
  }

  #begin(place: number): void {
    const slot = this.#slots[place];
    const worker = new ClusterWorker({
      time: this.#time,
      chance: this.#chance.fork(),
      database: this.#database,
      processors: this.#processors,
      hardLimit: this.plan.hardLimit,
      processorTimeoutMs: this.plan.processorTimeoutMs,
      clockMs: this.#clock(),
      say: this.#say,
      onSealing: (dead, leftMs) => this.#sealed(dead, leftMs),
      onTake: (taker, id) => this.#watchOwner(taker, id, "accepts"),
      onCall: (caller, processor, id) => this.#called(caller, processor, id),
      onError: (error) => this.#fail(error.message),
      onEnd: () => {
        const inMs = this.#chance.between(100, 5_000);
        this.#time.after(inMs, () => this.#begin(place));
      },
    });
    const sickUntilMs = this.#time.nowMs;
    if (slot === undefined) this.#slots.push({ worker, sickUntilMs });
    else Object.assign(slot, { worker, sickUntilMs });
  }

  #clock(): number {
    return Math.round((this.#chance.next() - 0.5) * 2 * this.plan.clocksMs);
  }

  // Rules that hold while faults are on.

  #recorded(id: string, processor: number): void {
    this.#say(`processor ${processor} records ${id.slice(0, 8)}`);
    const other = this.#chargedAt.get(id);
    this.#chargedAt.set(id, processor);
    if (other !== undefined && other !== processor && !this.#takenBack.has(id)) {
      this.#fail(`${id} is charged at two processors`);
    }
  }

  #sealed(dead: number, leftMs: number): void {
    this.takeOvers++;
    const { nowMs } = this.#time;
    if (leftMs >= 0) this.#fail(`worker ${dead} is sealed though its lease runs for ${leftMs} ms`);
    const slot = this.#slots.find(({ worker }) => worker.number === dead);
    if (slot === undefined || slot.worker.isDead) return;
    const { worker, sickUntilMs } = slot;
    const isWhole = !worker.isPaused && !worker.isCut && nowMs - sickUntilMs > WHOLE_MS;
    const isReached = this.plan.database.lost === 0 && nowMs - this.#wrongUntilMs > WHOLE_MS;
    if (isWhole && isReached)
      this.#fail(`worker ${dead} is sealed though nothing was wrong with it`);
  }

  /** A worker that does not know yet that it is sealed sends what it had made durable, and that is harmless. */
  #called(worker: ClusterWorker, processor: number, id: string): () => void {
    if (!this.#isHeld(worker)) return () => {};
    this.#watchOwner(worker, id, "sends");
    const { hardLimit, workers, putBacks } = this.plan;
    const calls = ++this.#calls[processor]!;
    if (calls > hardLimit + workers && putBacks === 0)
      this.#fail(`${calls} calls at processor ${processor}, which takes ${hardLimit}`);
    return () => void this.#calls[processor]!--;
  }

  #watchOwner(worker: ClusterWorker, id: string, does: string): void {
    const owner = this.#database.tables.map.get("map")!.owners[shardOf(id)];
    const isWrong = this.#isHeld(worker) && owner !== worker.number && this.plan.putBacks === 0;
    if (isWrong) this.#fail(`worker ${worker.number} ${does} ${id}, of a shard of worker ${owner}`);
  }

  /** True when it is held to the rules: it is not sealed. */
  #isHeld({ number }: ClusterWorker): boolean {
    return this.#database.tables.workers.get(number!)?.isSealed === false;
  }

  // Trouble.

  #planTrouble(): void {
    const { plan } = this;
    const during = (times: number, act: () => void) => {
      for (let i = 0; i < times; i++) {
        this.#time.after(this.#chance.next() * plan.troubleMs, () => this.#isTroubled && act());
      }
    };
    const span = (maxMs: number) => this.#chance.between(50, maxMs);
    during(plan.kills, () => this.#slot().worker.end("killed"));
    during(plan.leaves, () => this.#slot().worker.leave());
    during(plan.pauses, () => this.#pause(this.#slot(), span(12_000)));
    during(plan.cuts, () => this.#cut(this.#slot(), span(8_000)));
    during(plan.restarts, () =>
      this.#breakDatabase("restarts", (ms) => this.#database.restart(ms)),
    );
    during(plan.failOvers, () =>
      this.#breakDatabase("fails over", (ms) => this.#database.failOver(ms, this.#clock())),
    );
    during(plan.lonely, () => this.#beLonely(span(6_000)));
    during(plan.quorumLosses, () => this.#planQuorumLoss());
    during(plan.putBacks, () => this.#putBack());
    during(plan.outages, () => this.#stopProcessor(span(8_000)));
  }

  #slot(): Slot {
    return this.#chance.pick(this.#slots);
  }

  #pause(slot: Slot, ms: number): void {
    const { worker } = slot;
    this.#say(`worker ${worker.number} is paused for ${ms} ms`);
    worker.isPaused = true;
    this.#time.after(ms, () => {
      slot.sickUntilMs = this.#time.nowMs;
      this.#say(`worker ${worker.number} goes on`);
      worker.resume();
    });
  }

  #cut(slot: Slot, ms: number): void {
    const { worker } = slot;
    this.#say(`worker ${worker.number} is cut off for ${ms} ms`);
    worker.isCut = true;
    this.#time.after(ms, () => {
      worker.isCut = false;
      slot.sickUntilMs = this.#time.nowMs;
    });
  }

  #breakDatabase(what: string, act: (awayMs: number) => void): void {
    const awayMs = this.#chance.between(100, 6_000);
    this.#say(`the database ${what}`);
    act(awayMs);
  }

  /** No standby is there for a while, in which the primary may start anew, and which may end it. */
  #beLonely(ms: number): void {
    const [startsAnew, failsOver] = [this.#chance.happens(0.6), this.#chance.happens(0.6)];
    this.#leaveAlone(ms, startsAnew ? { inMs: ms / 4, awayMsMax: 300 } : null, failsOver);
  }

  /** Posts a payment with which the standbys go, and once more while nobody knows whether it is stored. */
  #planQuorumLoss(): void {
    const asked = this.#asked();
    this.#fateful = asked.id;
    this.#post(asked);
    this.#time.after(this.#chance.next() * 1_000, () => this.#post(asked));
  }

  /** The primary starts anew with a payment that is on no standby; its worker asks again; then it is lost. */
  #loseQuorum(): void {
    this.#fateful = null;
    if (!this.#isTroubled) return;
    const anew = { inMs: this.#chance.between(1, 200), awayMsMax: 250 };
    this.#leaveAlone(this.#chance.between(500, 2_500), anew, true);
  }

  #leaveAlone(
    ms: number,
    anew: { readonly inMs: number; readonly awayMsMax: number } | null,
    failsOver: boolean,
  ): void {
    this.#say("the primary is alone");
    this.#database.isAlone = true;
    this.#wrongUntilMs = Number.POSITIVE_INFINITY;
    if (anew !== null) {
      const awayMs = this.#chance.between(1, anew.awayMsMax);
      this.#time.after(anew.inMs, () => this.#database.restart(awayMs));
    }
    this.#time.after(ms, () => {
      if (failsOver)
        this.#breakDatabase("fails over", (away) => this.#database.failOver(away, this.#clock()));
      this.#joinStandbys();
    });
  }

  #joinStandbys(): void {
    this.#database.join();
    this.#wrongUntilMs = this.#time.nowMs;
  }

  #putBack(): void {
    this.#say("the database is put back");
    const lost = this.#database.putBack(this.#chance.between(1, 30), 500);
    for (const key of lost) this.#takenBack.add(key);
    this.#wrongUntilMs = Math.max(this.#wrongUntilMs, this.#time.nowMs);
  }

  #stopProcessor(ms: number): void {
    const processor = this.#chance.pick(this.#processors);
    processor.isDown = true;
    this.#time.after(ms, () => {
      processor.isDown = false;
    });
  }

  #heal(): void {
    this.#say("the faults end");
    this.#isTroubled = false;
    this.#database.faults = { lost: 0, delayMsMax: 1, quorumMsMax: 1 };
    if (this.#database.isAlone) this.#joinStandbys();
    const quiet = { refused: 0, lostBefore: 0, lostAfter: 0, lateMsMax: 1, slowMsMax: 20 };
    for (const processor of this.#processors) processor.faults = quiet;
  }

  // The shop, and the APIs.

  #planPayment(): void {
    const { troubleMs, repeats, otherAmounts } = this.plan;
    const asked = this.#asked();
    const atMs = this.#chance.next() * troubleMs;
    this.#time.after(atMs, () => this.#post(asked));
    if (this.#chance.happens(repeats)) {
      this.#time.after(atMs + this.#chance.next() * 4_000, () => this.#post(asked));
    }
    if (this.#chance.happens(otherAmounts)) {
      const other = { ...asked, amountCents: asked.amountCents + 1 };
      this.#time.after(atMs + this.#chance.next() * 4_000, () => this.#post(other));
    }
  }

  #asked(): Asked {
    return { id: this.#id(), amountCents: this.#chance.between(1, 100_000) };
  }

  #id(): string {
    for (;;) {
      const id = this.#chance.uuid();
      if (shardOf(id) < this.plan.shards) return id;
    }
  }

  /** Posts it until it is answered for good. */
  #post(asked: Asked): void {
    this.#waiting++;
    const tries = () => {
      const api = this.#chance.pick(this.#apis);
      this.#ask(api, asked, (verdict) => {
        const { kind } = verdict ?? { kind: "busy" };
        if (kind === "stored" || kind === "duplicate") this.#acknowledge(asked);
        if (kind === "stored" || kind === "duplicate" || kind === "conflict") this.#waiting--;
        else this.#time.after(this.#chance.between(50, 1_000), tries);
      });
    };
    tries();
  }

  #acknowledge({ id, amountCents }: Asked): void {
    this.#say(`202 for ${id.slice(0, 8)}`);
    const other = this.acknowledged.get(id);
    this.acknowledged.set(id, amountCents);
    if (other !== undefined && other !== amountCents && !this.#takenBack.has(id))
      this.#fail(`${id} is acknowledged with two amounts`);
  }

  /** Asks the worker that has the shard, as far as the API knows; null: no verdict in time. */
  #ask(api: Api, { id, amountCents }: Asked, told: (verdict: Verdict | null) => void): void {
    let isOver = false;
    const end = (verdict: Verdict | null) => {
      if (isOver) return;
      isOver = true;
      if (verdict?.kind === "elsewhere") this.#learn(api, false);
      told(verdict);
    };
    this.#time.after(ACK_MS, () => end(null));
    const owner = api.map.owners[shardOf(id)];
    const slot = this.#slots.find(({ worker }) => worker.number === owner) ?? this.#slot();
    this.#send(slot.worker, (worker) => {
      worker.take(id, amountCents, (verdict) => this.#reply(worker, () => end(verdict)));
    });
  }

  /** Learns the map from any worker, once a second, and when one says that a payment is another's. */
  #learn(api: Api, isRegular = true): void {
    this.#send(this.#slot().worker, (worker) => {
      const { map } = worker;
      this.#reply(worker, () => {
        const { nowMs } = this.#time;
        const isOld = map.version < api.map.version;
        if (isOld && nowMs - api.confirmedAtMs < BELIEVED_MS) return;
        api.map = map;
        api.confirmedAtMs = nowMs;
      });
    });
    if (isRegular) this.#time.after(LEARN_MS, () => this.#learn(api));
  }

  #send(worker: ClusterWorker, act: (worker: ClusterWorker) => void): void {
    if (this.#isLost()) return;
    this.#time.after(this.#chance.next() * LINK_MS_MAX, () => {
      if (!worker.isCut) worker.deliver(() => act(worker));
    });
  }

  #reply(worker: ClusterWorker, act: () => void): void {
    if (this.#isLost() || worker.isCut) return;
    this.#time.after(this.#chance.next() * LINK_MS_MAX, act);
  }

  #isLost(): boolean {
    return this.#isTroubled && this.#chance.happens(this.plan.linkLoss);
  }

  // Rules that hold in the end.

  #isSettled(): boolean {
    if (this.#waiting > 0 || this.#slots.some(({ worker }) => worker.isPaused)) return false;
    const { payments } = this.#database.tables;
    return [...payments.rows.values()].every(({ state }) => state === "settled");
  }

  #check(): void {
    const { payments, ledger, streams } = this.#database.tables;
    for (const [id, amountCents] of this.acknowledged) {
      const row = payments.get(id);
      if (this.#takenBack.has(id)) continue;
      if (row === undefined) throw new Violation(`${id} was acknowledged and is not there`);
      if (row.amountCents !== amountCents) throw new Violation(`${id} has another amount`);
    }
    if (this.#waiting > 0) throw new Violation(`${this.#waiting} posts were never answered`);
    for (const [id, row] of payments.rows) {
      if (row.state !== "settled") throw new Violation(`${id} is ${row.state} and never settles`);
      const isElsewhere = this.#chargedAt.get(id) !== row.processor;
      if (isElsewhere && !this.#takenBack.has(id))
        throw new Violation(`${id} was charged elsewhere`);
    }
    const settled = [...ledger.rows.values()].map(({ id }) => id);
    if (new Set(settled).size !== settled.length) throw new Violation("a payment has two rows");
    if (settled.length !== payments.rows.size) throw new Violation("a settled payment has no row");
    const rows = [...streams.rows.values()].reduce((sum, stream) => sum + stream.rows, 0);
    if (rows !== settled.length) throw new Violation("numbers of rows have gaps");
    for (const id of this.#chargedAt.keys()) {
      const isThere = payments.get(id) !== undefined || this.#takenBack.has(id);
      if (!isThere) throw new Violation(`${id} was charged and is not there`);
    }
  }
}
