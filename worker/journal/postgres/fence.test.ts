/** Walks the fence in the database and the one in worker/cluster/fence.ts, which have to be one rule. */
import { afterAll, expect, test } from "bun:test";
import { SHARDS } from "../../../shared/shards.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { TcpRelay } from "../../../testing/tcp-relay.ts";
import { until } from "../../../testing/until.ts";
import { fence, type StreamRow } from "../../cluster/fence.ts";
import { accept, assigned, uuid } from "../journal.fixture.ts";
import { encode } from "./batch.ts";
import { Connection } from "./connection.ts";
import { callOf } from "./functions.ts";
import { tookOver } from "./lease.ts";
import { STREAM } from "./ledger.ts";
import { ask, freshDatabase, openAt, stopPostgres, through } from "./postgres.fixture.ts";

afterAll(stopPostgres);

const BATCH = 5;
const NO_MAP = -1;

/** The numbers of two workers that have started, in that order. */
async function workersOf(connection: Connection): Promise<[number, number]> {
  const rows = await connection.ask<{ worker: number }>(
    "SELECT worker::float8 FROM workers ORDER BY worker",
  );
  return rows.map(({ worker }) => worker) as [number, number];
}

test.skipIf(WHY_NO_POSTGRES !== null)(
  `the database's fence is the gateway's own, whatever stands in the row${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    for (let start = 0; start < 2; start++) await (await openAt(url))[Symbol.asyncDispose]();
    const connection = new Connection(url);
    const [me, other] = await workersOf(connection);
    const rows: StreamRow[] = [null, me, other].flatMap((worker) =>
      [0, BATCH - 2, BATCH - 1, BATCH, BATCH + 1].map((batch) => ({ worker, batch })),
    );
    const { values } = encode([], uuid);
    for (const row of rows) {
      const stands = [STREAM, row.worker, row.batch];
      await connection.ask(
        "UPDATE streams SET worker = $2::bigint, batch = $3::bigint WHERE stream = $1::int",
        stands,
      );
      const asked = [STREAM, me, BATCH, NO_MAP, ...values];
      const [reply] = await connection.ask<{ what: string }>(callOf("commit"), asked);
      const found = fence(row, me, BATCH);
      expect({ row, what: reply?.what }).toEqual({ row, what: found });
      const [after] = await connection.ask<StreamRow>(
        "SELECT worker::float8, batch::float8 FROM streams WHERE stream = $1::int",
        [STREAM],
      );
      expect(after).toEqual(found === "done" ? { ...row, batch: BATCH } : row);
    }
    connection.drop();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a worker that was sealed reads nothing of shards that are another's${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    const endings: string[] = [];
    const fatal = (reason: string) => endings.push(reason);
    const sealed = await openAt(url, { fatal });
    await using next = await openAt(url);
    const connection = new Connection(url);
    await sealed.apply(assigned(1));
    expect(await sealed.journal.open()).toMatchObject([{ state: "assigned" }]);

    const [dead, other] = await workersOf(connection);
    const { version } = sealed.journal.holding;
    await connection.ask(
      "UPDATE workers SET alive_until = alive_until - interval '1 h' WHERE worker = $1::bigint",
      [dead],
    );
    const owners = Array.from({ length: SHARDS }, () => other);
    expect(await tookOver(connection, other, dead, version, owners)).toBe(true);
    // It does not know yet, and then the renewal ends it.
    expect(await sealed.journal.open()).toEqual([]);
    await until("it has ended", () => endings.length > 0);
    const { holding } = next.journal;
    await until("the other one has them", () => holding.count === SHARDS);
    expect(await next.journal.open()).toMatchObject([{ state: "assigned" }]);
    connection.drop();
    await sealed[Symbol.asyncDispose]();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a worker under which the database was put back ends when another has started since${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using relay = await TcpRelay.start(Number(new URL(url).port));
    const endings: string[] = [];
    const fatal = (reason: string) => endings.push(reason);
    const asleep = await openAt(through(url, relay), { fatal });
    relay.still = true;
    await ask(url, "UPDATE streams SET worker = NULL");
    await ask(url, "UPDATE shards SET worker = NULL");
    await ask(url, "DELETE FROM roles");
    await ask(url, "DELETE FROM workers");
    await ask(url, "ALTER TABLE workers ALTER COLUMN worker RESTART");
    await using next = await openAt(url);
    relay.still = false;
    const answers: unknown[] = [];
    asleep.journal.append(accept(1), (result) => answers.push(result));
    await until("it has ended", () => endings.length > 0);
    expect(endings).toEqual([expect.stringContaining("another worker has taken over")]);
    await asleep[Symbol.asyncDispose]();
    expect(answers.filter((answer) => answer !== null)).toEqual([]);
    expect(await next.apply(accept(2, { correlationId: uuid(1) }))).toEqual([{ kind: "done" }]);
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a worker ends whose functions are gone: the database was put back to before its upgrade${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    const said: string[] = [];
    await using opened = await openAt(url, { fatal: (reason) => said.push(reason) });
    await ask(url, `DROP FUNCTION ${/leguas_commit_\w+/.exec(callOf("commit"))![0]}`);
    opened.journal.append(accept(1), () => {});
    await until("it has ended", () => said.length > 0);
    expect(said).toEqual([expect.stringMatching(/leguas_commit_\w+\(.* does not exist$/)]);
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `so does one that commits nothing, with its next renewal${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    const said: string[] = [];
    await using _ = await openAt(url, { fatal: (reason) => said.push(reason) });
    await ask(url, `DROP FUNCTION ${/leguas_beat_\w+/.exec(callOf("beat"))![0]}`);
    await until("it has ended", () => said.length > 0);
    expect(said).toEqual([expect.stringContaining("it was put back to an earlier state")]);
  },
);
