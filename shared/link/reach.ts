/** Tells which addresses need no secret of their own: this machine's and a private network's. */
import { isIP } from "node:net";
import type { Secrets } from "../settings.ts";

const PRIVATE_V4 = [/^127\./, /^10\./, /^192\.168\./, /^172\.(1[6-9]|2\d|3[01])\./, /^169\.254\./];
const PRIVATE_V6 = [/^::1$/, /^f[cd]/i, /^fe[89ab]/i];

/** True for a literal address on loopback or a private network; the wildcard addresses are not. */
export function isPrivateAddress(address: string): boolean {
  const v4 = address.replace(/^::ffff:/i, "");
  if (isIP(v4) === 4) return PRIVATE_V4.some((range) => range.test(v4));
  return isIP(address) === 6 && PRIVATE_V6.some((range) => range.test(address));
}

/** A shorter secret can be guessed from overheard datagrams. */
const SECRET_LENGTH_MIN = 16;

/** The reason why these secrets, or none, will not do for an address, or null. `place` names the setting. */
export function whySecretWontDo(
  secrets: Secrets | null,
  address: string,
  place: string,
): string | null {
  if (secrets === null) {
    if (isPrivateAddress(address)) return null;
    return `LINK_SECRET must be set: ${place} is not on a private network`;
  }
  if (!isShort(secrets) || isLoopbackAddress(address)) return null;
  const what = secrets.length === 1 ? "LINK_SECRET" : "each part of LINK_SECRET";
  return `${what} must have ${SECRET_LENGTH_MIN} characters or more: ${place} is beyond loopback`;
}

export function isShort(secrets: Secrets): boolean {
  return secrets.some((secret) => secret.length < SECRET_LENGTH_MIN);
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./i.test(address);
}
