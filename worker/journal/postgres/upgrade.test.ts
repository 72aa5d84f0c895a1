/** Starts on databases of earlier schemas, which have neither the tables nor the functions of this program. */
import { afterAll, expect, test } from "bun:test";
import { SHARDS } from "../../../shared/shards.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { until } from "../../../testing/until.ts";
import { BEAT_MS } from "../../cluster/lease.ts";
import { accept, uuid } from "../journal.fixture.ts";
import { Connection } from "./connection.ts";
import { FUNCTIONS } from "./functions.ts";
import { beatOf } from "./lease.ts";
import { migratePostgres, POSTGRES_MIGRATIONS } from "./migrations.ts";
import { ask, freshDatabase, openAt, stopPostgres } from "./postgres.fixture.ts";

/** Schema of the last database that finds open payments by their states. */
const FOUND_BY_STATE = 10;

afterAll(stopPostgres);

/** A database that a program with the first few of the migrations has left. */
async function left(migrations: number): Promise<{ url: string; connection: Connection }> {
  const url = await freshDatabase();
  const connection = new Connection(url, Number.POSITIVE_INFINITY);
  await migratePostgres(connection, POSTGRES_MIGRATIONS.slice(0, migrations));
  for (const { name } of FUNCTIONS) await connection.ask(`DROP FUNCTION ${name}`);
  return { url, connection };
}

const earlier = POSTGRES_MIGRATIONS.slice(0, -1).map(({ name }, i) => [name, i + 1] as const);

test.skipIf(WHY_NO_POSTGRES !== null).each(earlier)(
  `a worker starts on a database of the schema %s, and brings it to its own${NO_POSTGRES}`,
  async (_, migrations) => {
    const { url, connection } = await left(migrations);
    await using opened = await openAt(url);
    expect(await opened.apply(accept(1))).toEqual([{ kind: "done" }]);
    connection.drop();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a worker waits, and changes nothing, while one of an earlier version is there${NO_POSTGRES}`,
  async () => {
    const { url, connection } = await left(1);
    await connection.ask(
      "INSERT INTO workers (name, link, http, alive_until) VALUES ('old', 'l', 'h', clock_timestamp() + interval '1 hour')",
    );
    const said: string[] = [];
    const opening = openAt(url, { say: (sentence) => said.push(sentence) });
    await until("it waits", () => said.length > 0);
    expect(said).toEqual([expect.stringContaining("waits for worker old, which is of an earlier")]);
    expect(await connection.ask("SELECT schema FROM meta")).toEqual([{ schema: 1 }]);
    await connection.ask("UPDATE workers SET sealed_at = clock_timestamp()");
    await using opened = await opening;
    expect(await opened.apply(accept(1))).toEqual([{ kind: "done" }]);
    connection.drop();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `of several workers that wait for an earlier version none waits for another of them${NO_POSTGRES}`,
  async () => {
    const { url, connection } = await left(1);
    await connection.ask(
      "INSERT INTO workers (name, link, http, alive_until) VALUES ('old', 'l', 'h', clock_timestamp() + interval '1 hour')",
    );
    const said: string[] = [];
    const opening: ReturnType<typeof openAt>[] = [];
    while (opening.length < 3) {
      opening.push(openAt(url, { say: (sentence) => said.push(sentence) }));
      await until("it waits", () => said.length === opening.length);
      // Each looks again at another time.
      await Bun.sleep(BEAT_MS / 3);
    }
    await connection.ask("UPDATE workers SET sealed_at = clock_timestamp()");
    for (const opened of await Promise.all(opening)) await opened[Symbol.asyncDispose]();
    expect(said.filter((sentence) => sentence.includes("waits for worker"))).toEqual(
      opening.map(() => expect.stringContaining("waits for worker old")),
    );
    connection.drop();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a worker of an earlier version that only sleeps is ended by the upgrade${NO_POSTGRES}`,
  async () => {
    const { url, connection } = await left(POSTGRES_MIGRATIONS.length - 1);
    await connection.ask(
      `INSERT INTO workers (worker, name, link, http, alive_until) OVERRIDING SYSTEM VALUE
         VALUES (1, 'old', 'l', 'h', clock_timestamp() - interval '1 s')`,
    );
    await connection.ask("UPDATE streams SET worker = 1 WHERE stream = 0");
    await connection.ask("UPDATE shards SET worker = 1");
    const said: string[] = [];
    await using opened = await openAt(url, { say: (sentence) => said.push(sentence) });
    expect(said.filter((sentence) => sentence.includes("waits"))).toEqual([]);
    expect(await beatOf(connection, 1, -1)).toMatchObject({ alive: false });
    expect(opened.journal.holding.count).toBe(SHARDS);
    connection.drop();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `payments that are open are found after the upgrade, and only those${NO_POSTGRES}`,
  async () => {
    const { url, connection } = await left(FOUND_BY_STATE);
    await connection.ask(
      `INSERT INTO payments (id, seq, amount_cents, accepted_at_ms, requested_at_ms, shard, state, processor)
         VALUES ('${uuid(1)}', 1, 5, 1, NULL, 0, 0, NULL), ('${uuid(2)}', 2, 5, 1, 1, 1, 4, 0), ('${uuid(3)}', 3, 5, 1, 1, 2, 5, 0)`,
    );
    await using opened = await openAt(url);
    const open = await opened.journal.open();
    expect(open.map(({ correlationId }) => correlationId)).toEqual([1, 3].map(uuid));
    const moved = connection.ask(`UPDATE payments SET state = 4 WHERE id = '${uuid(1)}'`);
    await expect(moved).rejects.toThrow("settled_is_a_state");
    connection.drop();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a payment that moves, and is not settled, is written into no index anew${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using opened = await openAt(url);
    await opened.apply(accept(1));
    await opened.apply({ kind: "assign", seq: 1, assignment: { processor: 0, requestedAtMs: 1 } });
    const updates = `SELECT n_tup_upd::int AS all_of, n_tup_hot_upd::int AS in_place FROM pg_stat_user_tables
      WHERE relname = 'payments'`;
    let seen: unknown = null;
    await until("the database has counted it", async () => {
      [seen] = await ask(url, updates);
      return (seen as { all_of: number }).all_of > 0;
    });
    expect(seen).toEqual({ all_of: 1, in_place: 1 });
  },
);
