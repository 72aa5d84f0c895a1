/**
 * Keeps calls to somebody else's address, such as webhooks, out of places that are reached from this machine and not from outside: this machine, its
 * network, the address that clouds give secrets out at. A name is judged by what it resolves to at each
 * connection, since it may resolve to something else by then.
 */
import { BlockList, isIP } from "node:net";
import { addressesOf, type Resolve } from "./names.ts";

/** Ranges of IANA's registries of special addresses that are not reached from everywhere. */
const NOT_PUBLIC_V4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];
/** Addresses of IPv4 in those of IPv6 are not public either: whom they reach, only their gateway knows. */
const NOT_PUBLIC_V6 = [
  "::/127",
  "::ffff:0:0/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
];

/** A single list would take every address of IPv4 for one of those that are written in IPv6. */
const notPublic = { ipv4: listOf(NOT_PUBLIC_V4, "ipv4"), ipv6: listOf(NOT_PUBLIC_V6, "ipv6") };

function listOf(ranges: readonly string[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address, bits] = range.split("/") as [string, string];
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** True for a literal address that is not reached from everywhere; a zone makes it one of this machine. */
export function isPrivate(address: string): boolean {
  const family = isIP(address);
  if (family === 0 || address.includes("%")) return true;
  const version = family === 4 ? "ipv4" : "ipv6";
  return notPublic[version].check(address, version);
}

/** Code of a refusal to connect, where others have the system's. */
export const PRIVATE = "PRIVATE_ADDRESS";

/** Resolves a host, and refuses all of its addresses when one of them is private. */
export function publicOnly(resolve: Resolve = addressesOf): Resolve {
  return async (host) => {
    const addresses = await resolve(host);
    const found = addresses.find(isPrivate);
    if (found === undefined) return addresses;
    throw Object.assign(new Error(`${host} is at ${found}, which is private`), { code: PRIVATE });
  };
}
