/**
 * Numbers of the worker that live in a width, each with what happens at its end. What can grow to its end
 * is refused before, at the door or at the start, in one line; tests go there with smaller ends.
 *
 *   processor numbers   32 bits in the ledger's entries; one is used up by each name ever configured
 *   payments' seq       2^53: 28 000 years of 10 000 payments a second
 *   starts (epoch)      2^53, for people only
 *   link: instance      48 random bits; two APIs with one of them: 2^-48 for each pair
 *   link: incarnation   31 random bits; two in a row with one of them: what is late counts as new
 *   link: sequence      32 bits, begun anew at the end, past what is outstanding (shared/link/client.ts)
 */
import { AMOUNT_CENTS_MAX } from "../shared/limits.ts";

/** The ledger's rows are summed in blocks of so many, and blocks in super-blocks. */
export const BLOCK_ROWS = 256;
export const SUPER_BLOCKS = 64;

/**
 * Numbers of rows of the ledger: the cursor has 32 bits. Beyond half of them a purge, and a start after
 * it, begin them anew.
 * Before the end payments are turned away, and `/readyz` says why.
 */
export const LEDGER_ROWS_MAX = 2 ** 32;
/** A purge begins at the next block: so many purges may come when payments are turned away already. */
export const ROWS_FOR_PURGES = 256 * BLOCK_ROWS;

/** Cents of everything that is settled since the last purge, or open: a double holds them exactly. */
export const CENTS_MAX = Number.MAX_SAFE_INTEGER;
if (AMOUNT_CENTS_MAX * BLOCK_ROWS * SUPER_BLOCKS > CENTS_MAX) throw new Error("AMOUNT_CENTS_MAX");

/** Of blocks and of super-blocks; 16 bytes each, taken as they are used. Beyond it reading is slower. */
export const BLOCK_ENTRIES_MAX = 2 ** 26;
export const SUPER_ENTRIES_MAX = 2 ** 24;

/** One column of the ring is one buffer of at most 4 GiB; this is half of that. */
export const LEDGER_SLOTS_MAX = 2 ** 28;

/** A map of the engine ends at 50 331 648 entries, and at half of that if they come and go. */
export const BACKLOG_MAX_MAX = 20_000_000;

/** Of one configuration: each has 32 of the process's 8 192 calls for looks, and some for charges. */
export const PROCESSORS_MAX = 200;
