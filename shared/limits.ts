/** Limits that more than one part relies on, each with its reason; relations are asserted below. */

/**
 * CONTRACT.md: a larger request body is answered 413. A payment needs 80 bytes, and at most 1 400 with the
 * longest source and reference, however their characters are escaped.
 */
export const BODY_BYTES_MAX = 2048;

/** Most cents of one payment: a billion. Sums of many stay exact, which worker/limits.ts asserts. */
export const AMOUNT_CENTS_MAX = 100_000_000_000;

/**
 * The limit is below the 1280 bytes that every IPv6 path carries, less headers: a datagram is never
 * fragmented.
 */
export const DATAGRAM_BYTES_MAX = 1200;

/** Size asked of the kernel for each link socket; what it grants is read back. */
export const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** Time to drain after a signal: everything must be down within 5 s; the rest is for the exit itself. */
export const DRAIN_MS_MAX = 4_800;

/** Idle HTTP connections are kept longer than load balancers keep theirs (60 s). */
export const HTTP_IDLE_SECONDS = 75;
