/**
 * Fetches from an address that the name has now, and at which a server listens: Bun's own `fetch` goes
 * to the address that it has kept for up to 30 s. Over TLS this one does too, and Bun tries the name's
 * addresses: a certificate is of the name, and `fetch` knows no other way to say which.
 */
import { isIPv6 } from "node:net";
import { CONNECT_MS_MAX, dial } from "./dial.ts";
import { isOwnFault, causeOf } from "./own-fault.ts";
import { Peer } from "./peer.ts";

/** Options without a proxy: the request goes straight there, even if the environment names one. */
type Init = Omit<BunFetchRequestInit, "headers" | "proxy"> & { readonly headers?: Headers };

/** Fetches a path and query. Rejects with an error whose code tells our own faults from others. */
export async function fetchFrom(peer: Peer, target: string, init: Init = {}): Promise<Response> {
  const { hostname, port, tls } = peer.endpoint;
  const headers = new Headers(init.headers);
  headers.set("host", `${inUrl(hostname)}:${port}`);
  const address = tls ? hostname : await unlessAborted(addressOf(peer), init.signal ?? null);
  const url = `${tls ? "https" : "http"}://${inUrl(address)}:${port}${target}`;
  try {
    const response = await fetch(url, { ...init, headers, proxy: false } as BunFetchRequestInit);
    peer.prefer(address);
    return response;
  } catch (error) {
    throw withCause(error, peer.hasWorked(address));
  }
}

/** True when it was this process that could not make the call. */
export function isOurs(error: unknown): boolean {
  return isOwnFault(String((error as { readonly code?: unknown }).code));
}

/**
 * Chooses among several addresses by a connection that is made and given up: `fetch` takes none from
 * outside.
 */
async function addressOf(peer: Peer): Promise<string> {
  const addresses = await peer.addresses();
  if (addresses.length === 1) return addresses[0] as string;
  const known = new Peer(peer.endpoint, () => Promise.resolve(addresses));
  const dialled = await dial(known, { data() {} }, undefined, CONNECT_MS_MAX);
  if (dialled.kind === "refused") throw refusal(dialled.code);
  dialled.socket.terminate();
  return dialled.address;
}

function refusal(code: string): Error {
  return Object.assign(new Error(`refused: ${code}`), { code });
}

async function unlessAborted<V>(promise: Promise<V>, signal: AbortSignal | null): Promise<V> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } catch (error) {
    throw withCause(error, false);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

function withCause(error: unknown, hasWorked: boolean): Error {
  const { code, message } = error as Error & { readonly code?: unknown };
  if (typeof code !== "string") return error as Error;
  return Object.assign(new Error(message, { cause: error }), { code: causeOf(code, hasWorked) });
}

function inUrl(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
