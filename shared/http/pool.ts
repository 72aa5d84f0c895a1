/**
 * Keeps connections to one peer alive, as many as there are calls at a time. A connection belongs to
 * the address that it was made to: while there are any, the name is resolved every second, and those
 * whose address it no longer has are retired, idle ones at once and the others after their call. A
 * lookup that fails retires nothing. A pool without connections sets no timer.
 */
import { alarms as ofThread, type Alarms } from "../alarms.ts";
import { nextMultipleMs } from "../clock.ts";
import type { Peer } from "../net/peer.ts";
import { HttpConnection, type Outcome } from "./connection.ts";

/** Longest idle time: servers wait longer before they close (Node.js: 5 s), or a call might meet that. */
const IDLE_MS_MAX = 3_000;
const RESOLVE_MS = 1_000;
/** Looks for connections that were idle for too long come at multiples of it, with others of the process. */
const LOOK_MS = 500;

export type PoolOptions = {
  readonly idleMsMax?: number;
  readonly resolveMs?: number;
  /** Longest answer, head and all; a longer one is none. */
  readonly answerBytesMax?: number;
  readonly alarms?: Pick<Alarms, "at">;
};

export class ConnectionPool {
  readonly #peer: Peer;
  readonly #idleMsMax: number;
  readonly #answerBytesMax: number | undefined;
  /** Idle connections, the longest idle first. */
  #idle: HttpConnection[] = [];
  /** Idle and busy connections, and those closed since the last sweep. */
  #all: HttpConnection[] = [];
  readonly #resolveMs: number;
  readonly #alarms: Pick<Alarms, "at">;
  /** Alarms are set from the end of a call for as long as a connection is idle. */
  #isSweepDue = false;
  /** The same while there are connections to a name. */
  #isResolveDue = false;

  constructor(
    peer: Peer,
    { idleMsMax = IDLE_MS_MAX, resolveMs = RESOLVE_MS, ...options }: PoolOptions = {},
  ) {
    const { answerBytesMax, alarms = ofThread } = options;
    this.#peer = peer;
    this.#idleMsMax = idleMsMax;
    this.#answerBytesMax = answerBytesMax;
    this.#resolveMs = resolveMs;
    this.#alarms = alarms;
  }

  /** A call that `isAlone` for a while leaves no connection behind that was made for it. */
  call(
    request: string,
    timeoutMs: number,
    done: (outcome: Outcome) => void,
    isAlone = false,
  ): void {
    const connection = this.#take();
    const isKept = !isAlone || connection.isOpen;
    if (isKept) this.#resolveLater();
    const ended = (outcome: Outcome) => {
      if (!isKept) this.#close(connection);
      else if (connection.isOpen) this.#idle.push(connection);
      if (isKept) this.#sweepLater();
      done(outcome);
    };
    connection.call(request, ended, timeoutMs);
  }

  #close(connection: HttpConnection): void {
    connection.close();
    this.#all.splice(this.#all.indexOf(connection), 1);
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

  /** Looks again when the connection that is idle longest will have been so for too long. */
  #sweepLater(): void {
    if (this.#isSweepDue) return;
    this.#isSweepDue = true;
    const idleSinceMs = this.#idle[0]?.idleSinceMs ?? performance.now();
    const everyMs = Math.min(LOOK_MS, this.#idleMsMax);
    const atMs = nextMultipleMs(everyMs, idleSinceMs + this.#idleMsMax);
    this.#alarms.at(atMs, () => this.#sweep());
  }

  #resolveLater(): void {
    if (!this.#peer.isName || this.#isResolveDue) return;
    this.#isResolveDue = true;
    const atMs = nextMultipleMs(this.#resolveMs, performance.now());
    this.#alarms.at(atMs, () => void this.#resolveAgain());
  }

  #sweep(): void {
    this.#isSweepDue = false;
    const sinceMs = performance.now() - this.#idleMsMax;
    for (const connection of this.#idle) if (connection.idleSinceMs <= sinceMs) connection.close();
    this.#forgetClosed();
    if (this.#idle.length > 0) this.#sweepLater();
  }

  #forgetClosed(): void {
    this.#idle = this.#idle.filter(({ isOpen }) => isOpen);
    this.#all = this.#all.filter(({ isOpen, isBusy }) => isOpen || isBusy);
  }

  async #resolveAgain(): Promise<void> {
    if (this.#all.length > 0) {
      try {
        this.#retireAllBut(await this.#peer.addresses());
      } catch {
        // The name may have another address now, which is not known; it is resolved again in a moment.
      }
    }
    this.#isResolveDue = false;
    if (this.#all.length > 0) this.#resolveLater();
  }

  #retireAllBut(addresses: readonly string[]): void {
    for (const connection of this.#all) {
      const { address } = connection;
      if (address !== null && !addresses.includes(address)) connection.retire();
    }
    this.#forgetClosed();
  }
}
