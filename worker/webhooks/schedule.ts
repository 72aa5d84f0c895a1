/**
 * The schedule of tries: full jitter, so that receivers who come back are not met by all at once. Each
 * function takes `random`, from 0 up to 1.
 */

const MINUTE_MS = 60_000;

/** Time from an event's first try to the one after which it is given up. */
export const GIVE_UP_MS = 3 * 24 * 60 * MINUTE_MS;
/** Longest wait for the next try of an event, also when the receiver asks for more. */
export const RETRY_MS_MAX = 60 * MINUTE_MS;
const RETRY_MS_MIN = 5_000;
/** Longest wait between two probes of a receiver that is down. */
const PROBE_MS_MAX = 5 * MINUTE_MS;
const PROBE_MS_MIN = 1_000;
/** Time over which what was refused is tried again when the receiver is back. */
const BACK_MS = 10_000;

/** Wait after so many tries that failed; `askedMs` is what the receiver asked for. */
export function retryMs(tries: number, askedMs: number, random: number): number {
  return Math.max(
    Math.min(askedMs, RETRY_MS_MAX),
    jitter(RETRY_MS_MIN, tries, RETRY_MS_MAX, random),
  );
}

/** Wait after so many probes in vain. */
export function probeMs(probes: number, random: number): number {
  return jitter(PROBE_MS_MIN, probes, PROBE_MS_MAX, random);
}

/** Wait of an event that was refused before the receiver came back. */
export function backMs(random: number): number {
  return random * BACK_MS;
}

function jitter(leastMs: number, failed: number, mostMs: number, random: number): number {
  return random * Math.min(mostMs, leastMs * 2 ** Math.min(failed, 30));
}
