/** The URL that leads to a journal on PostgreSQL, and how it is shown: without its password. */
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

/** What may be logged and said of a journal: a path as it is, a URL without password and options. */
export function shownJournal(journal: string): string {
  if (!isPostgres(journal)) return journal;
  const { protocol, username, host, pathname } = new URL(journal);
  return `${protocol}//${username === "" ? "" : `${username}@`}${host}${pathname}`;
}
