/**
 * One request to a processor and its whole answer. Over plain HTTP through connections of our own,
 * because `fetch` keeps 64 idle ones for the whole process, opens the others anew for every call until
 * the ports run out, and takes three times the CPU; over TLS through `fetch` (docs/adr/0021).
 */
import { isUtf8 } from "node:buffer";
import { headerOf } from "../../shared/http/answer.ts";
import { HttpConnection, type Outcome } from "../../shared/http/connection.ts";

export type Exchange = (request: {
  readonly url: string;
  /** Posted as JSON; absent for a GET. */
  readonly body?: string;
  readonly timeoutMs: number;
}) => Promise<{
  readonly status: number;
  /** Null when it is no text in UTF-8. */
  readonly body: string | null;
  readonly retryAfter: string | null;
  /** The answer's length was announced, so that one cut short would have been noticed. */
  readonly complete: boolean;
}>;

/** `neverLeft`: no connection came about, so that no byte of the request has left. */
export type ExchangeError = Error & { readonly code?: unknown; readonly neverLeft?: true };

/** To the processor at `url`. Rejects with an ExchangeError when there is no whole answer. */
export function exchangeTo(url: string, idleMsMax = IDLE_MS_MAX): Exchange {
  return url.startsWith("http://") ? new ConnectionPool(url, idleMsMax).exchange : fetchExchange;
}

/** A body that ends too soon throws, and is as unknown as no answer at all. */
const fetchExchange: Exchange = async ({ url, body, timeoutMs }) => {
  const post = { method: "POST", headers: { "content-type": "application/json" } };
  const response = await fetch(url, {
    ...(body === undefined ? {} : { ...post, body }),
    redirect: "manual",
    proxy: false,
    signal: AbortSignal.timeout(timeoutMs),
  } as RequestInit);
  return wholeOf(response);
};

export async function wholeOf(response: Response): ReturnType<Exchange> {
  const { status, headers } = response;
  return {
    status,
    body: textOf(Buffer.from(await response.arrayBuffer())),
    retryAfter: headers.get("retry-after"),
    complete: headers.has("content-length") || headers.get("transfer-encoding") === "chunked",
  };
}

/** As it is: a mark of byte order is kept, and what is no text is not mended. */
function textOf(bytes: Buffer): string | null {
  return isUtf8(bytes) ? bytes.toString() : null;
}

/** Below what servers wait before they close (Node.js: 5 s), or a call might meet its closing. */
const IDLE_MS_MAX = 3_000;

class ConnectionPool {
  readonly #endpoint: { readonly hostname: string; readonly port: number };
  readonly #headers: string;
  /** Of the url: origin, before the path. */
  readonly #originLength: number;
  readonly #idleMsMax: number;
  /** Longest idle first. */
  #idle: HttpConnection[] = [];

  constructor(base: string, idleMsMax: number) {
    const { hostname, port, host, origin } = new URL(base);
    this.#endpoint = { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port || "80") };
    this.#headers = `HTTP/1.1\r\nHost: ${host}\r\nAccept: application/json\r\n`;
    this.#originLength = origin.length;
    this.#idleMsMax = idleMsMax;
    setInterval(() => this.#sweep(), idleMsMax / 4).unref();
  }

  readonly exchange: Exchange = ({ url, body, timeoutMs }) => {
    const connection = this.#take();
    const request = this.#requestOf(url.slice(this.#originLength), body);
    return new Promise((resolve, reject) => {
      const done = (outcome: Outcome) => {
        if (connection.isOpen) this.#idle.push(connection);
        if (outcome.kind === "failure") return reject(errorOf(outcome));
        const { status, body: bytes, head, complete } = outcome;
        const retryAfter = status === 429 ? headerOf(head, "retry-after") : null;
        resolve({ status, body: textOf(bytes), retryAfter, complete });
      };
      connection.call(request, done, timeoutMs);
    });
  };

  /** The one used last: the others may be given up. */
  #take(): HttpConnection {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return new HttpConnection(this.#endpoint);
      if (connection.isOpen) return connection;
    }
  }

  #sweep(): void {
    const sinceMs = performance.now() - this.#idleMsMax;
    const isOver = ({ isOpen, idleSinceMs }: HttpConnection) => !isOpen || idleSinceMs < sinceMs;
    for (const connection of this.#idle) if (isOver(connection)) connection.close();
    this.#idle = this.#idle.filter(({ isOpen }) => isOpen);
  }

  #requestOf(path: string, body: string | undefined): Buffer {
    if (body === undefined) return Buffer.from(`GET ${path} ${this.#headers}\r\n`);
    const posted = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    return Buffer.from(`POST ${path} ${this.#headers}${posted}\r\n${body}`);
  }
}

function errorOf({ reason, code }: Extract<Outcome, { kind: "failure" }>): ExchangeError {
  const error = new Error(`${reason}: ${code}`);
  if (reason === "timeout") error.name = "TimeoutError";
  return Object.assign(error, {
    code,
    ...(reason === "refused" ? { neverLeft: true as const } : {}),
  });
}
