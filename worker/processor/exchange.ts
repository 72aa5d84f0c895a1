/**
 * Makes one request to a processor and reads its whole answer, through connections of our own: `fetch` keeps 64
 * idle ones for the whole process, opens the others anew for every call until the ports run out, takes
 * three times the CPU, and goes on calling the address that a name had before (docs/adr/0021).
 */
import { isUtf8 } from "node:buffer";
import { headerOf } from "../../shared/http/answer.ts";
import type { Outcome } from "../../shared/http/connection.ts";
import { ConnectionPool, type PoolOptions } from "../../shared/http/pool.ts";
import { isOwnFault } from "../../shared/net/own-fault.ts";
import type { Resolve } from "../../shared/net/names.ts";
import { peerAt } from "../../shared/net/peer.ts";

export type Exchange = (request: {
  readonly url: string;
  /** Beside those that every request has. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Posted; absent for a GET. */
  readonly body?: string | undefined;
  /** Type of the body: JSON when absent. */
  readonly contentType?: string | undefined;
  readonly timeoutMs: number;
  /** No other is expected soon: a connection that is made for it is not kept. */
  readonly isAlone?: boolean;
}) => Promise<{
  readonly status: number;
  /** Null when it is no text in UTF-8. */
  readonly body: string | null;
  readonly retryAfter: string | null;
  /** The answer's end was announced, so that one cut short would have been noticed. */
  readonly complete: boolean;
  /** A connection was made for it. */
  readonly connected?: boolean;
}>;

export type ExchangeError = Error & {
  readonly code?: unknown;
  /** No connection came about, so that no byte of the request has left. */
  readonly neverLeft?: true;
  /** It was this process that could not make one: it says nothing about the processor. */
  readonly ownFault?: true;
};

type Options = PoolOptions & {
  readonly resolve?: Resolve;
  /** Headers of every request, such as one that carries a secret. */
  readonly headers?: Readonly<Record<string, string>>;
};

/** To the processor at `base`. Rejects with an ExchangeError when there is no whole answer. */
export function exchangeTo(base: string, options: Options = {}): Exchange {
  const { resolve, headers: everywhere = {}, ...pooled } = options;
  const pool = new ConnectionPool(peerAt(base, resolve), pooled);
  const { host, origin } = new URL(base);
  const plain = `HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\n`;
  const common = plain + linesOf(everywhere);
  return ({ url, headers = {}, body, contentType, timeoutMs, isAlone = false }) => {
    const head = common + linesOf(headers);
    const request = requestOf(url.slice(origin.length), head, body, contentType);
    return ask(pool, request, timeoutMs, isAlone);
  };
}

function ask(
  pool: ConnectionPool,
  request: string,
  timeoutMs: number,
  isAlone: boolean,
): ReturnType<Exchange> {
  return new Promise((resolve, reject) => {
    const ended = (outcome: Outcome) => {
      if (outcome.kind === "failure") return reject(errorOf(outcome));
      const { status, body: bytes, head: given, complete, connected } = outcome;
      const retryAfter = status === 200 ? null : headerOf(given, "retry-after");
      resolve({ status, body: textOf(bytes), retryAfter, complete, connected });
    };
    pool.call(request, timeoutMs, ended, isAlone);
  });
}

/** Gives the text as it is: a mark of byte order is kept, and what is no text is not mended. */
function textOf(bytes: Buffer): string | null {
  return isUtf8(bytes) ? bytes.toString() : null;
}

function linesOf(headers: Readonly<Record<string, string>>): string {
  let lines = "";
  for (const name in headers) lines += `${name}: ${headers[name]}\r\n`;
  return lines;
}

function requestOf(path: string, head: string, body?: string, type = "application/json"): string {
  if (body === undefined) return `GET ${path} ${head}\r\n`;
  const posted = `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return `POST ${path} ${head}${posted}\r\n${body}`;
}

function errorOf({ reason, code }: Extract<Outcome, { kind: "failure" }>): ExchangeError {
  const error = new Error(`${reason}: ${code}`);
  if (reason === "timeout") error.name = "TimeoutError";
  return Object.assign(error, {
    code,
    ...(reason === "refused" ? { neverLeft: true as const } : {}),
    ...(reason === "refused" && isOwnFault(code) ? { ownFault: true as const } : {}),
  });
}
