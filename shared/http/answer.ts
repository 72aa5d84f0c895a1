/**
 * Just enough of HTTP/1.1 to read one answer from the bytes of a connection. What is not clear is no
 * answer: two lengths, a length beside chunks, something else where a head should be.
 */
export type HttpAnswer = {
  readonly status: number;
  /** The lines between the first one and the empty one. */
  readonly head: string;
  readonly body: Buffer;
  /** Of everything that was read. */
  readonly bytes: number;
  readonly keepsAlive: boolean;
  /** The end of the body was announced, so that one cut short would have been noticed. */
  readonly complete: boolean;
};

const HEAD_END = "\r\n\r\n";
const HEAD_BYTES_MAX = 16 * 1024;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [^\r\n]*)?(?:\r\n|$)/;
const EMPTY = Buffer.alloc(0);

/**
 * Null while there is more to come; `ended` says that there is not. Throws on what is no answer.
 * Informational answers before the one are passed over.
 */
export function readAnswer(received: Buffer, ended = false, from = 0): HttpAnswer | null {
  const headEnd = received.indexOf(HEAD_END, from);
  if (headEnd < 0 || headEnd - from > HEAD_BYTES_MAX) {
    if (received.length - from > HEAD_BYTES_MAX) throw new Error("a head without an end");
    return null;
  }
  const text = received.toString("latin1", from, headEnd);
  const line = STATUS_LINE.exec(text);
  if (line === null) throw new Error(`not an answer: ${text.slice(0, 60)}`);
  const status = Number(line[2]);
  const at = headEnd + HEAD_END.length;
  if (status < 200) return readAnswer(received, ended, at);
  const head = text.slice(line[0].length);
  const body = readBody(received, at, { status, head, ended });
  if (body === null) return null;
  const connection = headerOf(head, "connection")?.toLowerCase();
  const asked = line[1] === "1" ? connection !== "close" : connection === "keep-alive";
  return { status, head, keepsAlive: asked && body.complete, ...body };
}

type HeaderName = "connection" | "content-length" | "retry-after" | "transfer-encoding";

const HEADERS: Record<HeaderName, RegExp> = {
  connection: header("connection"),
  "content-length": header("content-length"),
  "retry-after": header("retry-after"),
  "transfer-encoding": header("transfer-encoding"),
};

function header(name: HeaderName): RegExp {
  return new RegExp(`^${name}:[ \\t]*([^\\r\\n]*?)[ \\t]*\\r?$`, "gim");
}

/** The first value of a header. */
export function headerOf(head: string, name: HeaderName): string | null {
  return valuesOf(head, name)[0] ?? null;
}

function valuesOf(head: string, name: HeaderName): string[] {
  return [...head.matchAll(HEADERS[name])].map(([, value = ""]) => value);
}

type Body = Pick<HttpAnswer, "body" | "bytes" | "complete">;
type Framing = { readonly status: number; readonly head: string; readonly ended: boolean };

function readBody(received: Buffer, at: number, { status, head, ended }: Framing): Body | null {
  if (status === 204 || status === 304) return { body: EMPTY, bytes: at, complete: true };
  const lengths = valuesOf(head, "content-length");
  const codings = valuesOf(head, "transfer-encoding");
  if (lengths.length + codings.length > 1) throw new Error("an answer of two lengths");
  const [length] = lengths;
  if (length !== undefined) {
    if (!/^\d{1,15}$/.test(length)) throw new Error(`an answer of length ${length}`);
    const bytes = at + Number(length);
    if (received.length < bytes) return null;
    return { body: received.subarray(at, bytes), bytes, complete: true };
  }
  if (codings[0]?.toLowerCase() === "chunked") return readChunks(received, at);
  // Its end is the connection's.
  if (!ended) return null;
  return { body: received.subarray(at), bytes: received.length, complete: false };
}

function readChunks(received: Buffer, from: number): Body | null {
  const chunks: Buffer[] = [];
  for (let at = from; ;) {
    const lineEnd = received.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const [size] =
      /^[\da-f]{1,8}(?=$|[ \t;])/i.exec(received.toString("latin1", at, lineEnd)) ?? [];
    if (size === undefined) throw new Error("a chunk without a size");
    const begin = lineEnd + 2;
    const end = begin + Number.parseInt(size, 16);
    if (received.length < end + 2) return null;
    // After the last, empty one come no trailers.
    if (received.toString("latin1", end, end + 2) !== "\r\n")
      throw new Error("a chunk without an end");
    if (end === begin) return { body: Buffer.concat(chunks), bytes: end + 2, complete: true };
    chunks.push(received.subarray(begin, end));
    at = end + 2;
  }
}
