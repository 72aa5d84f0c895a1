/**
 * A simulated primary with standbys: one call after the other, each with a time to reach it, a time until
 * a quorum has what it wrote, and a time for its answer, which may be lost at any point. It can be away, be
 * started again in its place, when it has all that it wrote though no standby may, fail over to a standby,
 * which has all that was acknowledged and perhaps more, and be put back to an earlier state by somebody.
 * What writes is answered when the quorum has all that was written until then; what reads is answered at once.
 */
import type { Chance } from "../world/chance.ts";
import type { Time } from "../world/time.ts";
import { Tables } from "./tables.ts";

export type Answer<T> =
  | { readonly kind: "answered"; readonly value: T }
  /** It has certainly not run. */
  | { readonly kind: "not run" }
  /** Nobody knows. */
  | { readonly kind: "unknown" };

export type Faults = {
  /** Share of the calls that are lost on the way there, and of the answers on the way back. */
  readonly lost: number;
  readonly delayMsMax: number;
  readonly quorumMsMax: number;
};

/** Time after which a call that waits for its turn is given up, and for which a client waits for an answer. */
const LOCK_MS = 2_000;
const ANSWER_MS = 3_000;

type Call = {
  readonly run: (tables: Tables, nowMs: number) => unknown;
  readonly isReading: boolean;
  readonly untilMs: number;
  readonly answer: (answer: Answer<unknown>) => void;
};

export class Database {
  readonly tables = new Tables();
  faults: Faults;
  /** The database's clock is so far ahead of the simulation's. */
  clockMs = 0;
  isAway = false;
  /** Standbys acknowledge nothing. */
  isAlone = false;
  /** Hears of each call that has written, before any standby has it. */
  onWritten: (tables: Tables) => void = () => {};
  readonly #time: Time;
  readonly #chance: Chance;
  readonly #waiting: Call[] = [];
  /** The call that waits for the quorum, with what it will be answered. */
  #running: { readonly call: Call; readonly value: unknown } | null = null;
  /** Counts how often everything under way was broken off. */
  #breaks = 0;
  /** Changes that are on the quorum. */
  #durable = 0;

  constructor(time: Time, chance: Chance, faults: Faults) {
    this.#time = time;
    this.#chance = chance;
    this.faults = faults;
  }

  get nowMs(): number {
    return this.#time.wallMs() + this.clockMs;
  }

  /** Calls a function. The answer is handed to `deliver`, which a client that is paused runs later. */
  call<T>(
    deliver: (run: () => void) => void,
    isReachable: () => boolean,
    run: (tables: Tables, nowMs: number) => T,
    isReading = false,
  ): Promise<Answer<T>> {
    const { promise, resolve } = Promise.withResolvers<Answer<T>>();
    let isOver = false;
    const end = (answer: Answer<unknown>) => {
      if (isOver) return;
      isOver = true;
      deliver(() => resolve(answer as Answer<T>));
    };
    this.#time.after(ANSWER_MS, () => end({ kind: "unknown" }));
    const answer = (value: Answer<unknown>) => {
      const isLost = this.#chance.happens(this.faults.lost);
      this.#later(() => isReachable() && end(isLost ? { kind: "unknown" } : value));
    };
    const isLost = this.#chance.happens(this.faults.lost / 2);
    this.#later(() => {
      if (!isReachable()) return;
      if (isLost) return end({ kind: "unknown" });
      if (this.isAway) return end({ kind: "not run" });
      const untilMs = this.#time.nowMs + LOCK_MS;
      this.#waiting.push({ run, isReading, untilMs, answer });
      this.#next();
    });
    return promise;
  }

  /** The process of the primary dies and starts again: all that it wrote is there, also what no standby has. */
  restart(awayMs: number): void {
    this.#breakOff(awayMs);
  }

  /** A standby becomes the primary: it has all that was acknowledged, and perhaps more. */
  failOver(awayMs: number, clockMs: number): void {
    const kept = this.#chance.between(this.#durable, this.tables.length);
    this.tables.rewind(kept);
    this.#durable = kept;
    this.clockMs = clockMs;
    this.isAlone = false;
    this.#breakOff(awayMs);
  }

  /** Loses changes that were acknowledged. Gives the keys of the rows that these had changed. */
  putBack(changes: number, awayMs: number): Set<unknown> {
    const lost = this.tables.rewind(Math.max(0, this.#durable - changes));
    this.#durable = this.tables.length;
    this.#breakOff(awayMs);
    return lost;
  }

  /** Standbys are there again. */
  join(): void {
    this.isAlone = false;
    this.#reachQuorum();
  }

  #breakOff(awayMs: number): void {
    const broken = this.#waiting.splice(0);
    if (this.#running !== null) broken.unshift(this.#running.call);
    this.#running = null;
    for (const { answer } of broken) answer({ kind: "unknown" });
    this.isAway = true;
    const breaks = ++this.#breaks;
    this.#time.after(awayMs, () => {
      if (breaks !== this.#breaks) return;
      this.isAway = false;
      // The standbys catch up whether anybody writes or not.
      this.#reachQuorum();
    });
  }

  #next(): void {
    while (this.#running === null) {
      const call = this.#waiting.shift();
      if (call === undefined) return;
      if (this.#time.nowMs > call.untilMs) {
        call.answer({ kind: "not run" });
        continue;
      }
      if (!call.isReading) this.tables.begin();
      const value = call.run(this.tables, this.nowMs);
      if (call.isReading) {
        call.answer({ kind: "answered", value });
        continue;
      }
      this.#running = { call, value };
      this.onWritten(this.tables);
      this.#reachQuorum();
    }
  }

  #reachQuorum(): void {
    const running = this.#running;
    const { length } = this.tables;
    const breaks = this.#breaks;
    this.#time.after(this.#chance.next() * this.faults.quorumMsMax, () => {
      if (this.isAlone || this.isAway || breaks !== this.#breaks) return;
      this.#durable = Math.max(this.#durable, length);
      if (running === null || running !== this.#running) return;
      this.#running = null;
      running.call.answer({ kind: "answered", value: running.value });
      this.#next();
    });
  }

  #later(event: () => void): void {
    this.#time.after(this.#chance.next() * this.faults.delayMsMax, event);
  }
}
