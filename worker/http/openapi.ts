/** What the worker's own listener answers, an operator's calls among it. */
import { COMPONENTS } from "../../shared/http-api/components.ts";
import { openApiDocument } from "../../shared/http-api/document.ts";
import { rowOf } from "../../shared/http-api/table.ts";
import { WORKER_OPERATIONS } from "./route.ts";

const rows = WORKER_OPERATIONS.map(rowOf);
export const WORKER_DOCUMENT: string = JSON.stringify(
  openApiDocument("Papa-Léguas: worker", rows, COMPONENTS),
);
