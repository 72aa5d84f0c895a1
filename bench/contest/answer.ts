/** Just enough of HTTP/1.1 to read one answer: a length, chunks, or no body at all. */
export type HttpAnswer = {
  readonly status: number;
  readonly body: Buffer;
  /** Of head and body, as they were received. */
  readonly bytes: number;
  readonly keepsAlive: boolean;
};

const HEAD_END = "\r\n\r\n";
const EMPTY = Buffer.alloc(0);

/** Null while there is more to come. Throws on what is no answer. */
export function readAnswer(received: Buffer): HttpAnswer | null {
  const headBytes = received.indexOf(HEAD_END);
  if (headBytes < 0) return null;
  const head = received.toString("latin1", 0, headBytes);
  if (!head.startsWith("HTTP/1.1 ")) throw new Error(`not an answer: ${head.slice(0, 60)}`);
  const status = Number(head.slice(9, 12));
  const keepsAlive = !/\r\nconnection: *close/i.test(head);
  const body = readBody(received, headBytes + HEAD_END.length, status, head);
  return body === null ? null : { status, keepsAlive, ...body };
}

type Body = { readonly body: Buffer; readonly bytes: number };

function readBody(received: Buffer, at: number, status: number, head: string): Body | null {
  if (status === 204 || status === 304) return { body: EMPTY, bytes: at };
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) {
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) return readChunks(received, at);
    throw new Error(`an answer without a length: ${head}`);
  }
  const end = at + Number(length);
  return received.length < end ? null : { body: received.subarray(at, end), bytes: end };
}

function readChunks(received: Buffer, from: number): Body | null {
  const chunks: Buffer[] = [];
  for (let at = from; ;) {
    const lineEnd = received.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(received.toString("latin1", at, lineEnd), 16);
    if (!(size >= 0)) throw new Error("a chunk without a size");
    const begin = lineEnd + 2;
    // The chunk and its line end; after the last, empty one there are no trailers.
    const next = begin + size + 2;
    if (received.length < next) return null;
    if (size === 0) return { body: Buffer.concat(chunks), bytes: next };
    chunks.push(received.subarray(begin, begin + size));
    at = next;
  }
}
