/** Whether an error of SQLite says that the file is not what was written to it. */
export function isCorruption(error: unknown): error is Error {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^SQLITE_(CORRUPT|NOTADB)/.test(code);
}

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** The same of a number, which may have more bits above those that tell the kind. */
export function isCorruptionCode(code: number): boolean {
  return (code & 0xff) === SQLITE_CORRUPT || (code & 0xff) === SQLITE_NOTADB;
}
