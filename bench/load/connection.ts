/** A connection that posts payments, one at a time; each has an id and an amount of its own. */
import type { Socket } from "bun";
import { readResponse } from "./response.ts";

/** Amounts are from 10.00 to 99.99, so that every request has the same length. */
const CENTS_MIN = 1_000;
const CENTS_STEP = 37;
const CENTS_SPAN = 9_000;

const HEX = Buffer.from("0123456789abcdef");
const ID_PLACES = Array.from({ length: 36 }, (_, at) => at).filter(
  (at) => ![8, 13, 14, 18, 19, 23].includes(at),
);
const ID_TEMPLATE = "00000000-0000-4000-8000-000000000000";
const RANDOM_BYTES = 4_096;

type OnAnswer = (connection: PaymentConnection, status: number, rightPlace: boolean) => void;

export class PaymentConnection {
  /** Amount of the payment that was sent last. */
  cents = CENTS_MIN;
  sentAtMs = 0;
  readonly #socket: Socket;
  readonly #request: Buffer;
  readonly #id: Buffer;
  readonly #amountAt: number;
  readonly #random = new Uint8Array(RANDOM_BYTES);
  #randomAt = RANDOM_BYTES;
  #received: Buffer | null = null;

  static async open(
    host: string,
    port: number,
    onAnswer: OnAnswer,
    onTrouble: (trouble: Error) => void,
  ): Promise<PaymentConnection> {
    const socket = await Bun.connect({
      hostname: host,
      port,
      socket: {
        binaryType: "buffer",
        data: (_socket, bytes) => connection.#receive(bytes, onAnswer),
        close: () => onTrouble(new Error("the server closed a connection")),
        error: (_socket, error) => onTrouble(error),
      },
    });
    const connection = new PaymentConnection(socket, `${host}:${port}`);
    return connection;
  }

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    socket.setNoDelay(true);
    const body = `{"correlationId":"${ID_TEMPLATE}","amount":10.00}`;
    const head = [
      "POST /payments HTTP/1.1",
      `Host: ${host}`,
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
    ];
    this.#request = Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
    const idAt = this.#request.indexOf(ID_TEMPLATE);
    this.#id = this.#request.subarray(idAt, idAt + ID_TEMPLATE.length);
    this.#amountAt = this.#request.indexOf("10.00");
  }

  /** Sends a payment whose clock starts at `atMs`. */
  send(atMs: number): void {
    this.sentAtMs = atMs;
    this.#nextId();
    this.#nextAmount();
    const written = this.#socket.write(this.#request);
    if (written !== this.#request.length)
      throw new Error(`${written} bytes of a request were taken`);
  }

  close(): void {
    this.#socket.terminate();
  }

  #receive(bytes: Buffer, onAnswer: OnAnswer): void {
    const all = this.#received === null ? bytes : Buffer.concat([this.#received, bytes]);
    const response = readResponse(all);
    if (response === null) {
      this.#received = Buffer.from(all);
      return;
    }
    if (response.bytes !== all.length) throw new Error("an answer that nobody asked for");
    this.#received = null;
    onAnswer(this, response.status, all.includes(this.#id));
  }

  #nextId(): void {
    if (this.#randomAt + ID_PLACES.length > RANDOM_BYTES) {
      crypto.getRandomValues(this.#random);
      this.#randomAt = 0;
    }
    for (const place of ID_PLACES) {
      this.#id[place] = HEX[(this.#random[this.#randomAt++] as number) & 15] as number;
    }
  }

  #nextAmount(): void {
    this.cents = CENTS_MIN + ((this.cents - CENTS_MIN + CENTS_STEP) % CENTS_SPAN);
    let rest = this.cents;
    for (const digit of [4, 3, 1, 0]) {
      this.#request[this.#amountAt + digit] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
  }
}
