/** Admits callers to what changes something: those who have the admin token. */
import type { Row } from "../../shared/http-api/row.ts";
import { hasToken } from "../../shared/http/bearer.ts";
import { problem } from "../../shared/problem.ts";
import type { WorkerSettings } from "../settings.ts";

export type Admission = Pick<WorkerSettings, "ADMIN_TOKEN" | "PURGE_ENABLED">;
type Asking = Pick<Request, "headers">;
/** An API asks for the token to read by itself: on the worker's own listener everybody may. */
type Guard = Exclude<NonNullable<Row["guard"]>, "read">;

const CALLS = { operator: "Operator calls need", purge: "Purging needs" };

/** Gives the answer that refuses a request, or null when it is admitted. */
export function refusalOf(guard: Guard, admission: Admission, request: Asking): Response | null {
  const off = whyOff(guard, admission);
  if (off !== null) return problem(404, off);
  const { ADMIN_TOKEN } = admission;
  if (ADMIN_TOKEN === null || hasToken(ADMIN_TOKEN, request.headers)) return null;
  const detail = `${CALLS[guard]} the header Authorization: Bearer with the admin token.`;
  return problem(401, detail, { "www-authenticate": "Bearer" });
}

function whyOff(guard: Guard, { ADMIN_TOKEN, PURGE_ENABLED }: Admission): string | null {
  if (guard === "purge") return PURGE_ENABLED ? null : "Purging is off: PURGE_ENABLED is not true.";
  return ADMIN_TOKEN === null ? "Operator calls are off: ADMIN_TOKEN is not set." : null;
}
