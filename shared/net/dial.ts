/**
 * Makes a connection that may be spoken on: resolves the name, tries its addresses in turn, and over
 * TLS waits until the certificate is known to be good. Until then no byte of a request has left, so
 * that every failure is a refusal.
 */
import type { Socket, SocketHandler } from "bun";
import { causeOf, isOwnFault } from "./own-fault.ts";
import { Overdue } from "./overdue.ts";
import type { Peer } from "./peer.ts";

export type Dialled<T> =
  | { readonly kind: "connected"; readonly socket: Socket<T>; readonly address: string }
  | { readonly kind: "refused"; readonly code: string };

type Handler<T> = SocketHandler<T, "buffer">;
type Failed = { readonly code?: unknown };

/** Ends within `ms`. `data` is the socket's; `handler` hears of it before it is handed out, too. */
export async function dial<T>(
  peer: Peer,
  handler: Handler<T>,
  data: T,
  ms: number,
): Promise<Dialled<T>> {
  const untilMs = performance.now() + ms;
  let code = "ETIMEDOUT";
  try {
    const addresses = await inTime(peer.addresses(), ms, () => {});
    for (const [tried, address] of addresses.entries()) {
      const leftMs = (untilMs - performance.now()) / (addresses.length - tried);
      try {
        const socket = await connect(peer, address, handler, data, Math.max(1, leftMs));
        peer.prefer(address);
        return { kind: "connected", socket, address };
      } catch (error) {
        code = causeOf(codeOf(error as Failed), peer.hasWorked(address));
        if (isOwnFault(code)) break;
      }
    }
  } catch (error) {
    code = causeOf(codeOf(error as Failed), false);
  }
  return { kind: "refused", code };
}

function codeOf({ code }: Failed): string {
  return typeof code === "string" ? code : "ECONNREFUSED";
}

function connect<T>(peer: Peer, address: string, handler: Handler<T>, data: T, ms: number) {
  const { hostname, port, tls } = peer.endpoint;
  const to = { hostname: address, port, data };
  if (tls) return connectSafely({ ...to, handler, serverName: hostname, ms });
  return inTime(Bun.connect<T>({ ...to, socket: handler }), ms, terminate);
}

type SafeOptions<T> = {
  readonly hostname: string;
  readonly port: number;
  readonly data: T;
  readonly handler: Handler<T>;
  readonly serverName: string;
  readonly ms: number;
};

/** Bun says whether the certificate is good, and of `serverName`; it leaves to us what follows. */
async function connectSafely<T>({ handler, serverName, ms, ...to }: SafeOptions<T>) {
  const untilMs = performance.now() + ms;
  const { promise: shaken, resolve, reject } = Promise.withResolvers<void>();
  shaken.catch(() => {}); // It may fail before anybody waits for it.
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
  const socket = await inTime(connecting, ms, terminate);
  try {
    await inTime(shaken, untilMs - performance.now(), () => {});
    return socket;
  } catch (error) {
    socket.terminate();
    throw error;
  }
}

function terminate<T>(socket: Socket<T>): void {
  socket.terminate();
}

/** What comes of it in time; what comes later is handed to `discard`. */
function inTime<V>(promise: Promise<V>, ms: number, discard: (late: V) => void): Promise<V> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const overdue = new Overdue(ms, () => {
      isLate = true;
      reject(Object.assign(new Error("not in time"), { code: "ETIMEDOUT" }));
    });
    promise.then(
      (value) => {
        overdue.cancel();
        if (isLate) discard(value);
        else resolve(value);
      },
      (error: unknown) => {
        overdue.cancel();
        reject(error as Error);
      },
    );
  });
}
