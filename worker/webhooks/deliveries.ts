/**
 * The deliveries of webhooks, as a core without clock, network or disk. It is offered events in the order
 * in which payments ended, says which may be sent now, is told what came of it, and says what the journal
 * has to keep so that each event is delivered at least once, whenever the process is killed.
 *
 *   journal ── offer ─► window ── next ─► sending ── taken ───────────► cursor moves on
 *                         ▲                  │ refused
 *        receiver is down │                  ▼
 *                         └───────────── retrying ── three days ──► given up, listed
 *                                        (kept in the journal, beside the cursor)
 *
 * The cursor stands before the first event of the window that is neither delivered nor kept. A payment ends
 * once, so that there is one event of it, and it is sent by one call at a time; it is kept as a retry
 * before the cursor passes it. What is refused waits beside the cursor and holds up nobody, up to a bound;
 * beyond that, and while the receiver takes nothing at all, events wait in the journal, behind the
 * cursor. So memory is bounded however many there are.
 *
 * A receiver is down when several events in a row failed and none was taken in between. Then one at a
 * time is tried, ever more seldom, by turns one that was refused and the next new one; new ones are not
 * counted as refused by it, so that an outage of a week gives up no more than was tried before it was seen.
 */
import { backMs, GIVE_UP_MS, probeMs, retryMs } from "./schedule.ts";
import type { FailedWebhook, WebhookChanges } from "../transitions.ts";
import type { Cursor } from "../event-position.ts";
import type { PaymentEvent } from "../events/event.ts";

export type Positioned = { readonly event: PaymentEvent; readonly cursor: Cursor };

/** Changes for the journal; who keeps them knows the target. */
export type Changes = Pick<WebhookChanges, "cursor" | "put" | "drop" | "endedAtMs">;

export type Outcome =
  | { readonly kind: "taken" }
  /** `askedMs`: time that the receiver asked for, or 0. */
  | { readonly kind: "refused"; readonly reason: string; readonly askedMs: number }
  /** The receiver says that it wants nothing any more: 410. */
  | { readonly kind: "gone" };

export type Limits = {
  /** Calls at a time. Half of them at most are retries. */
  readonly concurrency: number;
  readonly windowMax: number;
  readonly retryingMax: number;
  /** Events in a row that fail before the receiver counts as down. */
  readonly downAfter: number;
};
export const LIMITS: Limits = { concurrency: 16, windowMax: 256, retryingMax: 1_000, downAfter: 5 };

export type Figures = {
  readonly delivered: number;
  readonly failedTries: number;
  readonly givenUp: number;
  readonly retrying: number;
  readonly sending: number;
  /** Instant at which the oldest event that is known to be undelivered ended; null when there is none. */
  readonly oldestAtMs: number | null;
  readonly isDown: boolean;
  readonly lastReason: string | null;
  readonly endedAtMs: number | null;
};

type Slot = Positioned & { state: "waiting" | "sending" | "done" };
type Retry = { failed: FailedWebhook; isSending: boolean };

export class Deliveries {
  readonly #random: () => number;
  readonly #limits: Limits;
  #cursor: Cursor;
  #window: Slot[] = [];
  readonly #retrying = new Map<string, Retry>();
  #sendingNew = 0;
  #sendingAgain = 0;
  #put = new Map<string, FailedWebhook>();
  #drop = new Set<string>();
  #isChanged = false;
  /** Events that failed since the last one that was taken. */
  readonly #failing = new Set<string>();
  #probes = 0;
  #probeAtMs = 0;
  #endedAtMs: number | null;
  #delivered = 0;
  #failedTries = 0;
  #givenUp: number;
  #lastReason: string | null = null;

  /** `kept` are the retries that the journal has, `givenUp` the number of those that it lists. */
  constructor(
    from: {
      readonly cursor: Cursor;
      readonly endedAtMs: number | null;
      readonly kept: readonly FailedWebhook[];
      readonly givenUp: number;
    },
    random: () => number,
    limits: Limits = LIMITS,
  ) {
    this.#cursor = from.cursor;
    this.#endedAtMs = from.endedAtMs;
    this.#givenUp = from.givenUp;
    for (const failed of from.kept) this.#retrying.set(failed.id, { failed, isSending: false });
    this.#random = random;
    this.#limits = limits;
  }

  /** Position behind which events are to be read. */
  get readFrom(): Cursor {
    return this.#window.at(-1)?.cursor ?? this.#cursor;
  }

  /** Number of events that there is room for. */
  get wanted(): number {
    if (this.#endedAtMs !== null || !this.#hasRoom) return 0;
    return this.#limits.windowMax - this.#window.length;
  }

  get figures(): Figures {
    const instants = [...this.#retrying.values()].map(({ failed }) => failed.endedAtMs);
    const first = this.#window.find(({ state }) => state !== "done");
    if (first !== undefined) instants.push(first.event.endedAtMs);
    return {
      delivered: this.#delivered,
      failedTries: this.#failedTries,
      givenUp: this.#givenUp,
      retrying: this.#retrying.size,
      sending: this.#sendingNew + this.#sendingAgain,
      oldestAtMs: instants.length === 0 ? null : instants.reduce((a, b) => Math.min(a, b)),
      isDown: this.#isDown,
      lastReason: this.#failing.size === 0 ? null : this.#lastReason,
      endedAtMs: this.#endedAtMs,
    };
  }

  /** Everything that was read is delivered or given up. */
  get isDone(): boolean {
    return this.#retrying.size === 0 && this.#window.every(({ state }) => state === "done");
  }

  /** Takes events that follow `readFrom`, in their order. One that is kept as a retry is not taken twice. */
  offer(events: readonly Positioned[]): void {
    for (const { event, cursor } of events) {
      const state = this.#retrying.has(event.id) ? "done" : "waiting";
      this.#window.push({ event, cursor, state });
    }
    this.#moveOn();
  }

  /** Gives an event that is to be sent now, or null. */
  next(nowMs: number): PaymentEvent | null {
    if (this.#endedAtMs !== null) return null;
    const { concurrency } = this.#limits;
    const sending = this.#sendingNew + this.#sendingAgain;
    if (this.#isDown) return sending > 0 || nowMs < this.#probeAtMs ? null : this.#probe(nowMs);
    if (sending >= concurrency) return null;
    const again = this.#sendingAgain < concurrency / 2 ? this.#due(nowMs) : null;
    return again ?? this.#firstNew();
  }

  /** Takes what came of a try. */
  ended(nowMs: number, id: string, outcome: Outcome): void {
    const retry = this.#retrying.get(id);
    const slot = this.#window.find(({ event, state }) => event.id === id && state === "sending");
    if (retry?.isSending === true) this.#sendingAgain--;
    else if (slot !== undefined) this.#sendingNew--;
    // A try that was under way when all was read anew is sent once more.
    else return;
    if (outcome.kind === "taken") this.#taken(nowMs, id);
    else this.#failedTries++;
    if (outcome.kind === "refused") this.#refused(nowMs, id, outcome);
    if (retry !== undefined) {
      retry.isSending = false;
      if (outcome.kind === "taken") this.#forget(id);
    } else if (slot !== undefined) {
      const isSettled = outcome.kind === "taken" || this.#retrying.has(id);
      slot.state = isSettled ? "done" : "waiting";
      this.#moveOn();
    }
    if (outcome.kind === "gone") {
      this.#endedAtMs = nowMs;
      this.#lastReason = "410: the receiver has ended the subscription";
      this.#isChanged = true;
    }
  }

  /** Reads all anew from an earlier position; a subscription that was ended begins again. */
  rewind(cursor: Cursor): void {
    this.#cursor = cursor;
    this.#window = [];
    this.#sendingNew = 0;
    this.#endedAtMs = null;
    this.#failing.clear();
    this.#isChanged = true;
  }

  /** Corrects the number of those that are listed as given up: some may be sent again. */
  countGivenUp(givenUp: number): void {
    this.#givenUp = givenUp;
  }

  /** Gives what has changed since it was asked last, or null; it has to be kept before it is asked again. */
  takeChanges(): Changes | null {
    if (!this.#isChanged) return null;
    const put = [...this.#put.values()];
    const drop = [...this.#drop];
    this.#put = new Map();
    this.#drop = new Set();
    this.#isChanged = false;
    return { cursor: this.#cursor, put, drop, endedAtMs: this.#endedAtMs };
  }

  get #isDown(): boolean {
    return this.#failing.size >= this.#limits.downAfter;
  }

  /** Each new event that is under way may become a retry. */
  get #hasRoom(): boolean {
    return this.#retrying.size + this.#sendingNew < this.#limits.retryingMax;
  }

  /** Tries by turns what was refused and what is new: one that is always refused shows nothing. */
  #probe(nowMs: number): PaymentEvent | null {
    const isNewFirst = this.#probes % 2 === 0;
    const oldest = () => this.#due(Number.POSITIVE_INFINITY);
    const found = isNewFirst ? (this.#firstNew() ?? oldest()) : (oldest() ?? this.#firstNew());
    this.#probeAtMs = nowMs + probeMs(++this.#probes, this.#random());
    return found;
  }

  #due(nowMs: number): PaymentEvent | null {
    let first: Retry | null = null;
    for (const retry of this.#retrying.values()) {
      const { isSending, failed } = retry;
      if (isSending || failed.nextAtMs > nowMs) continue;
      if (first === null || failed.nextAtMs < first.failed.nextAtMs) first = retry;
    }
    if (first === null) return null;
    first.isSending = true;
    this.#sendingAgain++;
    return first.failed;
  }

  #firstNew(): PaymentEvent | null {
    if (!this.#hasRoom) return null;
    const slot = this.#window.find(({ state }) => state === "waiting");
    if (slot === undefined) return null;
    slot.state = "sending";
    this.#sendingNew++;
    return slot.event;
  }

  #taken(nowMs: number, id: string): void {
    this.#delivered++;
    if (this.#isDown) this.#hurry(nowMs, id);
    this.#failing.clear();
    this.#probes = 0;
  }

  /** Tries soon whatever waits for its hour because the receiver was down. */
  #hurry(nowMs: number, id: string): void {
    for (const retry of this.#retrying.values()) {
      if (retry.failed.id === id) continue;
      const nextAtMs = Math.min(retry.failed.nextAtMs, nowMs + backMs(this.#random()));
      retry.failed = { ...retry.failed, nextAtMs };
    }
  }

  #refused(nowMs: number, id: string, outcome: Extract<Outcome, { kind: "refused" }>): void {
    const { reason, askedMs } = outcome;
    this.#lastReason = reason;
    const wasDown = this.#isDown;
    this.#failing.add(id);
    if (!wasDown && this.#isDown) this.#probeAtMs = nowMs + probeMs(0, this.#random());
    const before = this.#retrying.get(id)?.failed;
    // New events wait in the journal while nothing is taken.
    if (before === undefined && this.#isDown) return;
    const event = before ?? this.#window.find((slot) => slot.event.id === id)?.event;
    if (event === undefined) return;
    const tries = (before?.tries ?? 0) + 1;
    const firstAtMs = before?.firstAtMs ?? nowMs;
    const nextAtMs = Math.round(nowMs + retryMs(tries, askedMs, this.#random()));
    const failed: FailedWebhook = {
      ...event,
      state: "retrying",
      tries,
      firstAtMs,
      nextAtMs,
      reason,
    };
    if (nowMs - firstAtMs >= GIVE_UP_MS) return this.#giveUp(failed);
    const known = this.#retrying.get(id);
    if (known === undefined) this.#retrying.set(id, { failed, isSending: false });
    else known.failed = failed;
    this.#keep(failed);
  }

  #giveUp(failed: FailedWebhook): void {
    this.#retrying.delete(failed.id);
    this.#failing.delete(failed.id);
    this.#givenUp++;
    this.#keep({ ...failed, state: "given up", body: "" });
  }

  #keep(failed: FailedWebhook): void {
    this.#put.set(failed.id, failed);
    this.#drop.delete(failed.id);
    this.#isChanged = true;
  }

  #forget(id: string): void {
    this.#retrying.delete(id);
    this.#put.delete(id);
    this.#drop.add(id);
    this.#isChanged = true;
  }

  /** Moves the cursor behind all that is delivered or kept. */
  #moveOn(): void {
    const first = this.#window.findIndex(({ state }) => state !== "done");
    const count = first === -1 ? this.#window.length : first;
    if (count === 0) return;
    this.#cursor = this.#window[count - 1]!.cursor;
    this.#window.splice(0, count);
    this.#isChanged = true;
  }
}
