/** Whether an error of SQLite says that the file is not what was written to it. */
export function isCorruption(error: unknown): error is Error {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && /^SQLITE_(CORRUPT|NOTADB)/.test(code);
}
