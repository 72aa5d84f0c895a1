/**
 * One keep-alive connection over plain TCP, one call at a time on it. A call always ends, in an answer
 * or in a failure; its time runs from the first byte written to the last byte read, and connecting is
 * not in it. The next call after a failure connects anew. Nothing is ever sent twice.
 */
import type { Socket, SocketHandler } from "bun";
import { readAnswer, type HttpAnswer } from "./answer.ts";

export type Endpoint = { readonly hostname: string; readonly port: number };

/** Refused: no connection came about, so that no byte of the request has left. */
export type Failure = "timeout" | "refused" | "broken off";

export type Outcome =
  | ({ readonly kind: "answer"; readonly ms: number } & HttpAnswer)
  | { readonly kind: "failure"; readonly reason: Failure; readonly code: string };

/** Nobody whom we call has more to say. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** Until then there is a connection, or the other side is not there. */
const CONNECT_MS_MAX = 3_000;

type Call = {
  readonly request: Buffer;
  readonly done: (outcome: Outcome) => void;
  readonly timeoutMs: number;
  timer: Timer;
  sentAtMs: number;
};

export class HttpConnection {
  /** When its last call ended. */
  idleSinceMs = 0;
  readonly #endpoint: Endpoint;
  readonly #timeoutMs: number;
  #socket: Socket<HttpConnection> | null = null;
  #call: Call | null = null;
  #unsent: Buffer | null = null;
  #received: Buffer | null = null;

  constructor(endpoint: Endpoint, timeoutMs = Number.POSITIVE_INFINITY) {
    this.#endpoint = endpoint;
    this.#timeoutMs = timeoutMs;
  }

  /** False once the other side has closed it, or a call has failed. */
  get isOpen(): boolean {
    return this.#socket !== null;
  }

  call(request: Buffer, done: (outcome: Outcome) => void, timeoutMs = this.#timeoutMs): void {
    if (this.#call !== null) throw new Error("a call is under way on this connection");
    const connectMs = Math.min(CONNECT_MS_MAX, timeoutMs);
    const timer = setTimeout(() => this.#overdue(), this.isOpen ? timeoutMs : connectMs);
    const call: Call = { request, done, timeoutMs, timer, sentAtMs: 0 };
    this.#call = call;
    if (this.#socket === null) void this.#connect(call);
    else this.#send(this.#socket, call);
  }

  close(): void {
    if (this.#call !== null) this.#fail("broken off", "CLOSED");
    else this.#drop();
  }

  /** One for all connections. An event of a socket that was given up means nothing. */
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
    try {
      const socket = await Bun.connect<HttpConnection>({
        ...this.#endpoint,
        data: this,
        socket: HttpConnection.#HANDLER,
      });
      // The call may have been given up while this was being set up.
      if (this.#call !== call) return socket.terminate();
      socket.setNoDelay(true);
      this.#socket = socket;
      clearTimeout(call.timer);
      call.timer = setTimeout(() => this.#overdue(), call.timeoutMs);
      this.#send(socket, call);
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (this.#call === call) this.#fail("refused", String(code ?? "ECONNREFUSED"));
    }
  }

  #send(socket: Socket<HttpConnection>, call: Call): void {
    this.#unsent = call.request;
    call.sentAtMs = performance.now();
    this.#sendRest(socket);
  }

  #sendRest(socket: Socket<HttpConnection>): void {
    if (this.#unsent === null) return;
    const written = socket.write(this.#unsent);
    if (written < 0) return this.#closed();
    this.#unsent = written < this.#unsent.length ? this.#unsent.subarray(written) : null;
  }

  #receive(bytes: Buffer): void {
    const all = this.#received === null ? bytes : Buffer.concat([this.#received, bytes]);
    const answer = this.#read(all, false);
    if (answer === "garbage") return this.#fail("broken off", "GARBAGE");
    if (answer !== null) return this.#answered(answer);
    this.#received = this.#received === null ? Buffer.from(all) : all;
  }

  /** What follows an answer, or comes unasked, belongs to no call. */
  #read(all: Buffer, ended: boolean): HttpAnswer | "garbage" | null {
    if (this.#call === null || all.length > ANSWER_BYTES_MAX) return "garbage";
    try {
      const answer = readAnswer(all, ended);
      return answer === null || answer.bytes === all.length ? answer : "garbage";
    } catch {
      return "garbage";
    }
  }

  #answered(answer: HttpAnswer): void {
    const nowMs = performance.now();
    const call = this.#takeCall();
    this.#received = null;
    this.idleSinceMs = nowMs;
    if (!answer.keepsAlive) this.#drop();
    call?.done({ kind: "answer", ms: nowMs - call.sentAtMs, ...answer });
  }

  /** By the other side. An answer may have no other end. */
  #closed(): void {
    const answer = this.#received === null ? null : this.#read(this.#received, true);
    if (answer !== null && answer !== "garbage") return this.#answered(answer);
    this.#fail("broken off", "ECONNRESET");
  }

  #overdue(): void {
    if (this.isOpen) this.#fail("timeout", "TIMEOUT");
    else this.#fail("refused", "ETIMEDOUT");
  }

  #fail(reason: Failure, code: string): void {
    this.#drop();
    this.#takeCall()?.done({ kind: "failure", reason, code });
  }

  #takeCall(): Call | null {
    const call = this.#call;
    this.#call = null;
    if (call !== null) clearTimeout(call.timer);
    return call;
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#unsent = null;
    this.#received = null;
    socket?.terminate();
  }
}
