/** Who may call what changes something: whoever has the admin token. */
import { timingSafeEqual } from "node:crypto";

/** Without a token nobody is asked for one. Takes as long for a wrong one as for the right one. */
export function isAuthorized(token: string | null, request: Request): boolean {
  if (token === null) return true;
  const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();
  const given = request.headers.get("authorization") ?? "";
  return timingSafeEqual(digest(given), digest(`Bearer ${token}`));
}
