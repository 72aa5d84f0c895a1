/**
 * HTTP/1.x by hand, for the independent processor: requests read from a stream of bytes, and answers written in every
 * shape that the protocol allows. No library comes between, so that an answer can be cut at any byte, be sent a byte
 * at a time, or have an end that nobody announced. Requests must announce their length, as the gateway's do.
 */
import { integerFrom } from "../../testing/random.ts";

export type Request = { readonly method: string; readonly target: string; readonly body: string };
export type Answer = {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** `old` is HTTP/1.0; `unannounced` is that, too, and its body ends where the connection does. */
export const SHAPES = ["plain", "plain", "chunked", "closing", "old"] as const;
export type Shape = (typeof SHAPES)[number] | "unannounced";

const HEAD_END = "\r\n\r\n";
const REQUEST_BYTES_MAX = 16_384;
const CHUNK_BYTES_MAX = 40;

export class RequestReader {
  #left = "";

  /** Gives the requests that are whole now; throws on what is no request. */
  read(bytes: Buffer): Request[] {
    // Bytes are characters here, and bodies are decoded when they are whole.
    this.#left += bytes.toString("latin1");
    const requests: Request[] = [];
    for (;;) {
      const headEnd = this.#left.indexOf(HEAD_END);
      if (headEnd === -1) break;
      const [first = "", ...fields] = this.#left.slice(0, headEnd).split("\r\n");
      const [method = "", target = "", version] = first.split(" ");
      if (version !== "HTTP/1.1") throw new Error(`no request: ${first}`);
      const bodyAt = headEnd + HEAD_END.length;
      const end = bodyAt + lengthIn(fields);
      if (this.#left.length < end) break;
      const body = Buffer.from(this.#left.slice(bodyAt, end), "latin1").toString("utf8");
      this.#left = this.#left.slice(end);
      requests.push({ method, target, body });
    }
    if (this.#left.length > REQUEST_BYTES_MAX) throw new Error("a request without an end");
    return requests;
  }
}

function lengthIn(fields: readonly string[]): number {
  for (const field of fields) {
    const [, name = "", value = ""] = /^([^:]+):\s*(.*?)\s*$/.exec(field) ?? [];
    if (/^transfer-encoding$/i.test(name)) throw new Error("a request of unannounced length");
    if (/^content-length$/i.test(name)) return Number(value);
  }
  return 0;
}

/** Bytes of an answer. The connection has to be closed behind it, unless its shape is plain or chunked. */
export function bytesOf(answer: Answer, shape: Shape, random: () => number): Buffer {
  const body = Buffer.from(answer.body);
  const isOld = shape === "old" || shape === "unannounced";
  const fields = Object.entries({
    "content-type": "application/json; charset=utf-8",
    ...answer.headers,
    ...(shape === "chunked" ? { "transfer-encoding": "chunked" } : {}),
    ...(shape === "closing" ? { connection: "close" } : {}),
    ...(shape === "chunked" || shape === "unannounced" ? {} : { "content-length": body.length }),
  });
  const isLoud = random() < 0.2;
  const lines = fields.map(
    ([name, value]) => `${isLoud ? name.toUpperCase() : name}: ${value}\r\n`,
  );
  const head = `HTTP/${isOld ? "1.0" : "1.1"} ${answer.status} So it is\r\n${lines.join("")}\r\n`;
  return Buffer.concat([
    Buffer.from(head),
    ...(shape === "chunked" ? chunks(body, random) : [body]),
  ]);
}

export function staysOpen(shape: Shape): boolean {
  return shape === "plain" || shape === "chunked";
}

function chunks(body: Buffer, random: () => number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const piece = body.subarray(at, at + integerFrom(random, 1, CHUNK_BYTES_MAX));
    at += piece.length;
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n"));
  }
  return [...pieces, Buffer.from("0\r\n\r\n")];
}
