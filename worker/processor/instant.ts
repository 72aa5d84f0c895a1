/**
 * An instant as a processor writes it, in milliseconds since 1970. Without a zone it is UTC, whatever
 * zone this machine is in: the contest's processors print it so. What is finer than a millisecond is
 * cut off, since nobody was told more. Null is an instant that cannot be read, and proves nothing.
 */
const ISO =
  /^(\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d+))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))?$/;

export function readInstant(value: unknown): number | null {
  const match = typeof value === "string" ? ISO.exec(value) : null;
  if (match === null) return null;
  const [, seconds = "", fraction = "", sign, hours, minutes] = match;
  const atMs = Date.parse(`${seconds}Z`);
  // A day that does not exist (February 30th) would silently become another one.
  if (Number.isNaN(atMs) || !new Date(atMs).toISOString().startsWith(seconds)) return null;
  const offsetMs = sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * 60_000;
  return atMs + Number(fraction.slice(0, 3).padEnd(3, "0")) - (sign === "-" ? -offsetMs : offsetMs);
}
