/** The thread that appends to a ledger while a test reads it: a cent a row, in order of time. */
import { LedgerWriter, type LedgerMemory } from "../ledger.ts";

declare const self: Worker;

/** Wall clock of row 0; row n is n milliseconds later. */
export const FIRST_AT_MS = 1_000_000;

export type AppendOrder = {
  readonly memory: LedgerMemory;
  readonly rows: number;
  /** Rows between two purges; null for none. */
  readonly purgeEvery: number | null;
};

if (!Bun.isMainThread) {
  self.onmessage = ({ data }: MessageEvent<AppendOrder>) => {
    const { memory, rows, purgeEvery } = data;
    const ledger = new LedgerWriter(memory);
    for (let n = 0; n < rows; n++) {
      ledger.append(FIRST_AT_MS + n, 1, n % memory.processors);
      if (purgeEvery !== null && n % purgeEvery === purgeEvery - 1) ledger.purge();
    }
    self.postMessage("done");
  };
}
