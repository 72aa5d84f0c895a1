/** How many calls are in flight: each has a connection, and so a descriptor and a port, of its own. */

/** At all processors together; doctor says whether the machine has the descriptors for it. */
const ALL_MAX = 8_192;
/** Looks and health probes of one processor, beside its charges. */
const OTHER_CALLS = 32;
/** A processor takes 800 calls at a time; looks and calls that were given up need some of them. */
const CHARGES_MAX = 640;

/** Charges in flight at one processor. */
export function callsInFlightMax(processors: number): number {
  const share = Math.floor(ALL_MAX / processors) - OTHER_CALLS;
  return Math.max(1, Math.min(CHARGES_MAX, share));
}
