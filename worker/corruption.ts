/**
 * True when an error of SQLite says that the file is not what was written to it. A short read is of a
 * page beyond the end of a file that once was longer.
 */
export function isCorruption(error: unknown): error is Error {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ)/.test(code);
}

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
const SQLITE_IOERR_SHORT_READ = 522;

/** True of a code likewise, which may have more bits above those that tell the kind. */
export function isCorruptionCode(code: number): boolean {
  const kind = code & 0xff;
  return kind === SQLITE_CORRUPT || kind === SQLITE_NOTADB || code === SQLITE_IOERR_SHORT_READ;
}
