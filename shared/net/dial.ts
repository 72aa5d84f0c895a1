/**
 * Makes a connection that may be spoken on: resolves the name, tries its addresses beside each other,
 * and over TLS waits until the certificate is known to be good. Until then no byte of a request has
 * left, so that every failure is a refusal.
 */
import type { Socket, SocketHandler } from "bun";
import { firstOf } from "./first.ts";
import { causeOf, isOwnFault } from "./own-fault.ts";
import { Overdue } from "./overdue.ts";
import type { Peer } from "./peer.ts";

export type Dialled<T> =
  | { readonly kind: "connected"; readonly socket: Socket<T>; readonly address: string }
  | { readonly kind: "refused"; readonly code: string };

type Handler<T> = SocketHandler<T, "buffer">;
type Failed = { readonly code?: unknown };

/** Time within which there is a connection, or the other side is not there. */
export const CONNECT_MS_MAX = 3_000;
/** An address that says nothing for this long is no longer waited for alone. */
const NEXT_ADDRESS_MS = 250;

/**
 * Connects within `ms`, or gives up. `data` is the socket's; `handler` hears of it before it is handed
 * out, too, and of the sockets beside it that are given up.
 */
export async function dial<T>(
  peer: Peer,
  handler: Handler<T>,
  data: T,
  ms: number,
): Promise<Dialled<T>> {
  const over = new AbortController();
  const late = Object.assign(new Error("not in time"), { code: "ETIMEDOUT" });
  const overdue = new Overdue(ms, () => over.abort(late));
  const { signal } = over;
  try {
    const addresses = await unless(signal, peer.addresses(), () => {});
    const attempt = (address: string) => attemptAt(peer, address, { handler, data, signal });
    const isFinal = (error: unknown) => signal.aborted || isOwnFault(codeOf(error as Failed));
    const rules = { nextAfterMs: NEXT_ADDRESS_MS, isFinal, discard };
    const connected = await unless(signal, firstOf(addresses, attempt, rules), discard);
    peer.prefer(connected.address);
    return { kind: "connected", ...connected };
  } catch (error) {
    return { kind: "refused", code: causeOf(codeOf(error as Failed), false) };
  } finally {
    overdue.cancel();
    // The attempts beside the first may still be under way.
    over.abort(late);
  }
}

function discard<T>({ socket }: { readonly socket: Socket<T> }): void {
  socket.terminate();
}

type Attempt<T> = {
  readonly handler: Handler<T>;
  readonly data: T;
  readonly signal: AbortSignal;
};

async function attemptAt<T>(peer: Peer, address: string, attempt: Attempt<T>) {
  const { hostname, port, tls } = peer.endpoint;
  const to = { hostname: address, port, data: attempt.data };
  try {
    const socket = tls
      ? await connectSafely({ ...to, ...attempt, serverName: hostname })
      : await connect(Bun.connect<T>({ ...to, socket: attempt.handler }), attempt.signal);
    return { socket, address };
  } catch (error) {
    const code = causeOf(codeOf(error as Failed), peer.hasWorked(address));
    throw Object.assign(new Error(`no connection to ${address}`, { cause: error }), { code });
  }
}

function codeOf({ code }: Failed): string {
  return typeof code === "string" ? code : "ECONNREFUSED";
}

function connect<T>(connecting: Promise<Socket<T>>, signal: AbortSignal): Promise<Socket<T>> {
  return unless(signal, connecting, (socket) => discard({ socket }));
}

type SafeOptions<T> = Attempt<T> & {
  readonly hostname: string;
  readonly port: number;
  readonly serverName: string;
};

/** Bun says whether the certificate is good, and of `serverName`; refusing it is left to us. */
async function connectSafely<T>({ handler, serverName, signal, ...to }: SafeOptions<T>) {
  const { promise: shaken, resolve, reject } = Promise.withResolvers<void>();
  shaken.catch(() => {}); // It may fail before anything waits for it.
  const ended = (name: "end" | "close" | "error") => (socket: Socket<T>) => {
    reject(Object.assign(new Error("no handshake"), { code: "ECONNRESET" }));
    (handler[name] as ((socket: Socket<T>) => void) | undefined)?.(socket);
  };
  const connecting = Bun.connect<T>({
    ...to,
    tls: { serverName, rejectUnauthorized: true },
    socket: {
      ...handler,
      handshake(socket, isGood, error) {
        if (isGood && socket.authorized) resolve();
        else reject(error ?? new Error("the handshake failed"));
      },
      end: ended("end"),
      close: ended("close"),
      error: ended("error"),
    },
  });
  const socket = await connect(connecting, signal);
  try {
    await unless(signal, shaken, () => {});
    return socket;
  } catch (error) {
    socket.terminate();
    throw error;
  }
}

/** Gives the promise's value if it comes before the signal; a later one is handed to `discard`. */
function unless<V>(
  signal: AbortSignal,
  promise: Promise<V>,
  discardLate: (late: V) => void,
): Promise<V> {
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason as Error);
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    const settled = () => signal.removeEventListener("abort", end);
    promise.then(
      (value) => {
        settled();
        if (signal.aborted) discardLate(value);
        else resolve(value);
      },
      (error: unknown) => {
        settled();
        reject(error as Error);
      },
    );
  });
}
