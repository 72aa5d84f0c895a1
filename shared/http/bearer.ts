/** Tells whether a request has one of the tokens: the worker's for administration, the API's for reading. */
import { timingSafeEqual } from "node:crypto";
import type { Secrets } from "../settings.ts";

/** A wrong one takes as long as the right one. */
export function hasToken(tokens: Secrets, headers: Pick<Headers, "get">): boolean {
  const digest = (text: string) => new Bun.CryptoHasher("sha256").update(text).digest();
  const given = digest(headers.get("authorization") ?? "");
  const matches = tokens.map((token) => timingSafeEqual(given, digest(`Bearer ${token}`)));
  return matches.includes(true);
}
