/** The interface of every store behind the journal; journal.test.ts is the contract that each passes. */
import type { ClusterMap } from "../../shared/http-api/cluster.ts";
import type { Holding } from "../cluster/holding.ts";
import type { Lead, Peer } from "../cluster/lead.ts";
import type { Gift } from "../cluster/owners.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { Address, Addresses } from "../addresses.ts";
import type { KnownTariff, Priced } from "../tariffs.ts";
import type {
  BlockTotals,
  JournalHead,
  LedgerRows,
  OpenRow,
  PaymentState,
  ProcessorMode,
  Settled,
  Transition,
  TransitionResult,
} from "../transitions.ts";

/** The result when durable; null when it was not stored and never will be (only for "accept"). */
export type OnDurable = (result: TransitionResult | null) => void;

export type CommitStats = {
  /** Commits that succeeded and failed, and transitions in those that succeeded. */
  commits: number;
  failures: number;
  transitions: number;
};

/** Decisions of operators that any worker may have written, and that are all workers'. */
export type SharedDecisions = {
  /** Modes of processors, and addresses that payments belong to, by number; null: none is known. */
  readonly modes: readonly ProcessorMode[];
  readonly urls: readonly (string | null)[];
  /** The journal is no copy, or one that an operator trusts. */
  readonly isTrusted: boolean;
};

/** Answer of a processor to the worker that has asked it for its health, by its number. */
export type SharedReading = {
  readonly processor: number;
  readonly failing: boolean;
  readonly minResponseTimeMs: number;
};

/** Told after each renewal of a worker's lease. */
export type SharedNews = SharedDecisions & {
  /** Shards that are this worker's since then, and how many of them their owner had not given. */
  readonly gained: readonly number[];
  readonly abandoned: number;
  /** Shards that others should have. */
  readonly gifts: readonly Gift[];
  /** Number of the tariffs that have begun so far. */
  readonly tariffs: number;
  /** New readings of other workers. */
  readonly health: readonly SharedReading[];
};

/** A journal that several workers share, each with its own payments. */
export interface SharedJournal extends Lead {
  readonly holding: Holding;
  /** Rows of the ledger that all workers together may still settle; some are kept back. */
  readonly rowsLeft: number;
  /** The workers and their shards, as APIs are told it. */
  readonly map: ClusterMap;
  /** Tells which other worker has a shard; null: this one, or nobody. */
  ownerOf(shard: number): Peer | null;
  /** Tells other workers, soon; without a promise. */
  tellHealth(reading: SharedReading): void;
  onNews: (news: SharedNews) => void;
  /** Hears all tariffs when another worker has begun some; null: nobody hears yet. */
  onTariffs: ((tariffs: readonly KnownTariff[]) => void) | null;
  /** Gives the shards about which anything waits for its commit. */
  shardsUnderWay(): Set<number>;
  /** Counts the payments of these shards that wait for an operator and are in no memory, by state. */
  parkedIn(shards: readonly number[]): Promise<Map<PaymentState, number>>;
  /**
   * Gives shards to another worker; nothing of them is under way. Resolves with the version of the map since
   * then; null when they are still this one's.
   */
  give(shards: readonly number[], to: number): Promise<number | null>;
}

export interface Journal {
  readonly head: JournalHead;
  /** Absent where all payments are this worker's. */
  readonly shared?: SharedJournal;
  readonly stats: CommitStats;
  /** Transitions that wait for their commit. */
  readonly queued: number;
  /** Reason why commits fail at the moment, or null. */
  readonly trouble: string | null;
  readonly checkpoints: Checkpoints;
  /** Called with each commit's duration in milliseconds. */
  onCommit: (durationMs: number) => void;
  /**
   * Called before a commit that holds up the caller's thread and after it, also when it fails; never by a
   * journal whose commits hold up nothing.
   */
  onCommitting: (isUnderWay: boolean) => void;
  append(transition: Transition, done: OnDurable): void;
  /** Tells who is at another address than before; what may be followed is durable when it resolves. */
  addresses(configured: readonly Address[]): Promise<Addresses>;
  /**
   * Begins a tariff where what is configured differs from what was in force, behind every payment that was
   * sent; gives all tariffs, durably. To be called once, before anything is appended.
   */
  tariffs(configured: readonly Priced[]): Promise<KnownTariff[]>;
  /** Gives the payments that are open, in these shards where several workers share it. To be called at a start. */
  open(shards?: readonly number[]): Promise<OpenRow[]>;
  /**
   * Gives up to three payments that a processor has settled by its own word before the wall clock showed
   * `beforeMs`, of the `among` that came before `beforeSeq`, newest first. Reads a million in half a
   * second, or in a few from a cold disk.
   */
  settled(
    processor: number,
    beforeSeq: number,
    beforeMs: number,
    among: number,
  ): Promise<Settled[]>;
  rows(fromRow: number, toRow: number): Promise<LedgerRows>;
  /** Gives the totals of full blocks that follow each other: both rows are a block's first. */
  blocks(fromRow: number, toRow: number): Promise<BlockTotals[]>;
  /** Commits all that waits, then closes the store. */
  close(): Promise<void>;
}

/** The journal of a worker, whose other threads read it, too. */
export interface WorkerJournal extends Journal {
  /** Time that commits which succeeded have taken so far. */
  readonly commitMs: number;
  /** Told when a reader finds that it is not what was written to it. */
  onCorruption(message: string): void;
}
