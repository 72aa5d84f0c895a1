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
  /** False when the path takes other methods only: then the row is one of them. */
  readonly takes: boolean;
  /** Methods that the path takes, as the `Allow` header names them. */
  readonly allow: string;
};
type Found<Id extends OperationId> = Pick<Match<Id>, "id" | "row" | "open">;
export type Find<Id extends OperationId> = (path: string, method: string) => Match<Id> | null;

export function matcherOf<Id extends OperationId>(ids: readonly Id[]): Find<Id> {
  const all = ids.map((id): Found<Id> => ({ id, row: rowOf(id), open: "" }));
  const exact = Map.groupBy(all, ({ row }) => row.path);
  const templates = all.flatMap((found) => {
    const [prefix, suffix] = found.row.path.split(/\{\w+\}/);
    return prefix === undefined || suffix === undefined ? [] : [{ found, prefix, suffix }];
  });
  for (const { found } of templates) exact.delete(found.row.path);
  const folders = all.filter(({ row }) => row.below === true);
  return (path, method) => {
    const found = exact.get(path);
    if (found !== undefined) return matchOf(found, method);
    for (const { found: template, prefix, suffix } of templates) {
      const open = between(path, prefix, suffix);
      if (open !== null) return matchOf([{ ...template, open }], method);
    }
    const folder = folders.find(({ row }) => path.startsWith(`${row.path}/`));
    return folder === undefined ? null : matchOf([folder], method);
  };
}

/** Chooses among the rows of one path. */
function matchOf<Id extends OperationId>(found: readonly Found<Id>[], method: string): Match<Id> {
  const taking = found.find(({ row }) => takes(row, method));
  const allow = found.map(({ row }) => allowOf(row)).join(", ");
  return Object.assign({ takes: taking !== undefined, allow }, taking ?? found[0]!);
}

/** The whole segment between the two, or null. */
function between(path: string, prefix: string, suffix: string): string | null {
  if (!path.startsWith(prefix) || !path.endsWith(suffix)) return null;
  const open = path.slice(prefix.length, path.length - suffix.length);
  return open === "" || open.includes("/") ? null : open;
}

/** The methods that a row takes, as the `Allow` header names them; a row that takes GET takes HEAD. */
function allowOf({ method }: Row): string {
  return method === "GET" ? "GET, HEAD" : method;
}

function takes(row: Row, method: string): boolean {
  return method === row.method || (method === "HEAD" && row.method === "GET");
}
