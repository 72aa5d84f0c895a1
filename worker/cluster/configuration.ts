/**
 * Says whether a worker may start beside those that live, by the processors that each was started with.
 *
 *   names, kinds and addresses   all have the same: what one has sent, another takes up, sums and shows
 *   fees                         may change while workers live, one worker after the other: a tariff begins with
 *                                the first that has it, and those that live choose by their own until they
 *                                are started again
 *
 * One fee may not come: that which a living worker has replaced. A worker that was left with the settings of
 * before would else take the change back at its next start, and the other again at its own. Their order
 * means nothing: lanes are ordered by cost, and numbers are the journal's.
 */
import { isSameTariff, wordsOf, type Tariff } from "../../shared/tariff.ts";

export type Configured = {
  readonly name: string;
  readonly kind: string;
  readonly url: string;
  readonly fee: Tariff;
};
/** A worker, by its name, and what it was started with. */
export type Started = { readonly name: string; readonly processors: readonly Configured[] };
/** Tariffs of a processor, by its name, in the order in which they began; null: it was not configured. */
export type Tariffs = ReadonlyMap<string, readonly (Tariff | null)[]>;

/** Why it may not start, in one sentence that names both, or null. */
export function whyNotBeside(
  me: Started,
  living: readonly Started[],
  tariffs: Tariffs,
): string | null {
  for (const other of living) {
    const found = differenceOf(me, other) ?? replacedFee(me, other, tariffs);
    if (found !== null) return found;
  }
  return null;
}

/** Sentences on fees of others that are not this worker's, while both choose by their own. */
export function feesApart(me: Started, living: readonly Started[]): string[] {
  return living.flatMap((other) =>
    pairsOf(me, other).flatMap(([mine, theirs]) => {
      if (isSameTariff(mine.fee, theirs.fee)) return [];
      const fees = `${wordsOf(theirs.fee)} for ${mine.name}, and this one (${me.name}) ${wordsOf(mine.fee)}`;
      return `worker ${other.name} has ${fees}: it chooses by its own until it is started again`;
    }),
  );
}

const ALIKE =
  "workers of one database have the same processors; to change that, stop all of them, and then start them";

function differenceOf(me: Started, other: Started): string | null {
  const lacks = (who: Started, whose: Started) =>
    whose.processors.find(({ name }) => who.processors.every((one) => one.name !== name));
  const said = (what: string) => `worker ${other.name}, which is active, has ${what}: ${ALIKE}`;
  const missing = lacks(me, other);
  if (missing !== undefined) {
    return said(`the processor ${missing.name}, and this one (${me.name}) has not`);
  }
  const more = lacks(other, me);
  if (more !== undefined) {
    return said(`no processor ${more.name}, and this one (${me.name}) has`);
  }
  for (const [mine, theirs] of pairsOf(me, other)) {
    const place = (one: Configured) => `${one.url} (${one.kind})`;
    if (place(mine) === place(theirs)) continue;
    return said(`${mine.name} at ${place(theirs)}, and this one (${me.name}) at ${place(mine)}`);
  }
  return null;
}

function replacedFee(me: Started, other: Started, tariffs: Tariffs): string | null {
  for (const [mine, theirs] of pairsOf(me, other)) {
    const all = tariffs.get(mine.name) ?? [];
    const now = all.at(-1) ?? null;
    const isReplaced =
      now !== null &&
      !isSameTariff(mine.fee, now) &&
      isSameTariff(theirs.fee, now) &&
      all.some((one) => one !== null && isSameTariff(mine.fee, one));
    if (!isReplaced) continue;
    return `this worker (${me.name}) has ${wordsOf(mine.fee)} for ${mine.name}, which was replaced by \
${wordsOf(now)}, with which worker ${other.name} was started: give it the same fee; if the one before is to \
come back, stop the workers that have the newer one first`;
  }
  return null;
}

/** The processors that both have, mine first. */
function pairsOf(me: Started, other: Started): [Configured, Configured][] {
  return me.processors.flatMap((mine): [Configured, Configured][] => {
    const theirs = other.processors.find(({ name }) => name === mine.name);
    return theirs === undefined ? [] : [[mine, theirs]];
  });
}
