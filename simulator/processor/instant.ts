const ISO =
  /^(\d{4}-\d{2}-(\d{2}))(?:T((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * ISO 8601 text as milliseconds since 1970; null when it is not an instant. Without a zone it is UTC.
 * Half a millisecond stands for anything finer: what it is compared with is whole, and a double of
 * this size would round .999999 up to the next one.
 */
export function instantMs(text: string): number | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [, date = "", day = "", time = "00:00", fraction = "", zone = "Z"] = match;
  const midnightMs = Date.parse(date);
  // Date.parse takes 30 February for 1 March.
  if (Number.isNaN(midnightMs) || new Date(midnightMs).getUTCDate() !== Number(day)) return null;
  const wholeMs = Date.parse(`${date}T${time}${zone}`);
  if (Number.isNaN(wholeMs)) return null;
  const finer = /[1-9]/.test(fraction.slice(3));
  return wholeMs + Number(fraction.slice(0, 3).padEnd(3, "0")) + (finer ? 0.5 : 0);
}

/** The date that stands for one left out: 0001-01-01T00:00:00Z, the lowest of the real processor. */
export const DATE_MIN_MS = Date.parse("0001-01-01T00:00:00Z");
