/**
 * The outbox moves webhooks: it reads what has ended, sends what the core of deliveries says, and has the
 * journal keep what has changed, some times a second. What it awaits may fail: it is tried again by the
 * next beat, and what was sent and not kept is sent again after a kill.
 */
import type { Clock } from "../../shared/clock.ts";
import type { WebhookChanges } from "../transitions.ts";
import { Deliveries, LIMITS, type Figures, type Limits } from "./deliveries.ts";
import { eventOf, type PaymentEvent } from "../events/event.ts";
import type { Send } from "./sender.ts";
import type { WebhookSource } from "./source.ts";
import type { Known } from "../tariffs.ts";

/** Time between two looks at the journal, and between two commits of what has changed. */
export const BEAT_MS = 250;
/** The same while there is nothing to send or to wait for, unless the journal is said to have grown. */
export const QUIET_BEAT_MS = 1_000;
/** Time that calls under way have to end before the worker does. */
const LAST_CALLS_MS = 500;

export type OutboxParts = {
  readonly source: WebhookSource;
  readonly send: Send;
  readonly known: Known;
  /** Fingerprint of the address that events go to. */
  readonly target: string;
  readonly clock: Pick<Clock, "wallMs">;
  readonly random: () => number;
  /** Resolves when it is durable. */
  readonly keep: (changes: WebhookChanges) => Promise<void>;
  /** Told why it cannot go on for now; null when it can. */
  readonly onTrouble: (error: Error | null) => void;
  /** Called before each beat. */
  readonly onBeat?: () => void;
  /** Longest time between two beats. It is short where nobody says that the journal has grown. */
  readonly quietMs?: number;
  readonly limits?: Limits;
};

export class Outbox {
  readonly #parts: OutboxParts;
  readonly #deliveries: Deliveries;
  readonly #limits: Limits;
  #timer: Timer | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #isReading = false;
  /** The last reading gave all that there was. */
  #isAtEnd = false;
  #keeping: Promise<void> | null = null;
  #isStopping = false;

  /** Takes up what the journal has; the first time it begins behind all that has ended before. */
  static async open(parts: OutboxParts): Promise<Outbox> {
    const { source, target, keep } = parts;
    const state = await source.state();
    const cursor = state === null ? await source.end() : await source.withinReach(state.cursor);
    // Another receiver has not ended anything.
    const endedAtMs = state?.target === target ? state.endedAtMs : null;
    if (state === null) await keep({ cursor, target, endedAtMs, put: [], drop: [] });
    const kept = await source.retrying();
    const { givenUp } = await source.list(0);
    return new Outbox(parts, { cursor, endedAtMs, kept, givenUp });
  }

  private constructor(parts: OutboxParts, from: ConstructorParameters<typeof Deliveries>[0]) {
    this.#parts = parts;
    this.#limits = parts.limits ?? LIMITS;
    this.#deliveries = new Deliveries(from, parts.random, this.#limits);
    this.#beatIn(BEAT_MS);
  }

  /** The journal may have more than at the last beat. */
  grown(): void {
    if (performance.now() + BEAT_MS < this.#timerAtMs) this.#beatIn(BEAT_MS);
  }

  get figures(): Figures {
    return this.#deliveries.figures;
  }

  /**
   * Sends all that has ended since an instant once more, and what waits behind it. Resolves when that is
   * durable; `said` is what the journal keeps with it.
   */
  async resend(fromMs: number, keep: OutboxParts["keep"]): Promise<void> {
    const { source } = this.#parts;
    await this.#kept();
    const cursor = await source.since(fromMs);
    await this.#kept();
    this.#deliveries.rewind(cursor);
    await this.#keep((changes) => {
      const put = changes.put.filter(({ state }) => state === "retrying");
      return keep({ ...changes, put, dropGivenUpFromMs: fromMs });
    });
    this.#deliveries.countGivenUp((await source.list(0)).givenUp);
    this.#isAtEnd = false;
    void this.#beat();
  }

  /** Sends nothing more, and has kept what is known by then. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const untilMs = performance.now() + LAST_CALLS_MS;
    while (this.#deliveries.figures.sending > 0 && performance.now() < untilMs) await Bun.sleep(10);
    await this.#kept();
    await this.#keep();
  }

  #beatIn(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#isStopping) return;
    this.#timerAtMs = performance.now() + ms;
    this.#timer = setTimeout(() => {
      // A beat that hangs does not keep the next one from sending.
      this.#beatIn(this.#isQuiet ? (this.#parts.quietMs ?? QUIET_BEAT_MS) : BEAT_MS);
      void this.#beat();
    }, ms);
  }

  /** The last beat found nothing more, and nothing is to be sent, or is on its way to the journal. */
  get #isQuiet(): boolean {
    return this.#isAtEnd && this.#keeping === null && this.#deliveries.isDone;
  }

  async #beat(): Promise<void> {
    this.#isAtEnd = false;
    this.#parts.onBeat?.();
    try {
      this.#pump();
      await this.#read();
      await this.#keep();
      this.#parts.onTrouble(null);
    } catch (error) {
      this.#parts.onTrouble(error as Error);
    }
  }

  #pump(): void {
    while (!this.#isStopping) {
      const event = this.#deliveries.next(this.#parts.clock.wallMs());
      if (event === null) return;
      void this.#send(event);
    }
  }

  async #send(event: PaymentEvent): Promise<void> {
    const { clock, send } = this.#parts;
    const outcome = await send(event, clock.wallMs());
    this.#deliveries.ended(clock.wallMs(), event.id, outcome);
    this.#pump();
    // A beat says what is wrong with the journal.
    await this.#read().catch(() => {});
  }

  /** Reads on when half of the window is free, unless there was nothing more a moment ago. */
  async #read(): Promise<void> {
    const { source, known } = this.#parts;
    while (!this.#isReading && !this.#isAtEnd && !this.#isStopping) {
      const { wanted, readFrom } = this.#deliveries;
      if (wanted < this.#limits.windowMax / 2) return;
      this.#isReading = true;
      try {
        const found = await source.after(readFrom, wanted);
        this.#isAtEnd = found.length < wanted;
        // All may be read anew from elsewhere since it was asked.
        if (readFrom !== this.#deliveries.readFrom) continue;
        const events = found.map(({ ended, cursor }) => ({ event: eventOf(ended, known), cursor }));
        this.#deliveries.offer(events);
        // The next beat keeps what comes of them, or tries them again: it must not be a quiet one.
        if (events.length > 0) this.grown();
      } finally {
        this.#isReading = false;
      }
      this.#pump();
    }
  }

  /** Waits until nothing is on its way to the journal. */
  async #kept(): Promise<void> {
    while (this.#keeping !== null) await this.#keeping;
  }

  async #keep(keep: (changes: WebhookChanges) => Promise<void> = this.#parts.keep): Promise<void> {
    if (this.#keeping !== null) return;
    const changes = this.#deliveries.takeChanges();
    if (changes === null) return;
    const { target } = this.#parts;
    this.#keeping = keep({ ...changes, target }).finally(() => (this.#keeping = null));
    await this.#keeping;
  }
}
