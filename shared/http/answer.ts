/**
 * Reads one answer of HTTP/1.1 from the bytes of a connection, and understands just enough for that.
 * Bytes that are not clear are no answer: two lengths, a length beside chunks, something else where a
 * head should be. Every byte is looked at once, however many pieces, heads and chunks there are.
 */
import { GrowingBytes } from "./growing.ts";

export type HttpAnswer = {
  readonly status: number;
  /** Lines between the first and the empty one. */
  readonly head: string;
  readonly body: Buffer;
  /** Length of everything that was read. */
  readonly bytes: number;
  readonly keepsAlive: boolean;
  /** True when the end of the body was announced, so that a body cut short would have been noticed. */
  readonly complete: boolean;
};

const NOTHING = Buffer.alloc(0);
const HEAD_END = "\r\n\r\n";
const HEAD_BYTES_MAX = 16 * 1024;
/** Most informational answers before the real one; no server sends so many. */
const INFORMATIONAL_MAX = 16;
/** Longest line of a chunk's size, with extensions that are not read. */
const CHUNK_LINE_BYTES_MAX = 1024;
const CHUNK_DIGITS_MAX = 8;
/** A carriage return alone: some readers take it for a new line, and others do not. */
const BARE_CR = /\r(?!\n)/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [^\r\n]*)?(?:\r\n|$)/;

type Framing =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunks" }
  /** The body ends with the connection. */
  | { readonly kind: "rest" };
type Head = Pick<HttpAnswer, "status" | "head"> & {
  readonly asksToStay: boolean;
  readonly framing: Framing;
};
type Body = Pick<HttpAnswer, "body" | "bytes" | "complete">;

/** Reads one answer. Throws on bytes that are none; informational answers before it are passed over. */
export class AnswerReader {
  /** Length of all pieces so far. */
  received = 0;
  /** Made when an answer comes in more than one piece, or in chunks: few do. */
  #kept: GrowingBytes | null = null;
  #chunks: GrowingBytes | null = null;
  /** Position up to which everything is read. */
  #at = 0;
  /** Position up to which no head ends. */
  #searchedTo = 0;
  #informational = 0;
  #head: Head | null = null;

  /** Reads a piece. Null while there is more to come. */
  read(piece: Buffer): HttpAnswer | null {
    this.received += piece.length;
    this.#kept?.append(piece);
    const answer = this.#answerIn(this.#kept?.bytes ?? piece, false);
    if (answer === null && this.#kept === null) {
      this.#kept = new GrowingBytes();
      this.#kept.append(piece);
    }
    return answer;
  }

  /** Ends the bytes: there is no more to come. Null when that is too soon. */
  end(): HttpAnswer | null {
    return this.#answerIn(this.#kept?.bytes ?? NOTHING, true);
  }

  #answerIn(all: Buffer, ended: boolean): HttpAnswer | null {
    this.#head ??= this.#readHead(all);
    if (this.#head === null) return null;
    const { status, head, asksToStay, framing } = this.#head;
    const read = this.#readBody(all, framing, ended);
    if (read === null) return null;
    const { body, bytes, complete } = read;
    return { status, head, body, bytes, complete, keepsAlive: asksToStay && complete };
  }

  #readHead(all: Buffer): Head | null {
    for (;;) {
      const end = all.indexOf(HEAD_END, Math.max(this.#at, this.#searchedTo));
      const bytes = (end < 0 ? all.length : end) - this.#at;
      if (bytes > HEAD_BYTES_MAX) throw new Error("a head without an end");
      this.#searchedTo = all.length - HEAD_END.length + 1;
      if (end < 0) return null;
      const head = readHead(all.toString("latin1", this.#at, end));
      this.#at = end + HEAD_END.length;
      this.#searchedTo = this.#at;
      if (head.status >= 200) return head;
      if (++this.#informational > INFORMATIONAL_MAX) throw new Error("no end of what comes before");
    }
  }

  #readBody(all: Buffer, framing: Framing, ended: boolean): Body | null {
    switch (framing.kind) {
      case "length": {
        const bytes = this.#at + framing.bytes;
        if (all.length < bytes) return null;
        return { body: all.subarray(this.#at, bytes), bytes, complete: true };
      }
      case "chunks":
        return this.#readChunks(all);
      case "rest":
        if (!ended) return null;
        return { body: all.subarray(this.#at), bytes: all.length, complete: false };
    }
  }

  #readChunks(all: Buffer): Body | null {
    for (;;) {
      const begin = chunkAt(all, this.#at);
      if (begin < 0) return null;
      const size = sizeOfChunk(all, this.#at);
      const end = begin + size;
      if (all.length < end + 2) return null;
      // No trailers come after the last, empty chunk.
      if (all[end] !== CR || all[end + 1] !== LF) throw new Error("a chunk without an end");
      this.#at = end + 2;
      if (size === 0) {
        return { body: this.#chunks?.bytes ?? NOTHING, bytes: this.#at, complete: true };
      }
      this.#chunks ??= new GrowingBytes();
      this.#chunks.append(all.subarray(begin, end));
    }
  }
}

/** The head that was read last. Those of one server are the same to the byte for as long as a date in them is. */
let last: { readonly text: string; readonly head: Head } | null = null;

function readHead(text: string): Head {
  if (text !== last?.text) last = { text, head: parseHead(text) };
  return last.head;
}

function parseHead(text: string): Head {
  const line = STATUS_LINE.exec(text);
  if (line === null || BARE_CR.test(text)) throw new Error(`not an answer: ${text.slice(0, 60)}`);
  const status = Number(line[2]);
  const head = text.slice(line[0].length);
  const connection = headerOf(head, "connection")?.toLowerCase();
  const asksToStay = line[1] === "1" ? connection !== "close" : connection === "keep-alive";
  return { status, head, asksToStay, framing: framingOf(status, head) };
}

function framingOf(status: number, head: string): Framing {
  if (status < 200 || status === 204 || status === 304) return { kind: "length", bytes: 0 };
  const lengths = valuesOf(head, "content-length");
  const codings = valuesOf(head, "transfer-encoding");
  if (lengths.length + codings.length > 1) throw new Error("an answer of two lengths");
  const [length] = lengths;
  if (length === undefined) {
    return { kind: codings[0]?.toLowerCase() === "chunked" ? "chunks" : "rest" };
  }
  if (!/^\d{1,15}$/.test(length)) throw new Error(`an answer of length ${length}`);
  return { kind: "length", bytes: Number(length) };
}

type HeaderName = "connection" | "content-length" | "retry-after" | "transfer-encoding";

/** First value of a header. */
export function headerOf(head: string, name: HeaderName): string | null {
  return valuesOf(head, name)[0] ?? null;
}

/** Passes over the lines once: patterns for each name took a tenth of what a call costs. */
function valuesOf(head: string, name: HeaderName): string[] {
  const values: string[] = [];
  for (let at = 0; at < head.length;) {
    const newline = head.indexOf("\n", at);
    const end = newline < 0 ? head.length : newline;
    const colon = at + name.length;
    if (head[colon] === ":" && head.slice(at, colon).toLowerCase() === name) {
      values.push(withoutBlanks(head, colon + 1, end));
    }
    at = end + 1;
  }
  return values;
}

function withoutBlanks(text: string, begin: number, end: number): string {
  let from = begin;
  let to = end;
  while (from < to && isBlank(text[from])) from++;
  while (to > from && isBlank(text[to - 1])) to--;
  return text.slice(from, to);
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t" || character === "\r";
}

const CR = 13;
const LF = 10;

/** Start of the bytes of the chunk whose size stands at `at`; -1 while that line is not all there. */
function chunkAt(all: Buffer, at: number): number {
  let end = at;
  while (end - at <= CHUNK_DIGITS_MAX && digitOf(all[end]) >= 0) end++;
  const next = all[end];
  if (end - at > CHUNK_DIGITS_MAX) throw new Error("a chunk without a size");
  if (next === undefined) return -1;
  if (end === at || !FOLLOWS_SIZE.has(next)) throw new Error("a chunk without a size");
  if (next === CR) return all[end + 1] === LF ? end + 2 : afterCr(all[end + 1]);
  const lineEnd = all.subarray(end, at + CHUNK_LINE_BYTES_MAX).indexOf("\r\n");
  if (lineEnd >= 0) return end + lineEnd + 2;
  if (all.length - at >= CHUNK_LINE_BYTES_MAX) throw new Error("a chunk without a size");
  return -1;
}

/** A size ends with its line, or before an extension. */
const FOLLOWS_SIZE: ReadonlySet<number> = new Set(Buffer.from("\r \t;"));

function afterCr(next: number | undefined): -1 {
  if (next !== undefined) throw new Error("a chunk without a size");
  return -1;
}

function sizeOfChunk(all: Buffer, at: number): number {
  let size = 0;
  for (let digit = at; digitOf(all[digit]) >= 0; digit++) size = size * 16 + digitOf(all[digit]);
  return size;
}

function digitOf(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
