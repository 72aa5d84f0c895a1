/**
 * Time that a payment's way to a processor is given beyond what the processor needs. Its greater part is for the
 * commit of the assignment, before which no call leaves: where a commit has taken longer lately, that is how long the
 * next may take.
 */
export const SLACK_DEFAULTS = {
  marginMsMax: 500,
  /** Share of a short patience that is given away as margin. */
  marginShare: 0.25,
  /** Share that is given away at most for slow commits: of one that takes longer, no margin makes up. */
  slowMarginShare: 0.5,
  /** Time for which a slow commit is remembered. */
  slowRememberedMs: 10_000,
  /** Longest wait of a payment that is late already for a cheaper processor that works again. */
  lateWaitMsMax: 3_000,
};
export type SlackOptions = Readonly<typeof SLACK_DEFAULTS>;

export type SlackNow = { readonly marginMs: number; readonly lateWaitMs: number };

export class Slack {
  readonly #usual: SlackNow;
  readonly #marginMsMax: number;
  readonly #rememberedMs: number;
  /** After a commit that took longer than the usual margin. */
  #slow: SlackNow;
  #slowUntilMs = Number.NEGATIVE_INFINITY;

  constructor(patienceMs: number, options: SlackOptions = SLACK_DEFAULTS) {
    const { marginMsMax, marginShare, slowMarginShare, slowRememberedMs, lateWaitMsMax } = options;
    this.#usual = {
      marginMs: Math.min(marginMsMax, patienceMs * marginShare),
      lateWaitMs: Math.min(lateWaitMsMax, patienceMs),
    };
    this.#slow = this.#usual;
    this.#marginMsMax = patienceMs * slowMarginShare;
    this.#rememberedMs = slowRememberedMs;
  }

  at(nowMs: number): SlackNow {
    return nowMs < this.#slowUntilMs ? this.#slow : this.#usual;
  }

  /** Records that something became durable `tookMs` after it was decided. */
  committed(nowMs: number, tookMs: number): void {
    if (tookMs <= this.#usual.marginMs || tookMs < this.at(nowMs).marginMs) return;
    this.#slow = { ...this.#usual, marginMs: Math.min(tookMs, this.#marginMsMax) };
    this.#slowUntilMs = nowMs + this.#rememberedMs;
  }
}
