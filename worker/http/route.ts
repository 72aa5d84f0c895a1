/** Finds the row of a request, and has it answered if it may be. */
import { matcherOf } from "../../shared/http-api/matcher.ts";
import { queryMistake, type Row } from "../../shared/http-api/row.ts";
import {
  OPERATION_IDS,
  rowOf,
  type OperationId,
  type OwnedBy,
} from "../../shared/http-api/table.ts";
import { readRequestBody } from "../../shared/http/request-body.ts";
import { pathOf, queryOf, targetOf } from "../../shared/http/target.ts";
import { problem, unavailable } from "../../shared/problem.ts";
import { refusalOf, type Admission } from "./authorization.ts";
import { JournalUnreachable } from "../journal-reader.ts";
import type { Standstill } from "./standstill.ts";

/** The longest decision takes half of it, with every character escaped. */
const BODY_BYTES_MAX = 64 * 1024;

export type Call = {
  readonly path: string;
  /** Segment that the row's path leaves open. */
  readonly open: string;
  readonly query: URLSearchParams;
  readonly request: Pick<Request, "method" | "headers">;
  /** Empty when the row takes none. */
  readonly body: string;
  /** Keeps the connection of an answer that goes on: it is not idle, however long it is silent. */
  readonly keepOpen: () => void;
};
export type Answer = (call: Call) => Response | Promise<Response>;
type WorkerOperation = OwnedBy<"worker" | "each">;
/** An answer that is missing, or is to no operation of the worker, is an error of types. */
export type Answers = { readonly [Id in WorkerOperation]: Answer };

export type Site = {
  readonly answers: Answers;
  readonly admission: Admission;
  readonly standstill: Pick<Standstill, "untilFresh">;
};

const isAnsweredHere = (id: OperationId): id is WorkerOperation => rowOf(id).owner !== "api";
export const WORKER_OPERATIONS = OPERATION_IDS.filter(isAnsweredHere);
const find = matcherOf(WORKER_OPERATIONS);

export async function answer(
  site: Site,
  request: Request,
  keepOpen: () => void,
): Promise<[label: string, Response]> {
  const target = targetOf(request.url);
  const path = pathOf(target);
  const match = find(path, request.method);
  if (match === null) return ["none", problem(404, `There is nothing at ${path}.`)];
  const { id, row, open } = match;
  const label = labelOf(row);
  if (!match.takes) {
    const { allow } = match;
    return [label, problem(405, `${path} answers ${allow} only.`, { allow })];
  }
  const call = { path, open, query: queryOf(target), request, body: "", keepOpen };
  return [label, await answerOf(site, id, call, request)];
}

async function answerOf(
  site: Site,
  id: WorkerOperation,
  call: Call,
  request: Request,
): Promise<Response> {
  const row = rowOf(id);
  const { guard, reads } = row;
  try {
    if (reads === "always") await site.standstill.untilFresh();
    const isGuarded = guard !== undefined && guard !== "read";
    const refusal = isGuarded ? refusalOf(guard, site.admission, call.request) : null;
    if (refusal !== null) return refusal;
    const mistake = queryMistake(row, call.query);
    if (mistake !== null) return problem(400, mistake);
    if (row.method === "GET") return await site.answers[id](call);
    const body = await readRequestBody(request, BODY_BYTES_MAX);
    return body.kind === "refused"
      ? body.answer
      : await site.answers[id]({ ...call, body: body.text });
  } catch (error) {
    if (!(error instanceof JournalUnreachable)) throw error;
    return unavailable(error.message);
  }
}

/** Makes the label in metrics, of which there is a bounded number. */
function labelOf({ path }: Row): string {
  return path.replace("{correlationId}", "{id}");
}

export function json(body: string): Response {
  return new Response(body, { headers: { "content-type": "application/json" } });
}
