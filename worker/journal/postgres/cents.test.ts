/** The cents that streams count, so that a sum over all of them is exact, whoever has settled what. */
import { afterAll, expect, test } from "bun:test";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { STREAM_CENTS_MAX, STREAMS } from "../../limits.ts";
import { accept, assigned, settle, uuid } from "../journal.fixture.ts";
import { Connection } from "./connection.ts";
import { FUNCTIONS } from "./functions.ts";
import { migratePostgres, POSTGRES_MIGRATIONS } from "./migrations.ts";
import { ask, freshDatabase, openAt, stopPostgres } from "./postgres.fixture.ts";

afterAll(stopPostgres);

const OWN = "SELECT cents::float8 FROM streams WHERE worker IS NOT NULL";
const ALL = "SELECT sum(cents)::float8 AS cents FROM streams";

test.skipIf(WHY_NO_POSTGRES !== null)(
  `what is accepted counts once, and what was there already does not${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using opened = await openAt(url);
    const { head } = opened.journal;
    expect(head.centsLeft).toBe(STREAM_CENTS_MAX);
    const first = accept(1, { amountCents: 100 });
    await opened.apply(first, accept(2, { amountCents: 20 }));
    const again = { correlationId: first.correlationId, amountCents: 100 };
    expect(await opened.apply(accept(3, again), accept(4, { amountCents: 3 }))).toEqual([
      { kind: "duplicate" },
      { kind: "done" },
    ]);
    expect(await ask(url, OWN)).toEqual([{ cents: 123 }]);
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a purge leaves what may still be settled, and no stream more than it had${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using opened = await openAt(url);
    await opened.apply(
      assigned(1, 0, { amountCents: 1_000_000 }),
      accept(2, { amountCents: 6_400 }),
    );
    await opened.apply(settle(1, 0, { amountCents: 1_000_000 }));
    await opened.apply({ kind: "purge", baseRow: 0, atMs: 7 });
    const left = "SELECT cents::int FROM streams WHERE cents > 0 ORDER BY stream";
    expect(await ask(url, left)).toEqual([{ cents: 6_401 }]);
    await ask(url, "UPDATE streams SET cents = stream");
    await opened.apply({ kind: "purge", baseRow: 0, atMs: 8 });
    expect(await ask(url, "SELECT cents::int FROM streams ORDER BY stream")).toEqual(
      Array.from({ length: STREAMS }, (_, cents) => ({ cents })),
    );
    await ask(url, "UPDATE streams SET cents = 10000 * (stream % 2) + 5000");
    await opened.apply({ kind: "purge", baseRow: 0, atMs: 9 });
    expect(await ask(url, "SELECT cents::int FROM streams WHERE stream < 2")).toEqual([
      { cents: 51 },
      { cents: 151 },
    ]);
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a start takes a stream with room, and the one with most when all are more than half full${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    const streamOf = async () => {
      await using opened = await openAt(url);
      const { stream, centsLeft } = opened.journal.head;
      return [stream, centsLeft];
    };
    await (await openAt(url))[Symbol.asyncDispose]();
    await ask(url, `UPDATE streams SET cents = ${STREAM_CENTS_MAX} WHERE stream < 2`);
    expect(await streamOf()).toEqual([2, STREAM_CENTS_MAX]);
    await ask(url, `UPDATE streams SET cents = ${STREAM_CENTS_MAX} - stream`);
    expect(await streamOf()).toEqual([STREAMS - 1, STREAMS - 1]);
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `the upgrade counts what is settled and open${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    const connection = new Connection(url, Number.POSITIVE_INFINITY);
    const before = POSTGRES_MIGRATIONS.findIndex(({ name }) => name === "0009-cents");
    await migratePostgres(connection, POSTGRES_MIGRATIONS.slice(0, before));
    for (const { name } of FUNCTIONS) await connection.ask(`DROP FUNCTION ${name}`);
    await connection.ask("UPDATE streams SET base = 256, rows = 257 WHERE stream = 3");
    for (const [row, cents] of [
      [255, 1],
      [256, 640],
    ]) {
      await connection.ask(`INSERT INTO ledger VALUES (3, ${row}, 1, ${cents}, '${uuid(1)}', 0)`);
    }
    await connection.ask(
      `INSERT INTO payments (id, seq, amount_cents, accepted_at_ms, shard, state) VALUES ('${uuid(2)}', 2, 64, 1, 0, 0)`,
    );
    await migratePostgres(connection);
    connection.drop();
    expect(await ask(url, ALL)).toEqual([{ cents: 640 + 64 }]);
  },
);
