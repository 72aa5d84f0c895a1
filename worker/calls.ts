/** Limits the calls in flight: each has a connection, and so a descriptor and a port, of its own. */

/** Calls at all processors together; doctor says whether the machine has the descriptors for them. */
const ALL_MAX = 8_192;
/** Looks and health probes of one processor, beside its charges. */
const OTHER_CALLS = 32;
/** Most charges of one processor: it takes 800 calls, some of which looks and abandoned calls need. */
const CHARGES_MAX = 640;

export function callsInFlightMax(processors: number): number {
  const share = Math.floor(ALL_MAX / processors) - OTHER_CALLS;
  return Math.max(1, Math.min(CHARGES_MAX, share));
}
