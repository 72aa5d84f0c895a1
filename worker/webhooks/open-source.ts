/** Opens the reader of webhooks that fits the journal: of a file by its path, of a database by its URL. */
import { openToRead } from "../format.ts";
import { isPostgres } from "../journal-url.ts";
import { PostgresSource } from "./postgres-source.ts";
import type { WebhookSource } from "./source.ts";
import { SqliteSource } from "./sqlite-source.ts";

/** Throws with one sentence when a file cannot be read; a database is first asked by a question. */
export function openSource(journal: string): WebhookSource {
  return isPostgres(journal) ? new PostgresSource(journal) : new SqliteSource(openToRead(journal));
}
