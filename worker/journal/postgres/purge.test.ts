/**
 * Tests a purge beside other workers: it moves the base of every stream between two of their batches, and
 * what they settle next has to stand behind that base, without a gap, whatever they had counted themselves.
 */
import { afterAll, expect, test } from "bun:test";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { BLOCK_ROWS } from "../../transitions.ts";
import { assigned, settle, uuid } from "../journal.fixture.ts";
import { encode } from "./batch.ts";
import { Connection } from "./connection.ts";
import { callOf } from "./functions.ts";
import { joined, leave } from "./lease.ts";
import { ask, freshDatabase, openAt, stopPostgres } from "./postgres.fixture.ts";

const NO_MAP = -1;

afterAll(stopPostgres);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `rows are numbered behind the base that another worker's purge has moved${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    {
      await using opened = await openAt(url);
      await opened.apply(assigned(1), assigned(2), assigned(3), assigned(4));
      await opened.apply(settle(1, 0));
      const connection = new Connection(url);
      await using other = new AsyncDisposableStack();
      other.defer(() => connection.drop());
      await connection.ask(
        `INSERT INTO workers (worker, name, link, http, alive_until) OVERRIDING SYSTEM VALUE
       VALUES (7, 'other', 'l:1', 'h:2', clock_timestamp() + interval '1 hour')`,
      );
      const stream = await joined(connection, 7);
      const { values } = encode([{ kind: "purge", baseRow: 0, atMs: 7 }], uuid);
      const asked = [stream, 7, 1, NO_MAP, ...values];
      const [reply] = await connection.ask<{ what: string }>(callOf("commit"), asked);
      expect(reply?.what).toBe("done");
      await leave(connection, 7, "drained");
      await opened.apply(settle(2, 1), settle(3, 2));
      await opened.apply(settle(4, 3));
    }
    const rows =
      "SELECT row::int FROM ledger JOIN streams USING (stream) WHERE row >= base ORDER BY 1";
    const found = [BLOCK_ROWS, BLOCK_ROWS + 1, BLOCK_ROWS + 2].map((row) => ({ row }));
    expect(await ask(url, rows)).toEqual(found);
    await using again = await openAt(url);
    const head = { baseRow: BLOCK_ROWS, nextRow: BLOCK_ROWS + 3 };
    expect(again.journal.head).toMatchObject(head);
  },
);
