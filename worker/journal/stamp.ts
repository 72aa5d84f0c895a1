/** An instant in the name of a file: UTC, to the second, in the order of names. */
const STAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

export function stampOf(atMs: number): string {
  return new Date(atMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

/** Null for anything else, such as a day that does not exist. */
export function readStamp(text: string): number | null {
  const [, ...parts] = (STAMP.exec(text) ?? []).map(Number) as (number | undefined)[];
  if (parts.length === 0) return null;
  const [year, month, day, hours, minutes, seconds] = parts as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const atMs = Date.UTC(year, month - 1, day, hours, minutes, seconds);
  return stampOf(atMs) === text ? atMs : null;
}
