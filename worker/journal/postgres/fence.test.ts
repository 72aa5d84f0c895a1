/** Walks the fence in the database and the one in worker/cluster/fence.ts, which have to be one rule. */
import { afterAll, expect, test } from "bun:test";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { fence, type StreamRow } from "../../cluster/fence.ts";
import { uuid } from "../journal.fixture.ts";
import { encode } from "./batch.ts";
import { Connection } from "./connection.ts";
import { callOf } from "./functions.ts";
import { STREAM } from "./ledger.ts";
import { freshDatabase, openAt, stopPostgres } from "./postgres.fixture.ts";

afterAll(stopPostgres);

const ME = 1;
const OTHER = 2;
const BATCH = 5;
const rows: StreamRow[] = [null, ME, OTHER].flatMap((worker) =>
  [0, BATCH - 2, BATCH - 1, BATCH, BATCH + 1].map((batch) => ({ worker, batch })),
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `the database's fence is the gateway's own, whatever stands in the row${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    for (const _ of [ME, OTHER]) await (await openAt(url))[Symbol.asyncDispose]();
    const connection = new Connection(url);
    const { values } = encode([], uuid);
    for (const row of rows) {
      const stands = [STREAM, row.worker, row.batch];
      await connection.ask(
        "UPDATE streams SET worker = $2::bigint, batch = $3::bigint WHERE stream = $1::int",
        stands,
      );
      const asked = [STREAM, ME, BATCH, ...values];
      const [reply] = await connection.ask<{ what: string }>(callOf("commit"), asked);
      const found = fence(row, ME, BATCH);
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
