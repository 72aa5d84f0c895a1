/** Makes calls to one server by promise, over as many connections as there are calls at a time. */
import { HttpConnection, type Endpoint, type Outcome } from "../../shared/http/connection.ts";
import type { Tally } from "./tally.ts";

export type Headers = Readonly<Record<string, string>>;
/** Time that every call of the test may take. */
export const CALL_TIMEOUT_MS = 1_500;

export class HttpClient {
  readonly url: string;
  readonly #endpoint: Endpoint;
  readonly #tally: Tally | null;
  readonly #timeoutMs: number;
  readonly #idle: HttpConnection[] = [];

  /** Calls are counted in `tally`, if there is one. */
  constructor(url: string, tally: Tally | null, timeoutMs: number = CALL_TIMEOUT_MS) {
    this.url = url;
    this.#endpoint = endpointOf(url);
    this.#tally = tally;
    this.#timeoutMs = timeoutMs;
  }

  call(method: string, path: string, headers: Headers = {}, body?: unknown): Promise<Outcome> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const connection = this.#idle.pop() ?? new HttpConnection(this.#endpoint, this.#timeoutMs);
    return new Promise((resolve) => {
      connection.call(requestOf(this.#endpoint, { method, path, headers, text }), (outcome) => {
        this.#tally?.add(outcome);
        this.#idle.push(connection);
        resolve(outcome);
      });
    });
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) connection.close();
  }
}

/** Splits an address that has been checked: http, and nothing behind the port. */
export function endpointOf(url: string): Endpoint {
  const { hostname, port } = new URL(url);
  return { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port || "80") };
}

type Request = {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly text: string;
};

export function requestOf(
  { hostname, port }: Endpoint,
  { method, path, headers, text }: Request,
): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}:${port}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  if (method !== "GET") {
    lines.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(text)}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n${text}`;
}

/** The JSON of an answer with status 200, or null when there is none. */
export function jsonOf(outcome: Outcome): Record<string, unknown> | null {
  if (outcome.kind === "failure" || outcome.status !== 200) return null;
  try {
    const value: unknown = JSON.parse(outcome.body.toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null; // Half an answer is none.
  }
}

/** Words the outcome of a call that went wrong. */
export function saidOf(outcome: Outcome): string {
  return outcome.kind === "answer"
    ? `answered ${outcome.status}`
    : `got no answer: ${outcome.reason}`;
}
