/**
 * One keep-alive connection, one call at a time on it, as each user of k6 has. A call always ends, in
 * an answer or in a failure; its time runs from the first byte written to the last byte read, and
 * connecting is not in it. The next call after a failure connects anew.
 */
import type { Socket } from "bun";
import { readAnswer } from "./answer.ts";

export type Endpoint = { readonly hostname: string; readonly port: number };

export type Outcome =
  | { readonly kind: "answer"; readonly status: number; readonly body: Buffer; readonly ms: number }
  | { readonly kind: "failure"; readonly reason: "timeout" | "refused" | "broken off" };

type Call = {
  readonly request: Buffer;
  readonly done: (outcome: Outcome) => void;
  readonly timer: Timer;
  sentAtMs: number;
};

export class HttpConnection {
  readonly #endpoint: Endpoint;
  readonly #timeoutMs: number;
  #socket: Socket | null = null;
  #call: Call | null = null;
  #unsent: Buffer | null = null;
  #received: Buffer | null = null;

  constructor(endpoint: Endpoint, timeoutMs: number) {
    this.#endpoint = endpoint;
    this.#timeoutMs = timeoutMs;
  }

  call(request: Buffer, done: (outcome: Outcome) => void): void {
    if (this.#call !== null) throw new Error("a call is under way on this connection");
    const timer = setTimeout(() => this.#fail("timeout"), this.#timeoutMs);
    const call: Call = { request, done, timer, sentAtMs: 0 };
    this.#call = call;
    if (this.#socket === null) void this.#connect(call);
    else this.#send(this.#socket, call);
  }

  close(): void {
    if (this.#call !== null) this.#fail("broken off");
    else this.#drop();
  }

  async #connect(call: Call): Promise<void> {
    try {
      const socket = await Bun.connect({
        ...this.#endpoint,
        socket: {
          binaryType: "buffer",
          data: (from, bytes) => {
            if (from === this.#socket) this.#receive(bytes);
          },
          drain: (from) => {
            if (from === this.#socket) this.#sendRest(from);
          },
          close: (from) => {
            if (from === this.#socket) this.#closed();
          },
          error: (from) => {
            if (from === this.#socket) this.#closed();
          },
        },
      });
      // The call may have been given up while this was being set up.
      if (this.#call !== call) return socket.terminate();
      socket.setNoDelay(true);
      this.#socket = socket;
      this.#send(socket, call);
    } catch {
      if (this.#call === call) this.#fail("refused");
    }
  }

  #send(socket: Socket, call: Call): void {
    this.#unsent = call.request;
    call.sentAtMs = performance.now();
    this.#sendRest(socket);
  }

  #sendRest(socket: Socket): void {
    if (this.#unsent === null) return;
    const written = socket.write(this.#unsent);
    if (written < 0) return this.#closed();
    this.#unsent = written < this.#unsent.length ? this.#unsent.subarray(written) : null;
  }

  #receive(bytes: Buffer): void {
    const nowMs = performance.now();
    const all = this.#received === null ? bytes : Buffer.concat([this.#received, bytes]);
    const answer = this.#read(all);
    if (answer === "garbage") return this.#closed();
    if (answer === null) {
      this.#received = Buffer.from(all);
      return;
    }
    const { status, body, keepsAlive } = answer;
    const call = this.#takeCall();
    this.#received = null;
    if (!keepsAlive) this.#drop();
    call?.done({ kind: "answer", status, body, ms: nowMs - call.sentAtMs });
  }

  /** What follows an answer, or comes unasked, belongs to no call. */
  #read(all: Buffer) {
    try {
      const answer = readAnswer(all);
      const isOne = answer === null || answer.bytes === all.length;
      return isOne && this.#call !== null ? answer : ("garbage" as const);
    } catch {
      return "garbage" as const;
    }
  }

  #closed(): void {
    if (this.#call !== null) this.#fail("broken off");
    else this.#drop();
  }

  #fail(reason: Extract<Outcome, { kind: "failure" }>["reason"]): void {
    this.#drop();
    this.#takeCall()?.done({ kind: "failure", reason });
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
