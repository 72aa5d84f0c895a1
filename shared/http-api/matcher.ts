/**
 * Finds the row that a request asks for. Bun's own `routes` read the target as it was sent while
 * `request.url` has its `..` resolved, so that a path could match one row and be passed on as another;
 * here both are the same text.
 */
import { rowOf, type OperationId } from "./table.ts";
import type { Row } from "./row.ts";

export type Match<Id extends OperationId> = {
  readonly id: Id;
  readonly row: Row;
  /** The segment that the row's path leaves open, as it was sent; empty when there is none. */
  readonly open: string;
};
export type Find<Id extends OperationId> = (path: string) => Match<Id> | null;

export function matcherOf<Id extends OperationId>(ids: readonly Id[]): Find<Id> {
  const matches = ids.map((id): Match<Id> => ({ id, row: rowOf(id), open: "" }));
  const exact = new Map(matches.map((match) => [match.row.path, match]));
  const templates = matches.flatMap((match) => {
    const [prefix, suffix] = match.row.path.split(/\{\w+\}/);
    return prefix === undefined || suffix === undefined ? [] : [{ match, prefix, suffix }];
  });
  for (const { match } of templates) exact.delete(match.row.path);
  const folders = matches.filter(({ row }) => row.below === true);
  return (path) => {
    const found = exact.get(path);
    if (found !== undefined) return found;
    for (const { match, prefix, suffix } of templates) {
      const open = between(path, prefix, suffix);
      if (open !== null) return { ...match, open };
    }
    return folders.find(({ row }) => path.startsWith(`${row.path}/`)) ?? null;
  };
}

/** The whole segment between the two, or null. */
function between(path: string, prefix: string, suffix: string): string | null {
  if (!path.startsWith(prefix) || !path.endsWith(suffix)) return null;
  const open = path.slice(prefix.length, path.length - suffix.length);
  return open === "" || open.includes("/") ? null : open;
}

/** The methods that a row takes, as the `Allow` header names them; a row that takes GET takes HEAD. */
export function allowOf({ method }: Row): string {
  return method === "GET" ? "GET, HEAD" : method;
}

export function takes(row: Row, method: string): boolean {
  return method === row.method || (method === "HEAD" && row.method === "GET");
}
