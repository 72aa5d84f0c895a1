/**
 * The journal: where a payment is safe. A payment is acknowledged only after its row is durable, and
 * sent to a processor only after its assignment is (PROTOCOL.md, I1 and I2).
 *
 *   pipeline ── append ──► group commit ── one batch ──► store (SQLite, one transaction, one fsync)
 *            ◄── result, when durable ──
 *
 * Group commit: everything appended while the last commit ran goes into the next one, so that the
 * cost of an fsync is shared by whoever waits for it. This interface is the seam behind which another
 * store can stand; journal.test.ts is the contract that every driver passes. Appending to a log file
 * of our own was refused: uniqueness for ever, recovery and a format that other tools read would all
 * have to be written again.
 */
import type { Checkpoints } from "./journal/checkpoints.ts";
import type { Address, Addresses } from "./addresses.ts";
import type {
  BlockTotals,
  JournalHead,
  LedgerRows,
  OpenRow,
  Transition,
  TransitionResult,
} from "./transitions.ts";

export type * from "./transitions.ts";
export { openJournal } from "./journal/turn.ts";
export { InlineJournal } from "./journal/inline.ts";

/** The result when durable; null when it was not stored and never will be (only for "accept"). */
export type OnDurable = (result: TransitionResult | null) => void;

export type CommitStats = {
  /** Commits that succeeded and failed, and transitions in those that succeeded. */
  commits: number;
  failures: number;
  transitions: number;
};

export interface Journal {
  readonly head: JournalHead;
  readonly stats: CommitStats;
  /** Transitions that wait for their commit. */
  readonly queued: number;
  /** Why commits fail at the moment, or null. */
  readonly trouble: string | null;
  readonly checkpoints: Checkpoints;
  /** Called with each commit's duration in milliseconds. */
  onCommit: (durationMs: number) => void;
  /** Called before a commit and after it, whatever comes of it. */
  onCommitting: (isUnderWay: boolean) => void;
  append(transition: Transition, done: OnDurable): void;
  /** Who is at another address than before; what may be followed is durable when it resolves. */
  addresses(configured: readonly Address[]): Promise<Addresses>;
  /** Payments that were open when the journal was opened. */
  open(): Promise<OpenRow[]>;
  rows(fromRow: number, toRow: number): Promise<LedgerRows>;
  /** Of full blocks, one after the other: both rows are a block's first. */
  blocks(fromRow: number, toRow: number): Promise<BlockTotals[]>;
  /** Commits what waits, then closes the store. */
  close(): Promise<void>;
}
