/**
 * A processor that answers "nothing" is believed only where it can be seen that the processor itself
 * answers. A proxy gives a 404 to every path while its processor is away; so does a wrong path, or an
 * empty processor behind an old name. The control is a payment that the journal has settled there: whoever
 * does not know that one does not know the others.
 *
 *   control found ── looks are sent ── "nothing" comes ── control found, asked for after that
 *
 * Only between two controls that were found, with no failure of any kind from the first to the second, is
 * "nothing" proof. A streak is the time from the first to a failure. One control is asked for as long as
 * it is found; one that is missed breaks the streak, and the next one of the few is tried, since a
 * processor may forget an old payment.
 *
 * The 404's body was refused as a sign: the contest's own is empty, and so is Envoy's.
 */
import type { Payment } from "../../shared/payment.ts";
import type { LookOutcome } from "../processor.ts";
import type { Settled } from "../transitions.ts";

/** A look that is sent so long after the control was found still counts as sent beside it. */
const FRESH_MS = 500;

export const NO_CONTROL =
  "the journal has no payment that it has settled, to see that it is itself who answers";

/** Says why an answer about a control is none of a processor that has settled it; null when it is. */
export function doubtOf({ correlationId, amountCents }: Settled, answer: LookOutcome) {
  if (answer.kind === "nothing") return `it does not know ${correlationId}, which it has settled`;
  if (answer.kind !== "found") return answer.reason;
  if (answer.amountCents === amountCents) return null;
  return `it has ${correlationId} with another amount than it has settled`;
}

/** A "nothing" as it came: in which streak its look was sent, and behind how many controls. */
export type Nothing = { readonly streak: number | null; readonly behind: number };

/** Controls of a processor, for many looks at a time. */
export class Control {
  /** Controls in a row that were not found. */
  misses = 0;
  /** Why the last of them proves nothing. */
  doubt: string | null = null;
  readonly #known: Settled[];
  /** Nothing is settled there: what is found becomes its control. */
  readonly #learns: boolean;
  #isUnderWay = false;
  #asked = 0;
  #streak = 0;
  #begunIn = 0;
  /** Since the streak began, when the last control was found; null: there is no streak. */
  #foundAtMs: number | null = null;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(known: readonly Settled[]) {
    this.#known = [...known];
    this.#learns = known.length === 0;
  }

  get known(): readonly Settled[] {
    return this.#known;
  }

  /** Streak to which a look belongs that is sent now; null: its "nothing" will prove nothing. */
  streakAt(nowMs: number): number | null {
    const isFresh = this.#foundAtMs !== null && nowMs - this.#foundAtMs <= FRESH_MS;
    return isFresh ? this.#streak : null;
  }

  /** Looks wait for it; not while it is missed, since a payment may be found all the same. */
  isAwaited(nowMs: number): boolean {
    return this.#known.length > 0 && this.misses === 0 && this.streakAt(nowMs) === null;
  }

  isDue(nowMs: number): boolean {
    return this.#known.length > 0 && !this.#isUnderWay && nowMs >= this.#restUntilMs;
  }

  /** Gives the payment to ask for now; one at a time. */
  begin(): Settled {
    this.#isUnderWay = true;
    this.#asked++;
    this.#begunIn = this.#streak;
    return this.#known[0] as Settled;
  }

  /** Mark for a "nothing" that has come, by the streak in which it was asked for. */
  mark(streak: number | null): Nothing {
    return { streak, behind: this.#asked };
  }

  /** Says of a "nothing", once a control was found: it is proof, in vain, or to be kept for the next one. */
  judge({ streak, behind }: Nothing): "proof" | "vain" | "early" {
    if (behind >= this.#asked) return "early";
    return streak === this.#streak ? "proof" : "vain";
  }

  found(nowMs: number): void {
    this.#isUnderWay = false;
    this.misses = 0;
    // A call that failed meanwhile may have failed after the processor had answered this.
    if (this.#begunIn === this.#streak) this.#foundAtMs = nowMs;
  }

  /** Told why, and when the next one may be tried. */
  missed(doubt: string, restUntilMs: number): void {
    this.failed();
    this.#isUnderWay = false;
    this.misses++;
    this.doubt = doubt;
    this.#restUntilMs = restUntilMs;
    this.#known.push(this.#known.shift() as Settled);
  }

  /** The control itself gave no answer. */
  unanswered(): void {
    this.failed();
    this.#isUnderWay = false;
  }

  /** Some call there failed. */
  failed(): void {
    this.#streak++;
    this.#foundAtMs = null;
  }

  /** Takes what is found for a control, where the journal has none. */
  learn({ correlationId, amountCents }: Settled): void {
    if (this.#learns && this.#known.length === 0) this.#known.push({ correlationId, amountCents });
  }
}

type Unproven = { readonly kind: "unasked"; readonly reason: string };

/** Looks once, between two controls, for an operator: an unproven "nothing" counts as not asked. */
export async function lookBetween<Looked extends { readonly kind: string }>(
  known: readonly Settled[],
  find: (payment: Payment) => Promise<LookOutcome>,
  look: () => Promise<Looked>,
): Promise<Looked | Unproven> {
  let doubt: string | null = NO_CONTROL;
  let control: Settled | null = null;
  for (const one of known) {
    doubt = doubtOf(one, await find(one));
    if (doubt === null) control = one;
    if (doubt === null) break;
  }
  const looked = await look();
  if (looked.kind !== "nothing") return looked;
  if (control !== null) doubt = doubtOf(control, await find(control));
  return doubt === null ? looked : { kind: "unasked", reason: `its 404 is not believed: ${doubt}` };
}
