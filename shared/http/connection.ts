/**
 * A keep-alive connection carries one call at a time. A call always ends, in an answer or in a failure;
 * its time runs from the first byte written to the last byte read, and connecting is not in it. The next
 * call after a failure resolves the name anew and connects anew. Nothing is ever sent twice.
 */
import type { Socket, SocketHandler } from "bun";
import { Deadline } from "../net/deadline.ts";
import { CONNECT_MS_MAX, dial } from "../net/dial.ts";
import { Peer, type Endpoint } from "../net/peer.ts";
import { AnswerReader, type HttpAnswer } from "./answer.ts";

export type { Endpoint } from "../net/peer.ts";

/** Ways to fail. Refused means that no connection came about, so that no byte of the request has left. */
export type Failure = "timeout" | "refused" | "broken off";

export type Outcome =
  /** `connected`: on a connection that was made for this call. */
  | ({ readonly kind: "answer"; readonly ms: number; readonly connected: boolean } & HttpAnswer)
  | { readonly kind: "failure"; readonly reason: Failure; readonly code: string };

/** Longest answer; no peer that is called has more to say. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

type Call = {
  readonly request: string;
  readonly done: (outcome: Outcome) => void;
  readonly timeoutMs: number;
  sentAtMs: number;
  connected: boolean;
};

export class HttpConnection {
  /** Time at which its last call ended. */
  idleSinceMs = 0;
  readonly #peer: Peer;
  readonly #timeoutMs: number;
  readonly #answerBytesMax: number;
  #socket: Socket<HttpConnection> | null = null;
  #address: string | null = null;
  #call: Call | null = null;
  #unsent: Buffer | null = null;
  #reader: AnswerReader | null = null;
  readonly #deadline = new Deadline(() => this.#fail("timeout", "TIMEOUT"));
  #isRetired = false;

  constructor(
    to: Endpoint | Peer,
    timeoutMs = Number.POSITIVE_INFINITY,
    answerBytesMax = ANSWER_BYTES_MAX,
  ) {
    this.#peer = to instanceof Peer ? to : new Peer(to);
    this.#timeoutMs = timeoutMs;
    this.#answerBytesMax = answerBytesMax;
  }

  /** Address of the name that it was made to; null while it is not open. */
  get address(): string | null {
    return this.#socket === null ? null : this.#address;
  }

  /** False once the other side has closed it, or a call has failed. */
  get isOpen(): boolean {
    return this.#socket !== null;
  }

  get isBusy(): boolean {
    return this.#call !== null;
  }

  /** Sends a request as UTF-8. */
  call(request: string, done: (outcome: Outcome) => void, timeoutMs = this.#timeoutMs): void {
    if (this.isBusy) throw new Error("a call is under way on this connection");
    const call: Call = { request, done, timeoutMs, sentAtMs: 0, connected: false };
    this.#call = call;
    if (this.#socket === null) void this.#connect(call);
    else this.#send(this.#socket, call);
  }

  /** Closes it, when its call has ended if there is one. */
  retire(): void {
    if (this.isBusy) this.#isRetired = true;
    else this.#drop();
  }

  close(): void {
    if (this.isBusy) this.#fail("broken off", "CLOSED");
    else this.#drop();
  }

  /** Handles the events of all connections. An event of a socket that was given up means nothing. */
  static readonly #HANDLER: SocketHandler<HttpConnection, "buffer"> = {
    binaryType: "buffer",
    data(socket, bytes) {
      if (socket.data.#socket === socket) socket.data.#receive(bytes);
    },
    drain(socket) {
      if (socket.data.#socket === socket) socket.data.#sendRest(socket);
    },
    end: HttpConnection.#onClosed,
    close: HttpConnection.#onClosed,
    error: HttpConnection.#onClosed,
  };

  static #onClosed(socket: Socket<HttpConnection>): void {
    if (socket.data.#socket === socket) socket.data.#closed();
  }

  async #connect(call: Call): Promise<void> {
    const connectMs = Math.min(CONNECT_MS_MAX, call.timeoutMs);
    const dialled = await dial<HttpConnection>(
      this.#peer,
      HttpConnection.#HANDLER,
      this,
      connectMs,
    );
    // The call may have been given up while the connection was being made.
    if (this.#call !== call) {
      if (dialled.kind === "connected") dialled.socket.terminate();
      return;
    }
    if (dialled.kind === "refused") return this.#fail("refused", dialled.code);
    const { socket, address } = dialled;
    socket.setNoDelay(true);
    this.#socket = socket;
    this.#address = address;
    call.connected = true;
    this.#send(socket, call);
  }

  #send(socket: Socket<HttpConnection>, call: Call): void {
    const { request, timeoutMs } = call;
    this.#reader = new AnswerReader();
    call.sentAtMs = performance.now();
    this.#deadline.begin(call.sentAtMs, timeoutMs);
    const written = socket.write(request);
    if (written < 0) return this.#closed();
    // Nearly every request goes at once, and is never copied then.
    const isWhole = written === Buffer.byteLength(request);
    this.#unsent = isWhole ? null : Buffer.from(request).subarray(written);
  }

  #sendRest(socket: Socket<HttpConnection>): void {
    if (this.#unsent === null) return;
    const written = socket.write(this.#unsent);
    if (written < 0) return this.#closed();
    this.#unsent = written < this.#unsent.length ? this.#unsent.subarray(written) : null;
  }

  #receive(bytes: Buffer): void {
    const answer = this.#read((reader) => reader.read(bytes));
    if (answer === "garbage") return this.#fail("broken off", "GARBAGE");
    if (answer !== null) return this.#answered(answer);
  }

  /** Reads on. Bytes that follow an answer, or come unasked, belong to no call. */
  #read(next: (reader: AnswerReader) => HttpAnswer | null): HttpAnswer | "garbage" | null {
    const reader = this.#reader;
    if (reader === null) return "garbage";
    try {
      const answer = next(reader);
      if (reader.received > this.#answerBytesMax) return "garbage";
      return answer === null || answer.bytes === reader.received ? answer : "garbage";
    } catch {
      return "garbage";
    }
  }

  #answered(answer: HttpAnswer): void {
    const nowMs = performance.now();
    const call = this.#takeCall();
    this.#reader = null;
    this.idleSinceMs = nowMs;
    // The rest of a request that was answered before its end would be taken for the next one.
    const isReusable = answer.keepsAlive && this.#unsent === null;
    if (!isReusable || this.#isRetired) this.#drop();
    if (call === null) return;
    const { status, head, body, bytes, keepsAlive, complete } = answer;
    const ms = nowMs - call.sentAtMs;
    const { connected } = call;
    call.done({ kind: "answer", ms, connected, status, head, body, bytes, keepsAlive, complete });
  }

  /** Handles the end by the other side. An answer may have no other end. */
  #closed(): void {
    const answer = this.#read((reader) => reader.end());
    if (answer !== null && answer !== "garbage") return this.#answered(answer);
    this.#fail("broken off", "ECONNRESET");
  }

  #fail(reason: Failure, code: string): void {
    this.#drop();
    this.#takeCall()?.done({ kind: "failure", reason, code });
  }

  #takeCall(): Call | null {
    const call = this.#call;
    this.#call = null;
    this.#deadline.end();
    return call;
  }

  #drop(): void {
    const socket = this.#socket;
    this.#deadline.stop();
    this.#socket = null;
    this.#unsent = null;
    this.#reader = null;
    socket?.terminate();
  }
}
