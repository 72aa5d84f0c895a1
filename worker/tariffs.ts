/**
 * Tells which tariff a payment was charged under. Tariffs have numbers, and each begins at an instant: a
 * payment belongs to the one that was in force at its `requestedAt`, for ever. That is exact, because no
 * payment is sent with an instant before the beginning of the tariff that is in force (`worker/pipeline/dispatch.ts`), and a
 * new one begins behind every payment that was sent under those before (`worker/journal/sqlite-tariffs.ts`).
 *
 * Tariffs that begin together begin an era: processors, each with its tariff, that a payment of that time
 * could have gone to.
 */
import { isSameTariff, type Tariff } from "../shared/tariff.ts";

export type KnownTariff = {
  /** From 1 on, as they began. */
  readonly number: number;
  /** Number of the processor's name in the journal. */
  readonly processor: number;
  readonly fromMs: number;
  /** Null: from then on the processor is not configured. */
  readonly terms: Tariff | null;
};
export type Configured = { readonly number: number; readonly terms: Tariff };
export type Era = {
  readonly fromMs: number;
  /** The instant of its last millisecond, which the next era follows. */
  readonly toMs: number;
  /** Tariffs by processor number; null where none is configured. */
  readonly tariffs: readonly (Configured | null)[];
};

/** Meaning of the journal's numbers: processors by number, and what each charged at which time. */
export type Known = { readonly names: readonly string[]; readonly eras: readonly Era[] };

/** The same while a thread lives: another worker may begin tariffs. */
export class KnownSoFar implements Known {
  readonly names: readonly string[];
  eras: readonly Era[] = [];

  constructor(names: readonly string[], tariffs: readonly KnownTariff[]) {
    this.names = names;
    this.learn(tariffs);
  }

  /** Takes all tariffs that there are; eras are others from then on. */
  learn(tariffs: readonly KnownTariff[]): void {
    this.eras = erasOf(tariffs, this.names.length);
  }
}

/** A processor with what it charges now. */
export type Priced = { readonly processor: number; readonly terms: Tariff };

/**
 * The tariffs that begin with this configuration: none where it is what was in force. `newestMs`, which is
 * asked only when one begins, is the newest `requestedAt` of all payments that were sent under those before.
 */
export function beginningWith(
  known: readonly KnownTariff[],
  configured: readonly Priced[],
  newestMs: () => number,
): KnownTariff[] {
  const inForce = new Map<number, Tariff | null>();
  for (const { processor, terms } of known) inForce.set(processor, terms);
  const changed: { processor: number; terms: Tariff | null }[] = configured.filter(
    ({ processor, terms }) => {
      const before = inForce.get(processor) ?? null;
      return before === null || !isSameTariff(before, terms);
    },
  );
  for (const [processor, terms] of inForce) {
    const isGone = terms !== null && configured.every((one) => one.processor !== processor);
    if (isGone) changed.push({ processor, terms: null });
  }
  if (changed.length === 0) return [];
  // The first ones hold for what was settled before there were any.
  const last = known.at(-1);
  const fromMs = last === undefined ? 0 : Math.max(newestMs() + 1, last.fromMs);
  return changed.map(({ processor, terms }, i) => {
    return { number: known.length + i + 1, processor, fromMs, terms };
  });
}

/** The first tariffs hold for all that was settled before there were any. */
export function erasOf(known: readonly KnownTariff[], processors: number): Era[] {
  const begins = [...new Set(known.map(({ fromMs }) => fromMs))].sort((a, b) => a - b);
  let tariffs: readonly (Configured | null)[] = new Array(processors).fill(null);
  return begins.map((beginMs, i) => {
    const changed = [...tariffs];
    for (const { number, processor, fromMs, terms } of known) {
      if (fromMs === beginMs) changed[processor] = terms === null ? null : { number, terms };
    }
    tariffs = changed;
    const fromMs = i === 0 ? Number.NEGATIVE_INFINITY : beginMs;
    return { fromMs, toMs: (begins[i + 1] ?? Number.POSITIVE_INFINITY) - 1, tariffs };
  });
}

/** The tariff of a payment that a processor has settled; null when nobody ever knew one. */
export function tariffOf(
  eras: readonly Era[],
  { processor, requestedAtMs }: { readonly processor: number; readonly requestedAtMs: number },
): Configured | null {
  return eras.findLast(({ fromMs }) => fromMs <= requestedAtMs)?.tariffs[processor] ?? null;
}
