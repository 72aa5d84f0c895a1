/**
 * Judges the rest of a processor that turns calls away:
 *
 *   R35  one that wants to be left alone for a time is sent no charge in it, but for those that are on their way
 */
import type { Time } from "./time.ts";
import { Violation } from "./violation.ts";
import type { ChargeSeen } from "./wire.ts";

/** Longest time from a decision to its call: a commit, and the one before it. */
const ON_THEIR_WAY_MS = 20;
const TURNED_AWAY = 429;

export type RestsOptions = {
  readonly time: Pick<Time, "nowMs">;
  readonly names: readonly string[];
  /** Time for which the processor at a wire wants to be left alone, in seconds; null: it says nothing of the kind. */
  readonly restSAt: (place: number) => number | null;
};

export class Rests {
  readonly #options: RestsOptions;
  /** Span of the rest of each, by place. */
  readonly #rests = new Map<number, { readonly fromMs: number; readonly untilMs: number }>();

  constructor(options: RestsOptions) {
    this.#options = options;
  }

  /** A worker starts, and nobody has told it anything. */
  onStart(): void {
    this.#rests.clear();
  }

  onAnswer({ processor }: ChargeSeen, status: number | string): void {
    const { time, restSAt } = this.#options;
    const restS = restSAt(processor);
    if (status !== TURNED_AWAY || restS === null) return;
    const { fromMs = time.nowMs, untilMs = 0 } = this.#restOf(processor) ?? {};
    this.#rests.set(processor, {
      fromMs,
      untilMs: Math.max(untilMs, time.nowMs + restS * 1_000),
    });
  }

  onCharge({ processor, correlationId }: ChargeSeen): void {
    const { time, names } = this.#options;
    const rest = this.#restOf(processor);
    if (rest === null || time.nowMs <= rest.fromMs + ON_THEIR_WAY_MS) return;
    const leftMs = Math.round(rest.untilMs - time.nowMs);
    throw new Violation(
      `R35: ${correlationId} is sent to ${names[processor]}, which is to be left alone for ${leftMs} ms more`,
    );
  }

  /** The rest that a processor is having; null: none. */
  #restOf(place: number) {
    const rest = this.#rests.get(place);
    return rest !== undefined && this.#options.time.nowMs < rest.untilMs ? rest : null;
  }
}
