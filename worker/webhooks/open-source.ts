/** Opens the reader of webhooks that fits the journal: of a file by its path, of a database by its URL. */
import { openToRead } from "../format.ts";
import { isPostgres } from "../journal-url.ts";
import type { OnTariffs } from "../events/postgres-endings.ts";
import { PostgresSource } from "./postgres-source.ts";
import type { WebhookSource } from "./source.ts";
import { SqliteSource } from "./sqlite-source.ts";

/**
 * Throws with one sentence when a file cannot be read; a database is first asked by a question. No other worker begins
 * tariffs in a file.
 */
export function openSource(journal: string, onTariffs?: OnTariffs): WebhookSource {
  return isPostgres(journal)
    ? new PostgresSource(journal, onTariffs)
    : new SqliteSource(openToRead(journal));
}
