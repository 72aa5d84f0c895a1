/** Admits callers to what changes something: those who have the admin token. */
import { timingSafeEqual } from "node:crypto";
import type { Row } from "../../shared/http-api/row.ts";
import { problem } from "../../shared/problem.ts";
import type { Secrets } from "../../shared/settings.ts";
import type { WorkerSettings } from "../settings.ts";

export type Admission = Pick<WorkerSettings, "ADMIN_TOKEN" | "PURGE_ENABLED">;
type Asking = Pick<Request, "headers">;
type Guard = NonNullable<Row["guard"]>;

const CALLS = { operator: "Operator calls need", purge: "Purging needs" };

/** Gives the answer that refuses a request, or null when it is admitted. */
export function refusalOf(guard: Guard, admission: Admission, request: Asking): Response | null {
  const off = whyOff(guard, admission);
  if (off !== null) return problem(404, off);
  if (isAuthorized(admission.ADMIN_TOKEN, request)) return null;
  const detail = `${CALLS[guard]} the header Authorization: Bearer with the admin token.`;
  return problem(401, detail, { "www-authenticate": "Bearer" });
}

function whyOff(guard: Guard, { ADMIN_TOKEN, PURGE_ENABLED }: Admission): string | null {
  if (guard === "purge") return PURGE_ENABLED ? null : "Purging is off: PURGE_ENABLED is not true.";
  return ADMIN_TOKEN === null ? "Operator calls are off: ADMIN_TOKEN is not set." : null;
}

/** True when no token is set, or the request has one of them. A wrong one takes as long as the right one. */
function isAuthorized(tokens: Secrets | null, request: Asking): boolean {
  if (tokens === null) return true;
  const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();
  const given = digest(request.headers.get("authorization") ?? "");
  const matches = tokens.map((token) => timingSafeEqual(given, digest(`Bearer ${token}`)));
  return matches.includes(true);
}
