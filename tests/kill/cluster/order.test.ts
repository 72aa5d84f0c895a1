/** The look at the database's order finds nothing in a sound one, and each fault that is put into it. */
import { afterAll, describe, expect, test } from "bun:test";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { assigned, settle } from "../../../worker/journal/journal.fixture.ts";
import {
  freshDatabase,
  openAt,
  stopPostgres,
} from "../../../worker/journal/postgres/postgres.fixture.ts";
import { BLOCK_ROWS } from "../../../worker/transitions.ts";
import { auditOrder } from "./order.ts";

const PAYMENTS = BLOCK_ROWS + 10;

afterAll(stopPostgres);

async function settledJournal(): Promise<string> {
  const url = await freshDatabase();
  await using opened = await openAt(url);
  const seqs = Array.from({ length: PAYMENTS }, (_, i) => i + 1);
  await opened.apply(...seqs.map((seq) => assigned(seq)));
  await opened.apply(...seqs.map((seq) => settle(seq, seq - 1)));
  return url;
}

describe.skipIf(WHY_NO_POSTGRES !== null)(`the order in a database${NO_POSTGRES}`, () => {
  test("is found sound", async () => {
    expect(await auditOrder(await settledJournal())).toEqual([]);
  });

  test.each([
    ["DELETE FROM ledger WHERE row = 7", "a stream's rows have a hole"],
    ["DELETE FROM ledger WHERE row = 7", "a settled payment has no row"],
    ["UPDATE streams SET rows = rows + 1 WHERE stream = 0", "a stream's rows have a hole"],
    [
      "UPDATE ledger SET id = (SELECT id FROM ledger WHERE row = 1) WHERE row = 2",
      "it stands in two rows",
    ],
    [
      "UPDATE ledger SET amount_cents = amount_cents + 1 WHERE row = 2",
      "a row is not what its payment says",
    ],
    ["UPDATE blocks SET cents = cents + 1", "a block is not the sum of its rows"],
    ["DELETE FROM blocks", "a block is not the sum of its rows"],
  ])("with %s has a finding", async (fault, finding) => {
    const url = await settledJournal();
    await using sql = new Bun.SQL({ url, max: 1 });
    await sql.unsafe(fault);
    const found = await auditOrder(url);
    expect(found.map(({ text }) => text)).toContain(finding);
  });
});
