/**
 * Where the journal is: a file of SQLite by its path, or a database of PostgreSQL by its URL, which is
 * shown without its password. Features that belong to a file refuse a database in one sentence.
 */
const SCHEMES = ["postgres:", "postgresql:"];

/** True when `JOURNAL` names a database, no file. */
export function isPostgres(journal: string): boolean {
  return SCHEMES.some((scheme) => journal.startsWith(`${scheme}//`));
}

/** True for a URL that names a host and a database. */
export function isPostgresUrl(value: string): boolean {
  if (!isPostgres(value) || !URL.canParse(value)) return false;
  const { hostname, pathname } = new URL(value);
  return hostname !== "" && pathname.length > 1;
}

/** Writes a journal as it may be logged and said: a path as it is, a URL without password and options. */
export function shownJournal(journal: string): string {
  if (!isPostgres(journal)) return journal;
  const { protocol, username, host, pathname } = new URL(journal);
  return `${protocol}//${username === "" ? "" : `${username}@`}${host}${pathname}`;
}

/** Throws with one sentence when it is no file: `what` is for files only. */
export function refuseDatabase(journal: string, what: string): void {
  if (!isPostgres(journal)) return;
  throw new Error(
    `journal ${shownJournal(journal)}: ${what} is for a journal in a file; a database has its own tools for \
that (docs/CLUSTER.md)`,
  );
}
