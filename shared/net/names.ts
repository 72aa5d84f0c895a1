/**
 * Resolves names by getaddrinfo, so that /etc/hosts counts, and anew every time: Bun keeps what it has
 * resolved for `fetch`, `Bun.connect` and `node:net` for 30 s, in which the address may have become
 * somebody else's. Lookups of one name at the same time are one lookup.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

/** Resolves a host to one address or more, the preferred first. Rejects with an error that has a code. */
export type Resolve = (host: string) => Promise<readonly string[]>;

const underWay = new Map<string, Promise<readonly string[]>>();

export const addressesOf: Resolve = (host) => {
  if (isIP(host) !== 0) return Promise.resolve([host]);
  const shared = underWay.get(host);
  if (shared !== undefined) return shared;
  const asked = lookup(host, { all: true })
    .then((found) => [...new Set(found.map(({ address }) => address))])
    .finally(() => underWay.delete(host));
  underWay.set(host, asked);
  return asked;
};

/** Host of a URL as `addressesOf` and sockets take it: IPv6 without brackets. */
export function hostIn({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}
