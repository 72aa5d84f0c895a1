/** Reads a journal on PostgreSQL for an audit, as file.ts reads one in a file. */
import { shownJournal } from "../journal-url.ts";
import { knownAddressesIn } from "../journal/postgres/addresses.ts";
import { Connection } from "../journal/postgres/connection.ts";
import { Fold } from "../journal/postgres/fold.ts";
import { POSTGRES_MIGRATIONS, schemaOf } from "../journal/postgres/migrations.ts";
import { PostgresReader } from "../journal/postgres/reader.ts";
import { Questions } from "../journal/postgres/questions.ts";
import { allocateLedger, LedgerWriter } from "../ledger.ts";
import { SummaryReader } from "../summary.ts";
import type { OwnBooks } from "./own-books.ts";
import { SLOTS } from "./ring.ts";

/** Rejects with one sentence. */
export async function booksInDatabase(url: string): Promise<OwnBooks> {
  const connection = new Connection(url, Number.POSITIVE_INFINITY);
  const questions = new Questions(url);
  const close = async () => {
    connection.drop();
    questions.close();
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
    const ledger = new LedgerWriter(allocateLedger(SLOTS, names.length));
    const fold = await Fold.begin((text, values) => questions.ask(text, values), ledger);
    const journal = new PostgresReader(questions, fold);
    const { memory } = ledger;
    const summary = new SummaryReader(memory, (...rows) => journal.rows(...rows));
    return { journal, names, addresses, memory, summary, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw new Error(`journal ${shownJournal(url)}: ${(error as Error).message}`, { cause: error });
  }
}
