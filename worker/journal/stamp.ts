/** An instant in the name of a file: UTC, to the second, in the order of names. */
const STAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

export function stampOf(atMs: number): string {
  return new Date(atMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
}

/** Null for anything else, such as a day that does not exist. */
export function readStamp(text: string): number | null {
  const atMs = Date.parse(text.replace(STAMP, "$1-$2-$3T$4:$5:$6Z"));
  return Number.isFinite(atMs) && stampOf(atMs) === text ? atMs : null;
}
