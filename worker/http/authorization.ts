/** Who may call what changes something: whoever has the admin token. */
import { timingSafeEqual } from "node:crypto";
import type { Row } from "../../shared/http-api/row.ts";
import { problem } from "../../shared/problem.ts";
import type { WorkerSettings } from "../settings.ts";

export type Admission = Pick<WorkerSettings, "ADMIN_TOKEN" | "PURGE_ENABLED">;
type Guard = NonNullable<Row["guard"]>;

const CALLS = { operator: "Operator calls need", purge: "Purging needs" };

/** The answer for whoever may not, or null. */
export function refusalOf(guard: Guard, admission: Admission, request: Request): Response | null {
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

/** Without a token nobody is asked for one. Takes as long for a wrong one as for the right one. */
function isAuthorized(token: string | null, request: Request): boolean {
  if (token === null) return true;
  const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();
  const given = request.headers.get("authorization") ?? "";
  return timingSafeEqual(digest(given), digest(`Bearer ${token}`));
}
