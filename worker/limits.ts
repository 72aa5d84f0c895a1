/**
 * Numbers of the worker have widths; here stands what happens at the end of each. A number that can
 * grow to its end is refused before, at a request or at the start, in one line; tests go there with
 * smaller ends.
 *
 *   processor numbers   32 bits in the ledger's entries; one is used up by each name ever configured
 *   payments' seq       2^53: 28 000 years of 10 000 payments a second; in a database, which gives
 *                       them by the clock, until 2095 (cluster/numbers.ts)
 *   starts (epoch)      2^53, for people only
 *   link: instance      48 random bits; two APIs with one of them: 2^-48 for each pair
 *   link: incarnation   31 random bits; two in a row with one of them: what is late counts as new
 *   link: sequence      32 bits, begun anew at the end, past what is outstanding (shared/link/client.ts)
 */
import { AMOUNT_CENTS_MAX } from "../shared/limits.ts";

/** Share of its bound from which the backlog is near it: for a line, a sentence, and docs/alerts.yml. */
export const BACKLOG_NEAR = 0.8;

/** Rows of the ledger that are summed in a block, and blocks in a super-block; those are summed likewise in turn. */
export const BLOCK_ROWS = 256;
export const SUPER_BLOCKS = 64;
/** Levels of sums: blocks, super-blocks, and what sums 64 of these, a million rows. CENTS_MAX bounds each sum. */
export const SUM_LEVELS = 3;

/**
 * Most numbers of ledger rows: the cursor has 32 bits. Beyond half of them a purge, and a start after
 * it, begin them anew. Payments are turned away before the end, and `/readyz` says why.
 */
export const LEDGER_ROWS_MAX = 2 ** 32;
/** Rows kept for purges when payments are turned away already: each begins at the next block. */
export const ROWS_FOR_PURGES = 256 * BLOCK_ROWS;
/**
 * Rows kept where several workers share a ledger, since each knows only some time later what the others have
 * settled, and not what they have open: a million of each.
 */
export const ROWS_FOR_OTHERS = 2 ** 26;

/** Most cents of all that is settled since the last purge, or open: a double holds them exactly. */
export const CENTS_MAX = Number.MAX_SAFE_INTEGER;

/** Most entries of blocks, and of a level above: 16 bytes each, as they are used. Beyond, reading is slower. */
export const BLOCK_ENTRIES_MAX = 2 ** 26;
export const SUPER_ENTRIES_MAX = 2 ** 24;

/** Streams of commits that a database has, one for each worker that lives: rows of a table that a migration makes. */
export const STREAMS = 64;
/**
 * Most cents that are accepted in a stream between two purges, whoever settles them: all of them together are
 * at most what a sum holds exactly. A start takes a stream that has room.
 */
export const STREAM_CENTS_MAX = Math.floor(CENTS_MAX / STREAMS);
if (STREAM_CENTS_MAX < AMOUNT_CENTS_MAX) throw new Error("STREAMS");

/** Fewest slots of the ring. */
export const LEDGER_SLOTS_MIN = 4_096;

/** Most slots of the ring: a column is a buffer of at most 4 GiB, and this is half of that. */
export const LEDGER_SLOTS_MAX = 2 ** 28;

/** Largest BACKLOG_MAX: the engine's map ends at 50 331 648 entries, at half if they come and go. */
export const BACKLOG_MAX_MAX = 20_000_000;

/** Most processors: each has 32 of the process's 8 192 calls for looks, and some for charges. */
export const PROCESSORS_MAX = 200;
