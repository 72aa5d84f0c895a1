/**
 * Keeps connections to one peer alive, as many as there are calls at a time. A connection belongs to
 * the address that it was made to: while there are any, the name is resolved every second, and those
 * whose address it no longer has are retired, idle ones at once and the others after their call. A
 * lookup that fails retires nothing.
 */
import type { Peer } from "../net/peer.ts";
import { HttpConnection, type Outcome } from "./connection.ts";

/** Longest idle time: servers wait longer before they close (Node.js: 5 s), or a call might meet that. */
const IDLE_MS_MAX = 3_000;
const RESOLVE_MS = 1_000;

export type PoolOptions = {
  readonly idleMsMax?: number;
  readonly resolveMs?: number;
  /** Longest answer, head and all; a longer one is none. */
  readonly answerBytesMax?: number;
};

export class ConnectionPool {
  readonly #peer: Peer;
  readonly #idleMsMax: number;
  readonly #answerBytesMax: number | undefined;
  /** Idle connections, the longest idle first. */
  #idle: HttpConnection[] = [];
  /** Idle and busy connections, and those closed since the last sweep. */
  #all: HttpConnection[] = [];

  constructor(
    peer: Peer,
    { idleMsMax = IDLE_MS_MAX, resolveMs = RESOLVE_MS, answerBytesMax }: PoolOptions = {},
  ) {
    this.#peer = peer;
    this.#idleMsMax = idleMsMax;
    this.#answerBytesMax = answerBytesMax;
    setInterval(() => this.#sweep(), idleMsMax / 4).unref();
    if (peer.isName) setInterval(() => void this.#resolveAgain(), resolveMs).unref();
  }

  call(request: Buffer, timeoutMs: number, done: (outcome: Outcome) => void): void {
    const connection = this.#take();
    const ended = (outcome: Outcome) => {
      if (connection.isOpen) this.#idle.push(connection);
      done(outcome);
    };
    connection.call(request, ended, timeoutMs);
  }

  /**
   * Takes the connection used last: the others may be given up. After a pause of ours it may be older
   * than any that is kept, and closed by the other side without our knowing yet.
   */
  #take(): HttpConnection {
    const sinceMs = performance.now() - this.#idleMsMax;
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      if (connection.isOpen && connection.idleSinceMs >= sinceMs) return connection;
      connection.close();
    }
    const connection = new HttpConnection(this.#peer, undefined, this.#answerBytesMax);
    this.#all.push(connection);
    return connection;
  }

  #sweep(): void {
    const sinceMs = performance.now() - this.#idleMsMax;
    for (const connection of this.#idle) if (connection.idleSinceMs < sinceMs) connection.close();
    this.#forgetClosed();
  }

  #forgetClosed(): void {
    this.#idle = this.#idle.filter(({ isOpen }) => isOpen);
    this.#all = this.#all.filter(({ isOpen, isBusy }) => isOpen || isBusy);
  }

  async #resolveAgain(): Promise<void> {
    if (this.#all.length === 0) return;
    try {
      this.#retireAllBut(await this.#peer.addresses());
    } catch {
      // The name may have another address now, which is not known; it is resolved again in a moment.
    }
  }

  #retireAllBut(addresses: readonly string[]): void {
    for (const connection of this.#all) {
      const { address } = connection;
      if (address !== null && !addresses.includes(address)) connection.retire();
    }
    this.#forgetClosed();
  }
}
