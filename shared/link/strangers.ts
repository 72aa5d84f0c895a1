/**
 * Remembers who sends frames that were made with another key: nearly always an API with another
 * LINK_SECRET, which sends one a second. What such a frame says of itself is not proven; it serves to
 * tell an API that it is meant, and for nothing else.
 */
export type Stranger = {
  readonly address: string;
  /** Number of the API's process, as the frame has it. */
  readonly instance: number;
};

/** A few lost frames do not end it, and it is over soon after the secret was mended. */
const RECENT_MS = 5_000;
/** Anybody may send anything: more than these are not remembered. */
const STRANGERS_MAX = 16;

export class Strangers {
  /** Has the one that was heard last at the end. */
  readonly #heard = new Map<number, { readonly stranger: Stranger; readonly atMs: number }>();

  heard(nowMs: number, stranger: Stranger): void {
    this.#heard.delete(stranger.instance);
    this.#heard.set(stranger.instance, { stranger, atMs: nowMs });
    const [oldest] = this.#heard.keys();
    if (this.#heard.size > STRANGERS_MAX && oldest !== undefined) this.#heard.delete(oldest);
  }

  recent(nowMs: number): Stranger[] {
    return Array.from(this.#heard.values())
      .filter(({ atMs }) => nowMs - atMs <= RECENT_MS)
      .map(({ stranger }) => stranger);
  }
}
