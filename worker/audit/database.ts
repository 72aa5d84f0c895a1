/** Reads a journal on PostgreSQL for an audit, as file.ts reads one in a file. */
import { shownJournal } from "../journal-url.ts";
import { knownAddressesIn } from "../journal/postgres/addresses.ts";
import { Connection } from "../journal/postgres/connection.ts";
import { ledgerBlocks, ledgerRows, STREAM } from "../journal/postgres/ledger.ts";
import { POSTGRES_MIGRATIONS, schemaOf } from "../journal/postgres/migrations.ts";
import { PostgresReader } from "../journal/postgres/reader.ts";
import { BLOCK_ROWS } from "../ledger.ts";
import { SummaryReader } from "../summary.ts";
import type { OwnBooks } from "./own-books.ts";
import { ringFor } from "./ring.ts";

/** Blocks whose sums are read at a time. */
const BLOCKS_AT_ONCE = 4_096;

/** Rejects with one sentence. */
export async function booksInDatabase(url: string): Promise<OwnBooks> {
  const connection = new Connection(url, Number.POSITIVE_INFINITY);
  const journal = new PostgresReader(url, STREAM);
  const close = async () => {
    connection.drop();
    await journal.close();
  };
  try {
    const schema = await schemaOf((...question) => connection.ask(...question));
    if (schema !== POSTGRES_MIGRATIONS.length) {
      throw new Error(
        `it has schema ${schema}: a worker's start upgrades it, and so does worker migrate`,
      );
    }
    const addresses = await knownAddressesIn(connection);
    const names = addresses.map(({ name }) => name);
    const summary = await summaryIn(connection, names.length);
    return { journal, names, addresses, summary, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw new Error(`journal ${shownJournal(url)}: ${(error as Error).message}`, { cause: error });
  }
}

async function summaryIn(connection: Connection, processors: number): Promise<SummaryReader> {
  const ask = <Row>(text: string, values: readonly unknown[]) => connection.ask<Row>(text, values);
  const [ends] = await ask<{ base: number; next: number }>(
    "SELECT base::float8, rows::float8 AS next FROM streams WHERE stream = $1::int",
    [STREAM],
  );
  const { base, next } = ends!;
  const rows = (from: number, to: number) => ledgerRows(ask, STREAM, from, to);
  const { ledger, firstInRing } = ringFor(base, next, processors);
  for (let row = base; row < firstInRing;) {
    const from = row;
    row = Math.min(firstInRing, row + BLOCKS_AT_ONCE * BLOCK_ROWS);
    const blocks = await ledgerBlocks(ask, STREAM, from, row, processors);
    for (const totals of blocks) ledger.restoreBlock(totals);
  }
  ledger.restoreRows(await rows(firstInRing, next));
  return new SummaryReader(ledger.memory, rows);
}
