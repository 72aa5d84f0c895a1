/**
 * Walks the functions of the simulated database and those of PostgreSQL through the same calls, whatever
 * they are: what the simulation shows counts only as long as both are the same functions.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { NO_POSTGRES, startPostgres, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import { spread, type Owners } from "../../worker/cluster/owners.ts";
import { batchOfGift, encode, type Answer } from "../../worker/journal/postgres/batch.ts";
import { accept as acceptOf } from "../../worker/journal/journal.fixture.ts";
import { Connection } from "../../worker/journal/postgres/connection.ts";
import { callOf } from "../../worker/journal/postgres/functions.ts";
import { beatOf, joined, leave, tookOver } from "../../worker/journal/postgres/lease.ts";
import { migratePostgres } from "../../worker/journal/postgres/migrations.ts";
import * as functions from "./functions.ts";
import { Tables } from "./tables.ts";

const RUNS = 60;
const OTHER_VERSION = 5;

let accepted = 0;

/** Makes an id of a shard, another one for each number. */
function idIn(shard: number, number: number): string {
  const n = number.toString(16).padStart(8, "0");
  const last = (shard ^ 0xc0).toString(16).padStart(2, "0");
  return `${n}-0000-4000-8000-${n}00${last}`;
}

const worker = fc.integer({ min: 1, max: 4 });
const call = fc.oneof(
  fc.record({ kind: fc.constantFrom("join", "beat", "leave", "expire" as const), me: worker }),
  fc.record({
    kind: fc.constant("takeOver" as const),
    me: worker,
    dead: fc.option(worker),
    /** Workers that get what the dead one had, rightly or not. */
    to: fc.uniqueArray(worker, { maxLength: 3 }),
    isOld: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("give" as const), me: worker, to: worker, nth: fc.nat(300) }),
  fc.record({
    kind: fc.constant("accept" as const),
    me: worker,
    shard: fc.nat(255),
    isOld: fc.boolean(),
  }),
);
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

/** Both databases with the same calls behind them; a worker that has entered has a number in each. */
class Both {
  readonly tables = new Tables();
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  get map() {
    return this.tables.map.get("map")!;
  }

  simulated<T>(run: (nowMs: number) => T): T {
    this.tables.begin();
    return run(0);
  }

  async begin(): Promise<void> {
    const { connection } = this;
    await connection.ask("UPDATE streams SET worker = NULL, batch = 0");
    await connection.ask("UPDATE shards SET worker = NULL");
    await connection.ask("DELETE FROM roles");
    await connection.ask("DELETE FROM workers");
    // Numbers follow the clock, and nothing may run out by itself: neither is a part of this.
    await connection.ask(
      `INSERT INTO workers (worker, name, link, http, alive_until) OVERRIDING SYSTEM VALUE
       SELECT me, 'w' || me, 'l:1', 'h:2', clock_timestamp() + interval '1 hour' FROM generate_series(1, 4) me`,
    );
    for (let me = 1; me <= 4; me++)
      expect(this.simulated((nowMs) => functions.enter(this.tables, nowMs))).toBe(me);
  }

  async run(one: Call): Promise<void> {
    const { connection, tables } = this;
    const { me } = one;
    switch (one.kind) {
      case "expire": {
        await connection.ask(
          "UPDATE workers SET alive_until = clock_timestamp() - interval '1 s' WHERE worker = $1",
          [me],
        );
        const row = tables.workers.get(me)!;
        this.simulated(() => tables.workers.set(me, { ...row, aliveUntilMs: -1_000 }));
        return;
      }
      case "join": {
        const ours = this.simulated((nowMs) => functions.join(tables, nowMs, me));
        expect(await joined(connection, me)).toBe(ours?.stream ?? null);
        return;
      }
      case "leave": {
        this.simulated((nowMs) => functions.leave(tables, nowMs, me));
        return leave(connection, me, "drained");
      }
      case "beat": {
        const ours = this.simulated((nowMs) => functions.beat(tables, nowMs, me));
        const theirs = await beatOf(connection, me, -1);
        expect(theirs.alive).toBe(ours.isAlive);
        expect(theirs.others.map((other) => other.worker)).toEqual(
          ours.others.map((other) => other.worker).sort((a, b) => a - b),
        );
        for (const { worker: other, leftMs } of ours.others) {
          const found = theirs.others.find(({ worker: its }) => its === other)!;
          expect(found.leftMs < 0).toBe(leftMs < 0);
        }
        const again = await beatOf(connection, me, theirs.version);
        expect(again).toMatchObject({ version: theirs.version, owners: null });
        return;
      }
      case "takeOver": {
        const { dead, to, isOld } = one;
        const owners = spread(this.map.owners, dead, to);
        const { version } = this.map;
        const ours = this.simulated((nowMs) =>
          functions.takeOver(tables, nowMs, me, dead, isOld ? version - 1 : version, owners),
        );
        const { version: known } = await beatOf(connection, 0, -1);
        const asked = isOld ? known - OTHER_VERSION : known;
        expect(await tookOver(connection, me, dead, asked, owners)).toBe(ours);
        return;
      }
      case "give":
        return this.give(me, one.to, one.nth);
      case "accept":
        return this.accept(me, one.shard, one.isOld);
    }
  }

  /** Stores a payment of a shard, its own or not, by a batch that knows the map or an older one. */
  async accept(me: number, shard: number, isOld: boolean): Promise<void> {
    const { tables, connection } = this;
    const [stream] = [...tables.streams.rows].find(([, row]) => row.worker === me) ?? [];
    if (stream === undefined) return;
    const seq = ++accepted;
    const id = idIn(shard, seq);
    const batch = tables.streams.get(stream)!.batch + 1;
    const item = { kind: "accept", id, amountCents: 1 } as const;
    const older = isOld ? OTHER_VERSION : 0;
    const ours = this.simulated((nowMs) =>
      functions.commit(tables, nowMs, stream, me, batch, [item], this.map.version - older),
    );
    const { version } = await beatOf(connection, 0, -1);
    const transition = acceptOf(seq, { correlationId: id, amountCents: 1 });
    const { values } = encode([transition], () => undefined);
    const asked = [stream, me, batch, version - older, ...values];
    const [reply] = await connection.ask<{ what: string }>(callOf("commit"), asked);
    expect(reply?.what).toBe(ours.found);
    const [row] = await connection.ask<{ n: number }>(
      "SELECT count(*)::int AS n FROM payments WHERE id = $1::uuid",
      [id],
    );
    expect(row?.n).toBe(ours.found === "done" ? 1 : 0);
  }

  /** Gives a shard, often one of its own, by a batch of its stream. */
  async give(me: number, to: number, nth: number): Promise<void> {
    const { tables } = this;
    const [stream] = [...tables.streams.rows].find(([, row]) => row.worker === me) ?? [];
    if (stream === undefined || me === to) return;
    const own = this.map.owners.flatMap((owner, shard) => (owner === me ? [shard] : []));
    const shard = own[nth] ?? nth % 256;
    const batch = tables.streams.get(stream)!.batch + 1;
    const item = { kind: "give", shard, to } as const;
    const ours = this.simulated((nowMs) =>
      functions.commit(tables, nowMs, stream, me, batch, [item], this.map.version),
    );
    const { values, results } = batchOfGift([shard], to);
    const asked = [stream, me, batch, OTHER_VERSION, ...values];
    const [reply] = await this.connection.ask<{ what: string; answer: Answer }>(
      callOf("commit"),
      asked,
    );
    expect(reply?.what).toBe("done");
    expect(results(reply!.answer) !== null).toBe(ours.results[0]?.kind === "done");
  }

  async theirs(): Promise<Owners> {
    return (await beatOf(this.connection, 0, -1)).owners!;
  }
}

test.skipIf(WHY_NO_POSTGRES !== null)(
  `calls about workers and shards end alike in both, whatever their order${NO_POSTGRES}`,
  async () => {
    await using server = await startPostgres({ fsync: false });
    const connection = new Connection(await server.database());
    await migratePostgres(connection);
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 30, size: "max" }), async (calls) => {
        const both = new Both(connection);
        await both.begin();
        let { version } = await beatOf(connection, 0, -1);
        for (const one of calls) {
          const before = both.map;
          await both.run(one);
          expect(await both.theirs()).toEqual(both.map.owners);
          const { version: now } = await beatOf(connection, 0, -1);
          expect(now > version).toBe(both.map !== before);
          version = now;
        }
      }),
      { numRuns: RUNS },
    );
    connection.drop();
  },
);
