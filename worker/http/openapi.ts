/** Describes what the worker's own listener answers, an operator's calls among it. */
import { COMPONENTS } from "../../shared/http-api/components.ts";
import { openApiDocument } from "../../shared/http-api/document.ts";
import { later, trouble, type Row } from "../../shared/http-api/row.ts";
import { rowOf } from "../../shared/http-api/table.ts";
import { WORKER_OPERATIONS } from "./route.ts";

const IN_DOUBT = later("The pipeline stands still, and the journal is not read meanwhile");
const rows = WORKER_OPERATIONS.map((id) => [id, asAnswered(rowOf(id))] as const);
export const WORKER_DOCUMENT: string = JSON.stringify(
  openApiDocument("Papa-Léguas: worker", rows, COMPONENTS),
);

function asAnswered({ guard, ...row }: Row): Row {
  const { method, reads } = row;
  // An API alone asks for the read token, and can have none.
  const { 401: _asks, 404: _hasNone, ...unguarded } = row.answers;
  const answers = {
    ...(method === "POST" ? { 413: trouble("The body is too large") } : {}),
    ...(reads === undefined ? {} : { 503: IN_DOUBT }),
    ...(guard === "read" ? unguarded : row.answers),
  };
  return { ...row, answers, ...(guard === undefined || guard === "read" ? {} : { guard }) };
}
