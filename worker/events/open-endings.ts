/** Opens the reader of what ended that fits the journal: of a file by its path, of a database by its URL. */
import { openToRead } from "../format.ts";
import { isPostgres } from "../journal-url.ts";
import { PostgresEndings, type OnTariffs } from "./postgres-endings.ts";
import type { Endings } from "./endings.ts";
import { SqliteEndings } from "./sqlite-endings.ts";

/**
 * Throws with one sentence when a file cannot be read; a database is first asked by a question. No other worker begins
 * tariffs in a file.
 */
export function openEndings(journal: string, onTariffs?: OnTariffs): Endings {
  return isPostgres(journal)
    ? new PostgresEndings(journal, onTariffs)
    : new SqliteEndings(openToRead(journal));
}
