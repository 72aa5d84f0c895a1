/** A peer to connect to, by a name that may come to mean other addresses. */
import { isIP } from "node:net";
import { addressesOf, hostIn, type Resolve } from "./names.ts";

export type Endpoint = {
  readonly hostname: string;
  readonly port: number;
  /** True over TLS: the certificate has to be valid, and to be of `hostname`. */
  readonly tls?: true;
};

export class Peer {
  readonly endpoint: Endpoint;
  /** True for a name, which may move; false for an address. */
  readonly isName: boolean;
  readonly #resolve: Resolve;
  #first: string | null = null;

  constructor(endpoint: Endpoint, resolve: Resolve = addressesOf) {
    this.endpoint = endpoint;
    this.isName = isIP(endpoint.hostname) === 0;
    this.#resolve = resolve;
  }

  /** Resolves anew. The address to be tried first comes first. */
  async addresses(): Promise<readonly string[]> {
    const found = await this.#resolve(this.endpoint.hostname);
    const first = this.#first;
    if (first === null || !found.includes(first)) return found;
    return [first, ...found.filter((address) => address !== first)];
  }

  /** True when the last connection was made to this address. */
  hasWorked(address: string): boolean {
    return this.#first === address;
  }

  /** Tries this address before the others from now on, as long as it is the name's. */
  prefer(address: string): void {
    this.#first = address;
  }
}

/** Makes the peer of a checked address: http or https, a host, perhaps a port. */
export function peerAt(url: string, resolve?: Resolve): Peer {
  const parsed = new URL(url);
  const isSafe = parsed.protocol === "https:";
  const port = Number(parsed.port || (isSafe ? "443" : "80"));
  const endpoint = { hostname: hostIn(parsed), port };
  return new Peer(isSafe ? { ...endpoint, tls: true } : endpoint, resolve);
}
