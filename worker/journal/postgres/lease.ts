/**
 * The lease by which one worker at a time has the journal. It is renewed every half second by the
 * database's clock. Who finds another's lease over seals that one's stream and takes it, so that the
 * other can commit nothing any more; that fence, and not the lease, is what keeps payments safe. Who may
 * take one is said by worker/cluster/lease.ts.
 */
import { BEAT_MS, LEASE_MS, Renewals } from "../../cluster/lease.ts";
import { NoAnswer, type Connection } from "./connection.ts";
import { callOf } from "./functions.ts";
import { STREAM } from "./ledger.ts";

/** Identity of a worker, as others are told it. */
export type Identity = { readonly name: string; readonly link: string; readonly http: string };

type Beat = {
  readonly alive: boolean;
  readonly now_ms: number;
  readonly holder: string | null;
  readonly left_ms: number | null;
  readonly free: boolean;
};

const QUESTIONS = { beat: callOf("beat"), takeOver: callOf("take_over"), leave: callOf("leave") };

export class Lease {
  /** Number of this start in the database; later ones are greater. */
  readonly worker: number;
  readonly #connection: Connection;
  #timer: Timer | undefined;

  private constructor(worker: number, connection: Connection) {
    this.worker = worker;
    this.#connection = connection;
  }

  /**
   * Resolves when the journal is ours. `told` hears once, in one sentence, whom it waits for. While the
   * database does not answer it goes on asking.
   */
  static async take(
    connection: Connection,
    identity: Identity,
    told: (sentence: string) => void,
  ): Promise<Lease> {
    let worker: number | null = null;
    const renewals = new Renewals();
    let waitedFor = "";
    for (;;) {
      try {
        worker ??= await joined(connection, identity);
        if (worker === null) continue;
        const beat = await beatOf(connection, worker);
        renewals.renewed(beat.now_ms);
        if (!beat.alive) worker = null;
        else if (beat.free || renewals.mayTake(beat.left_ms ?? 0)) {
          if (await takenOver(connection, worker)) return new Lease(worker, connection);
        } else if (beat.holder !== waitedFor) {
          waitedFor = beat.holder ?? "";
          told(sentenceOf(beat));
        }
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
      }
      await Bun.sleep(BEAT_MS);
    }
  }

  /** Renews it until `stop`; calls back once when another worker has taken it. */
  keep(lost: () => void): void {
    let isAsking = false;
    this.#timer = setInterval(async () => {
      if (isAsking) return;
      isAsking = true;
      try {
        const { alive } = await beatOf(this.#connection, this.worker);
        if (alive || this.#timer === undefined) return;
        this.stop();
        lost();
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        // Commits tell of a database that does not answer.
      } finally {
        isAsking = false;
      }
    }, BEAT_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Gives it back, so that nobody has to wait until it is over; not when the database does not answer. */
  async leave(why: string): Promise<void> {
    this.stop();
    try {
      await this.#connection.ask(QUESTIONS.leave, [this.worker, why]);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
    }
  }
}

function sentenceOf({ holder, left_ms }: Beat): string {
  const left = Math.max(0, left_ms ?? 0) / 1_000;
  return `waits for worker ${holder}, whose lease, if it is not renewed, is over in ${left.toFixed(1)} s`;
}

/**
 * Gives the number of a start, by the rule of `nextNumber` (worker/cluster/owners.ts); null when another start
 * was given it at the same moment.
 */
async function joined(connection: Connection, identity: Identity): Promise<number | null> {
  const { name, link, http } = identity;
  const [row] = await connection.ask<{ worker: number }>(
    `INSERT INTO workers (worker, name, link, http, alive_until) OVERRIDING SYSTEM VALUE
     SELECT greatest(coalesce(max(worker), 0) + 1, floor(extract(epoch FROM clock_timestamp()) * 1000)),
       $1::text, $2::text, $3::text, clock_timestamp() + interval '${LEASE_MS} ms' FROM workers
     ON CONFLICT DO NOTHING RETURNING worker::float8`,
    [name, link, http],
  );
  return row?.worker ?? null;
}

async function beatOf(connection: Connection, worker: number): Promise<Beat> {
  const [beat] = await connection.ask<Beat>(QUESTIONS.beat, [worker, STREAM]);
  return beat!;
}

async function takenOver(connection: Connection, worker: number): Promise<boolean> {
  const [row] = await connection.ask<{ taken: boolean }>(QUESTIONS.takeOver, [worker, STREAM]);
  return row!.taken;
}
