/**
 * Remembers who sends frames that were made with another key: nearly always an API with another
 * LINK_SECRET, which sends one a second. What such a frame says of itself is not proven; it serves to
 * tell an API that it is meant, and for nothing else. Whoever reaches the port may send from any number
 * of addresses, and as any number of processes: both are bounded.
 */
export type Stranger = {
  readonly address: string;
  /** Number of the API's process, as the frame has it. */
  readonly instance: number;
};

export type FrameCount = { readonly frames: number; readonly lastAtMs: number };

/** A few lost frames do not end it, and it is over soon after the secret was mended. */
const RECENT_MS = 5_000;
/** More processes than these are forgotten; more addresses are counted as one. */
const STRANGERS_MAX = 16;
const OTHERS = "others";

export class Strangers {
  /** Frames since the start, by the address that they come from. */
  readonly byAddress = new Map<string, FrameCount>();
  /** Has the one that was heard last at the end. */
  readonly #heard = new Map<number, { readonly stranger: Stranger; readonly atMs: number }>();

  heard(nowMs: number, stranger: Stranger): void {
    this.#count(nowMs, stranger.address);
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

  #count(nowMs: number, address: string): void {
    const isOther = !this.byAddress.has(address) && this.byAddress.size >= STRANGERS_MAX;
    const name = isOther ? OTHERS : address;
    const frames = (this.byAddress.get(name)?.frames ?? 0) + 1;
    this.byAddress.set(name, { frames, lastAtMs: nowMs });
  }
}
