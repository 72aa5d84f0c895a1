/**
 * Tariffs of the processors, drawn from the seed with all that a tariff may have: a share, a fixed sum, a
 * least, a most, and a rounding. Half of the seeds have the contest's shares. In some of the others they are
 * changed while the run lasts.
 */
import { FREE, ROUNDINGS, shareOf, type Tariff } from "../../shared/tariff.ts";
import type { Chance } from "./chance.ts";

/** The contest's; then one that costs the same as another, one between, and one that costs nothing. */
const SHARES = [0.05, 0.15, 0.15, 0.08, 0].map(shareOf);

/** Tariffs of all processors, in their order. */
export type Tariffs = readonly Tariff[];

/** Draws what holds one after the other; a single one where nobody changes any. */
export function drawTariffs(tariff: Chance, processors: number): readonly Tariffs[] {
  const shares = Array.from({ length: processors }, (_, i) => SHARES[i % SHARES.length]!);
  if (tariff.happens(0.5)) return [shares];
  const changes = tariff.happens(0.4) ? 0 : tariff.between(1, 3);
  return Array.from({ length: changes + 1 }, () => shares.map(() => drawTariff(tariff)));
}

export function drawTariff(tariff: Chance): Tariff {
  const perMillion = tariff.pick([0, 5_000, 29_900, 50_000, 150_000, 333_333]);
  if (tariff.happens(0.3)) return { ...FREE, perMillion };
  const minCents = tariff.pick([0, 0, 1, 50]);
  return {
    perMillion,
    fixedCents: tariff.pick([0, 0, 39]),
    minCents,
    maxCents: tariff.pick([null, null, minCents, 4_000]),
    rounding: tariff.pick(ROUNDINGS),
  };
}
