/**
 * The load. Every user has a connection, posts a payment, waits for the answer, sleeps a second, and
 * begins again, until the test is over; then each finishes what it has begun, its last second included.
 * All run on one thread: 550 of them make 550 small calls a second.
 */
import { CALL_TIMEOUT_MS, endpointOf, requestOf } from "./client.ts";
import { HttpConnection, type Endpoint, type Outcome } from "../../shared/http/connection.ts";
import { startOfUserMs, type Ramp } from "./ramp.ts";
import type { Tally } from "./tally.ts";

const SLEEP_MS = 1_000;
/** The amount 19.90, as JSON writes it. */
export const AMOUNT_CENTS = 1_990;
const SUCCESS = new Set([200, 201, 202, 204]);

export type UsersOptions = {
  readonly url: string;
  readonly ramp: Ramp;
  readonly tally: Tally;
  readonly nextId: () => string;
};

export class Users {
  /** Ids of payments answered with success. */
  readonly accepted: string[] = [];
  /** Ids of the other payments: refused, or nobody knows. */
  readonly failed: string[] = [];
  readonly #options: UsersOptions;
  readonly #endpoint: Endpoint;
  readonly #over = Promise.withResolvers<void>();
  readonly #starts: Timer[] = [];
  readonly #connections: HttpConnection[] = [];
  #endsAtMs = 0;
  #busy = 0;

  constructor(options: UsersOptions) {
    this.#options = options;
    this.#endpoint = endpointOf(options.url);
  }

  /** Resolves when the last user has finished. */
  run(): Promise<void> {
    const { ramp } = this.#options;
    this.#endsAtMs = performance.now() + ramp.durationMs;
    for (let user = 0; user < ramp.users; user++) {
      const atMs = startOfUserMs(user, ramp);
      if (atMs < ramp.durationMs) this.#starts.push(setTimeout(() => this.#begin(), atMs));
    }
    return this.#over.promise;
  }

  /** Breaks off every call. */
  stop(): void {
    this.#endsAtMs = 0;
    for (const start of this.#starts) clearTimeout(start);
    for (const connection of this.#connections) connection.close();
  }

  #begin(): void {
    const connection = new HttpConnection(this.#endpoint, CALL_TIMEOUT_MS);
    this.#connections.push(connection);
    this.#busy++;
    this.#post(connection);
  }

  #post(connection: HttpConnection): void {
    if (performance.now() >= this.#endsAtMs) return this.#finish();
    const id = this.#options.nextId();
    connection.call(this.#request(id), (outcome) => {
      this.#options.tally.add(outcome);
      (isAccepted(outcome) ? this.accepted : this.failed).push(id);
      setTimeout(() => this.#post(connection), SLEEP_MS);
    });
  }

  /** The first user never ends before the others have begun: it is there until the time is up. */
  #finish(): void {
    this.#busy--;
    if (this.#busy === 0) this.#over.resolve();
  }

  #request(id: string): string {
    const text = `{"correlationId":"${id}","amount":${AMOUNT_CENTS / 100}}`;
    return requestOf(this.#endpoint, { method: "POST", path: "/payments", headers: {}, text });
  }
}

function isAccepted(outcome: Outcome): boolean {
  return outcome.kind === "answer" && SUCCESS.has(outcome.status);
}
