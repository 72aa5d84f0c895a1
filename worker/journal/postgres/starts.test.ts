/** Several workers that start at the same moment over one database, which is new. */
import { afterAll, expect, test } from "bun:test";
import { systemClock } from "../../../shared/clock.ts";
import { SHARDS } from "../../../shared/shards.ts";
import { shareOf } from "../../../shared/tariff.ts";
import { beatOf } from "./lease.ts";
import { keptOf } from "./living.ts";
import { migratePostgres } from "./migrations.ts";
import { Connection } from "./connection.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { freePorts } from "../../../testing/ports.ts";
import { run } from "../../../testing/process.ts";
import { bareEnv, fromSource } from "../../../testing/programs.ts";
import { STREAMS } from "../../limits.ts";
import { openPostgresJournal } from "../postgres.ts";
import { NAMES } from "../journal.fixture.ts";
import { ask, freshDatabase, settingsAt, stopPostgres } from "./postgres.fixture.ts";

const STARTS = 4;

afterAll(stopPostgres);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `begin one set of tariffs, and number processors alike${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    const opened = await Promise.all(
      Array.from({ length: STARTS }, () => openPostgresJournal(settingsAt(url), systemClock)),
    );
    const priced = NAMES.map((_, processor) => ({ processor, terms: shareOf(0.05) }));
    const known = await Promise.all(opened.map(({ journal }) => journal.tariffs(priced)));
    expect(known.map((tariffs) => tariffs.length)).toEqual(
      Array.from({ length: STARTS }, () => NAMES.length),
    );
    for (const tariffs of known) expect(tariffs).toEqual(known[0]!);
    for (const { journal } of opened) expect(journal.head.processors).toEqual(NAMES);
    const streams = new Set(opened.map(({ journal }) => journal.head.stream));
    expect(streams.size).toBe(STARTS);
    await Promise.all(opened.map(({ journal }) => journal.close()));
    expect(await ask(url, "SELECT 1 FROM streams WHERE worker IS NOT NULL")).toEqual([]);
  },
);

/** A database with workers that had these streams, and processors, when they were last heard of. */
async function silentIn(streams: number, processors: readonly string[]) {
  const url = await freshDatabase();
  const connection = new Connection(url, Number.POSITIVE_INFINITY);
  await migratePostgres(connection);
  await connection.ask(
    `INSERT INTO workers (worker, name, link, http, processors, alive_until) OVERRIDING SYSTEM VALUE
       SELECT stream + 1, 'w' || stream, 'l', 'h', $1::jsonb, clock_timestamp() - interval '1 s'
       FROM streams WHERE stream < $2::int`,
    [keptOf(settingsAt(url, { processors }).PROCESSORS), streams],
  );
  await connection.ask("UPDATE streams SET worker = stream + 1 WHERE stream < $1::int", [streams]);
  await connection.ask("UPDATE shards SET worker = 1");
  return { url, connection };
}

test.skipIf(WHY_NO_POSTGRES !== null)(
  `end workers that were killed, when they have all streams and nobody else lives${NO_POSTGRES}`,
  async () => {
    const { url, connection } = await silentIn(STREAMS, NAMES);
    const said: string[] = [];
    const say = (sentence: string) => said.push(sentence);
    const { journal } = await openPostgresJournal(settingsAt(url), systemClock, { say });
    expect(said).toContainEqual(expect.stringContaining("waits until a worker ends"));
    expect(journal.holding.count).toBe(SHARDS);
    await journal.close();
    connection.drop();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `end a worker with other processors that is silent, before it may wake up beside them${NO_POSTGRES}`,
  async () => {
    const { url, connection } = await silentIn(1, [...NAMES, "third"]);
    const said: string[] = [];
    const say = (sentence: string) => said.push(sentence);
    const { journal } = await openPostgresJournal(settingsAt(url), systemClock, { say });
    expect(await beatOf(connection, 1, -1)).toMatchObject({ alive: false });
    expect(said).toContainEqual(expect.stringContaining("waits until worker w0 has ended"));
    expect(journal.holding.count).toBe(SHARDS);
    await journal.close();
    connection.drop();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `that fail behind the journal give their leases back${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using taken = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    const { link } = await freePorts("link");
    const env = bareEnv({
      JOURNAL: url,
      CLUSTER_ALLOW_SINGLE: "true",
      PROCESSORS: "default=http://127.0.0.1:1;fee=0.05",
      LINK_PORT: String(link),
      HTTP_PORT: String(taken.port),
    });
    const { code, err } = await run(fromSource("worker.ts"), { env });
    expect([code, err]).toEqual([1, expect.stringContaining(String(taken.port))]);
    const left = "SELECT ended_why FROM workers WHERE sealed_at IS NOT NULL";
    expect(await ask(url, left)).toEqual([{ ended_why: "drained" }]);
    expect(await ask(url, "SELECT 1 FROM streams WHERE worker IS NOT NULL")).toEqual([]);
  },
);
