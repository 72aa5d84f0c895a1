/** The journal's own side of an audit that runs beside the worker, whatever keeps the journal. */
import type { KnownAddress } from "../addresses.ts";
import type { JournalReader } from "../journal-reader.ts";
import type { LedgerMemory } from "../ledger.ts";
import type { SummaryReader } from "../summary.ts";

export type OwnBooks = AsyncDisposable & {
  readonly journal: JournalReader;
  /** Names of processors by number. */
  readonly names: readonly string[];
  readonly addresses: readonly KnownAddress[];
  /** All that is settled at this moment, and its sums. */
  readonly memory: LedgerMemory;
  readonly summary: SummaryReader;
};
