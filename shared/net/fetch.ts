/**
 * `fetch` to an address that the name has now: Bun's own goes to the one that it has had for up to 30 s,
 * and so does this one over TLS. The next address is tried when nobody listens at one; then nothing has left.
 */
import { isIPv6 } from "node:net";
import { isOwnFault, causeOf } from "./own-fault.ts";
import type { Peer } from "./peer.ts";

/** Straight there, whatever proxy the environment names. */
type Init = Omit<BunFetchRequestInit, "headers" | "proxy"> & { readonly headers?: Headers };

const NOBODY_LISTENS = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL"]);

/** `target` is path and query. Rejects with an error whose code tells our own faults from others. */
export async function fetchFrom(peer: Peer, target: string, init: Init = {}): Promise<Response> {
  const { hostname, port, tls } = peer.endpoint;
  const headers = new Headers(init.headers);
  headers.set("host", `${inUrl(hostname)}:${port}`);
  let failure: unknown = null;
  for (const address of await addressesOf(peer, init.signal ?? null)) {
    try {
      // A certificate is of the name, and `fetch` knows no other way to say which.
      const origin = tls ? `https://${inUrl(hostname)}` : `http://${inUrl(address)}`;
      const url = `${origin}:${port}${target}`;
      const response = await fetch(url, { ...init, headers, proxy: false } as BunFetchRequestInit);
      peer.prefer(address);
      return response;
    } catch (error) {
      failure = withCause(error, peer.hasWorked(address));
      const { code } = failure as { readonly code?: unknown };
      if (!NOBODY_LISTENS.has(String(code))) break;
    }
  }
  throw failure;
}

/** True when it was this process that could not make the call. */
export function isOurs(error: unknown): boolean {
  return isOwnFault(String((error as { readonly code?: unknown }).code));
}

async function addressesOf(peer: Peer, signal: AbortSignal | null): Promise<readonly string[]> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([peer.addresses(), aborted.promise]);
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
