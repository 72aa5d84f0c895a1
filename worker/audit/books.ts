/**
 * Opens a journal's own side of an audit beside the worker, or while none runs. The driver of a database
 * is loaded only for one.
 */
import { knownAddresses, type KnownAddress } from "../addresses.ts";
import { openToRead } from "../format.ts";
import { isPostgres } from "../journal-url.ts";
import type { JournalReader } from "../journal-reader.ts";
import { SqliteReader } from "../journal/sqlite-reader.ts";
import type { SummaryReader } from "../summary.ts";
import { namesIn, summaryOf } from "./file.ts";

export type OwnBooks = AsyncDisposable & {
  readonly journal: JournalReader;
  /** Names of processors by number. */
  readonly names: readonly string[];
  readonly addresses: readonly KnownAddress[];
  /** All that is settled at this moment. */
  readonly summary: SummaryReader;
};

/** Rejects with one sentence. */
export async function openBooks(journal: string): Promise<OwnBooks> {
  if (!isPostgres(journal)) return booksInFile(journal);
  const { booksInDatabase } = await import("./database.ts");
  return booksInDatabase(journal);
}

function booksInFile(path: string): OwnBooks {
  const db = openToRead(path);
  const names = namesIn(db);
  return {
    journal: new SqliteReader(db),
    names,
    addresses: knownAddresses(db),
    summary: summaryOf(db, names.length),
    async [Symbol.asyncDispose]() {
      db.close();
    },
  };
}
