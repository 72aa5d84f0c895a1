/**
 * Opens the reader that fits the journal: of a file by its path, of a database by its URL. What else is
 * read of a file or beside it has this instead when the journal is a database:
 *
 *   room on the disk             no figure; the disk is the database's, and so is the alert
 *   when it was copied last      no figure; copies are made by the database's own means
 *   history of the page          is not kept over a restart
 *   damage of the file           is not looked for; the database checks its pages
 *   commands beside a worker     refuse it in one sentence, where a file is what they work on; the audit reads both
 */
import { openToRead } from "../format.ts";
import { isPostgres } from "../journal-url.ts";
import type { JournalReader } from "../journal-reader.ts";
import { Questions } from "./postgres/questions.ts";
import { PostgresReader } from "./postgres/reader.ts";
import { SqliteReader } from "./sqlite-reader.ts";

/** Throws with one sentence when a file cannot be read; a database is first asked by a question. */
export function openReader(journal: string): JournalReader {
  return isPostgres(journal)
    ? new PostgresReader(new Questions(journal))
    : new SqliteReader(openToRead(journal));
}
