/**
 * The lease of a worker. It is renewed every half second by the database's clock, and each renewal brings
 * the map of shards when it has changed. Who finds another's lease over seals that one's stream, so that it
 * can commit nothing any more, and hands its shards on; that fence, and not the lease, is what keeps
 * payments safe. Who may be sealed is said by worker/cluster/lease.ts, and who gets the shards by
 * worker/cluster/owners.ts; an owner that has too many gives some away (worker/pipeline/shards.ts).
 */
import type { Clock } from "../../../shared/clock.ts";
import { BEAT_MS, LEASE_MS, Renewals } from "../../cluster/lease.ts";
import { LEDGER_ROWS_MAX, ROWS_FOR_OTHERS } from "../../limits.ts";
import { Holding } from "../../cluster/holding.ts";
import { spread, surplus, type Owners, type ShardMap } from "../../cluster/owners.ts";
import type { Peer } from "../../cluster/lead.ts";
import type { Started } from "../../cluster/configuration.ts";
import type { ReachedAt } from "../../cluster/reached-at.ts";
import type { ClusterMap } from "../../../shared/http-api/cluster.ts";
import type { SharedNews, SharedReading } from "../driver.ts";
import { BrokenInvariant, NoAnswer, type Connection } from "./connection.ts";
import { callOf } from "./functions.ts";
import { besideLiving, keptOf, type BesideLiving } from "./living.ts";

/** A worker, as others are told it, and what it was started with. */
export type Identity = ReachedAt & Started;

/** Another worker that has a stream, and what is left of its lease. */
export type OtherWorker = ReachedAt & {
  readonly name: string;
  readonly worker: number;
  readonly leftMs: number;
};

export type Beat = {
  readonly alive: boolean;
  readonly now_ms: number;
  /** The map's, and the map itself when it is not the one that is known. */
  readonly version: number;
  readonly owners: Owners | null;
  /** Shards that this worker was given by their owners, with each new map. */
  readonly given: readonly number[] | null;
  readonly others: readonly OtherWorker[];
  /** Number of the worker that does what one does for all. */
  readonly leader: number | null;
  readonly modes: SharedNews["modes"];
  readonly urls: SharedNews["urls"];
  readonly is_trusted: boolean;
  /** How many have begun so far. */
  readonly tariffs: number;
  /** Rows of the ledger in all streams. */
  readonly rows: number;
  /** Readings of other workers, with the database's instants. */
  readonly health: readonly (SharedReading & { readonly atMs: number })[];
};

/** Another worker has taken the lease, or the database has an older map than before. */
type Lost = "sealed" | "gap";

/** Version that no map has. */
const NONE = -1;
/** Largest of a column of 32 bits. */
const MS_MAX = 2 ** 31 - 1;

const QUESTIONS = {
  join: callOf("join"),
  beat: callOf("beat"),
  takeOver: callOf("take_over"),
  leave: callOf("leave"),
};

export class Lease {
  /** Number of this start in the database; later ones are greater. */
  readonly worker: number;
  readonly stream: number;
  /** The shards of this worker. */
  readonly holding = new Holding();
  readonly #connection: Connection;
  readonly #identity: Identity;
  readonly #clock: Clock;
  readonly #renewals = new Renewals();
  #timer: Timer | undefined;
  #map: ShardMap = { version: NONE, owners: [] };
  #others: readonly OtherWorker[] = [];
  #leader: number | null = null;
  #rows = 0;
  /** Readings that others are to be told, and instants of those that they have told, by processor. */
  #heard: SharedReading[] = [];
  readonly #toldAtMs = new Map<number, number>();

  private constructor(
    worker: number,
    stream: number,
    connection: Connection,
    identity: Identity,
    clock: Clock,
  ) {
    this.worker = worker;
    this.stream = stream;
    this.#connection = connection;
    this.#identity = identity;
    this.#clock = clock;
  }

  /** True when this worker does what one does for all, as far as is known. */
  get leads(): boolean {
    return this.#leader === this.worker;
  }
  /** The worker that does so, if it is another one that is known. */
  get leader(): Peer | null {
    return this.#peer(this.#leader);
  }
  /** Tells who has a shard; null: this worker, or nobody. */
  ownerOf(shard: number): Peer | null {
    return this.#peer(this.#map.owners[shard] ?? null);
  }

  /** Rows that the ledgers of all workers together have room for, as far as is known. */
  get rowsLeft(): number {
    return Math.max(0, LEDGER_ROWS_MAX - ROWS_FOR_OTHERS - this.#rows);
  }

  /** The newest map that is known here, as APIs are told it. */
  get map(): ClusterMap {
    const { version, owners } = this.#map;
    const workers = [{ worker: this.worker, ...this.#identity }, ...this.#others];
    const shardsOf = (worker: number) =>
      owners.flatMap((owner, i) => (owner === worker ? [i] : []));
    return {
      version,
      workers: workers.map(({ worker, name, link, http }) => {
        return { name, link, http, shards: shardsOf(worker) };
      }),
    };
  }

  /**
   * Resolves when this worker has a stream. `told` hears once, in one sentence, when it waits for one, or for a
   * silent worker beside which it might not start; whoever is silent for longer than a lease is sealed meanwhile.
   * While the database does not answer it goes on asking; it rejects when that will never do, and when workers
   * live beside which it may not start, for longer than one does that has ended unheard.
   */
  static async take(
    connection: Connection,
    identity: Identity,
    clock: Clock,
    told: (sentence: string) => void,
  ): Promise<Lease> {
    let worker: number | null = null;
    const sinceMs = clock.steadyMs();
    const renewals = new Renewals();
    for (let isTold = false; ; await Bun.sleep(BEAT_MS)) {
      try {
        const { refusal, silent } = await besideLiving(connection, identity, worker);
        if (refusal !== null && clock.steadyMs() - sinceMs > LEASE_MS) throw new Error(refusal);
        if (refusal !== null) continue;
        worker ??= await entered(connection, identity);
        if (worker === null) continue;
        const stream = silent === null ? await joined(connection, worker) : null;
        if (stream !== null) {
          const lease = new Lease(worker, stream, connection, identity, clock);
          if (typeof (await lease.#renew()) === "object") return lease;
          worker = null;
        } else if (!(await waited(connection, worker, renewals, clock))) worker = null;
        else if (!isTold) {
          isTold = true;
          told(silent === null ? NO_STREAM : waitsFor(silent));
        }
      } catch (error) {
        if (!(error instanceof NoAnswer) || error.isForGood) throw error;
      }
    }
  }

  /** The others, as a start looks at them, seen through this connection. */
  besideLiving(connection: Connection): Promise<BesideLiving> {
    return besideLiving(connection, this.#identity, this.worker);
  }

  /**
   * Renews it until `stop`, and tells what each renewal has brought; calls back once when another worker has
   * taken it, or when the database has an older map than it had.
   */
  keep(lost: (why: Lost) => void, told: (news: SharedNews) => void): void {
    let isAsking = false;
    this.#timer = setInterval(async () => {
      if (isAsking) return;
      isAsking = true;
      try {
        const renewed = await this.#renew();
        if (this.#timer === undefined) return;
        if (typeof renewed === "object") return told(renewed);
        this.stop();
        lost(renewed);
      } catch (error) {
        if (error instanceof BrokenInvariant) {
          this.stop();
          return lost("gap");
        }
        if (!(error instanceof NoAnswer)) throw error;
        // Commits tell of a database that does not answer.
      } finally {
        isAsking = false;
      }
    }, BEAT_MS);
  }

  /** Renews it once, learns the map, and takes from the dead, and what nobody has. */
  async #renew(): Promise<SharedNews | Lost> {
    const { version: known } = this.holding;
    const heard = this.#heard.splice(0);
    const beat = await beatOf(this.#connection, this.worker, this.#map.version, heard);
    if (!beat.alive) return "sealed";
    // No change of the map is ever undone: the database was put back.
    if (beat.version < known) return "gap";
    this.#renewals.renewed(beat.now_ms, this.#clock.steadyMs());
    this.#others = beat.others;
    this.#leader = beat.leader;
    this.#rows = beat.rows;
    const before = this.#map.owners;
    if (beat.owners !== null) this.#map = { version: beat.version, owners: beat.owners };
    const gained = this.holding.learn(this.#map, this.worker);
    const isAbandoned = (shard: number) =>
      (before[shard] ?? null) !== null && beat.given?.includes(shard) !== true;
    const abandoned = gained.filter(isAbandoned).length;
    for (const { worker, leftMs } of beat.others) {
      if (this.#renewals.mayTake(leftMs)) await this.#takeOver(worker);
    }
    if (this.#map.owners.includes(null)) await this.#takeOver(null);
    const gifts = surplus(this.#map.owners, this.worker, this.#living(null));
    const { modes, urls, is_trusted: isTrusted, tariffs } = beat;
    const health = this.#newIn(beat.health);
    return { gained, abandoned, gifts, modes, urls, isTrusted, tariffs, health };
  }

  /** Tells others with the next renewal; a reading that is lost with it is followed by the next one. */
  tellHealth(reading: SharedReading): void {
    this.#heard.push(reading);
  }

  /** A reading stands in several answers. */
  #newIn(readings: Beat["health"]): SharedReading[] {
    return readings.flatMap(({ atMs, ...reading }) => {
      if (this.#toldAtMs.get(reading.processor) === atMs) return [];
      this.#toldAtMs.set(reading.processor, atMs);
      return [reading];
    });
  }

  /**
   * Seals a worker, or hands on what nobody has; not when the map has changed since the renewal. Without an
   * answer the next renewal shows what became of it, and what this one has brought is told all the same.
   */
  async #takeOver(dead: number | null): Promise<void> {
    const { version, owners } = this.#map;
    const handed = spread(owners, dead, this.#living(dead));
    try {
      await tookOver(this.#connection, this.worker, dead, version, handed);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
    }
  }

  /** This worker, and the others whose leases are not over. */
  #living(dead: number | null): number[] {
    const others = this.#others.filter(({ worker, leftMs }) => worker !== dead && leftMs > 0);
    return [this.worker, ...others.map(({ worker }) => worker)];
  }

  #peer(number: number | null): Peer | null {
    const found = this.#others.find(({ worker }) => worker === number);
    return found === undefined ? null : { name: found.name, http: found.http };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Gives it back, so that nobody has to wait until it is over; not when the database does not answer. */
  async leave(why: string): Promise<void> {
    this.stop();
    try {
      await leave(this.#connection, this.worker, why);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
    }
  }
}

const NO_STREAM = "waits until a worker ends: there are as many as there may be";

function waitsFor(silent: string): string {
  return `waits until worker ${silent} has ended, which is silent, and has other processors or fees`;
}

/**
 * Renews the lease of a start that has no stream, and seals the dead, who may have all of them while nobody lives
 * who would; their shards are nobody's then. False: its own is over.
 */
async function waited(
  connection: Connection,
  worker: number,
  renewals: Renewals,
  clock: Clock,
): Promise<boolean> {
  const { alive, now_ms: nowMs, version, owners, others } = await beatOf(connection, worker, NONE);
  if (!alive) return false;
  renewals.renewed(nowMs, clock.steadyMs());
  for (const { worker: dead, leftMs } of others) {
    if (!renewals.mayTake(leftMs)) continue;
    const left = owners!.map((owner) => (owner === dead ? null : owner));
    await tookOver(connection, worker, dead, version, left);
  }
  return true;
}

/**
 * Gives the number of a start, by the rule of `nextNumber` (worker/cluster/owners.ts); null when another start
 * was given it at the same moment.
 */
async function entered(
  connection: Connection,
  { name, link, http, processors }: Identity,
): Promise<number | null> {
  const [row] = await connection.ask<{ worker: number }>(
    `INSERT INTO workers (worker, name, link, http, processors, alive_until) OVERRIDING SYSTEM VALUE
     SELECT greatest(coalesce(max(worker), 0) + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)),
       $1::text, $2::text, $3::text, $4::jsonb, clock_timestamp() + interval '${LEASE_MS} ms' FROM workers
     ON CONFLICT DO NOTHING RETURNING worker::float8`,
    [name, link, http, keptOf(processors)],
  );
  return row?.worker ?? null;
}

/** Gives it a stream, and what nobody has. Null: it got none. */
export async function joined(connection: Connection, worker: number): Promise<number | null> {
  const [row] = await connection.ask<{ stream: number }>(QUESTIONS.join, [worker]);
  return row?.stream ?? null;
}

export async function beatOf(
  connection: Connection,
  worker: number,
  known: number,
  heard: readonly SharedReading[] = [],
): Promise<Beat> {
  const rows = heard.map(({ processor, failing, minResponseTimeMs }) => {
    return { processor, failing, ms: Math.min(MS_MAX, Math.round(minResponseTimeMs)) };
  });
  const [beat] = await connection.ask<Beat>(QUESTIONS.beat, [worker, known, rows]);
  return beat!;
}

/** True when `dead` was sealed by this, and the map is the one that is given. */
export async function tookOver(
  connection: Connection,
  me: number,
  dead: number | null,
  version: number,
  owners: Owners,
): Promise<boolean> {
  const values = [me, dead, version, `{${owners.map((owner) => owner ?? "NULL").join(",")}}`];
  const [row] = await connection.ask<{ taken: boolean }>(QUESTIONS.takeOver, values);
  return row!.taken;
}

export async function leave(connection: Connection, worker: number, why: string): Promise<void> {
  await connection.ask(QUESTIONS.leave, [worker, why]);
}
