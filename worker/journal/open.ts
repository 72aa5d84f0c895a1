/**
 * Opens the journal that `JOURNAL` names, with the driver for it. The one for PostgreSQL is loaded only
 * then: a worker over a file pays nothing for it.
 */
import { existsSync } from "node:fs";
import type { Clock } from "../../shared/clock.ts";
import { isPostgres } from "../journal-url.ts";
import type { WorkerJournal } from "./driver.ts";
import type { PostgresOptions, PostgresSettings } from "./postgres.ts";
import { openJournal as openFile, type JournalOptions, type JournalSettings } from "./turn.ts";

/** `isNew` says that there was none before; of a database it is not known. */
export type OpenedJournal = { readonly journal: WorkerJournal; readonly isNew: boolean };

/** Opens or creates the journal. Rejects with one sentence when it cannot be. */
export async function openJournal(
  settings: JournalSettings & PostgresSettings,
  processors: readonly string[],
  clock: Clock,
  options: JournalOptions & PostgresOptions,
): Promise<OpenedJournal> {
  const { JOURNAL, JOURNAL_SYNC } = settings;
  if (!isPostgres(JOURNAL)) {
    const isNew = !existsSync(JOURNAL);
    return { journal: await openFile(settings, processors, clock, options), isNew };
  }
  if (JOURNAL_SYNC !== "full") {
    throw new Error(
      `JOURNAL_SYNC=${JOURNAL_SYNC} is for a file: a database is always asked for full`,
    );
  }
  const { openPostgresJournal } = await import("./postgres.ts");
  return openPostgresJournal(settings, clock, options);
}
