/**
 * Opens a journal's own side of an audit beside the worker, or while none runs. The driver of a database
 * is loaded only for one.
 */
import { knownAddresses } from "../addresses.ts";
import { openToRead } from "../format.ts";
import { isPostgres } from "../journal-url.ts";
import { SqliteReader } from "../journal/sqlite-reader.ts";
import { namesIn, settledIn } from "./file.ts";
import type { OwnBooks } from "./own-books.ts";

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
    ...settledIn(db, names.length),
    async [Symbol.asyncDispose]() {
      db.close();
    },
  };
}
