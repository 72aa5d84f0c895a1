/** Two starts at the same time: the second waits until the first has made the tables, however long that takes. */
import { afterAll, expect, test } from "bun:test";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { Connection } from "./connection.ts";
import { LOCK, migratePostgres } from "./migrations.ts";
import { freshDatabase, stopPostgres } from "./postgres.fixture.ts";

/** Longer than a session of ours waits for anything else. */
const HELD_S = 2.5;

afterAll(stopPostgres);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a migration waits for another one, longer than for any other lock${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using other = new Bun.SQL({ url, max: 1 });
    await other.unsafe(`SELECT pg_advisory_lock(${LOCK})`);
    const connection = new Connection(url, Number.POSITIVE_INFINITY);
    const migrated = migratePostgres(connection);
    await other.unsafe(`SELECT pg_sleep(${HELD_S})`);
    await other.unsafe(`SELECT pg_advisory_unlock(${LOCK})`);
    expect(await migrated).toContain("0001-tables");
    const [row] = await connection.ask<{ lock_timeout: string }>("SHOW lock_timeout");
    expect(row?.lock_timeout).toBe("2s");
    connection.drop();
  },
);
