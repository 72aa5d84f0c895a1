/** What the pipeline's thread and the journal's thread say to each other. */
import { Packr } from "msgpackr";
import type { JournalSync } from "./store.ts";
import type {
  BlockTotals,
  JournalHead,
  LedgerRows,
  OpenRow,
  Transition,
  TransitionResult,
} from "../transitions.ts";

export type JournalCommand =
  | {
      readonly kind: "start";
      readonly path: string;
      readonly sync: JournalSync;
      readonly processors: readonly string[];
    }
  /** Transitions, packed: one array of bytes crosses threads at a third of the cost of the objects. */
  | { readonly kind: "commit"; readonly packed: Uint8Array<ArrayBuffer> }
  | { readonly kind: "open" }
  | { readonly kind: "rows" | "totals"; readonly fromRow: number; readonly toRow: number }
  | { readonly kind: "close" };

export type JournalReply =
  | { readonly kind: "started"; readonly head: JournalHead }
  | { readonly kind: "failed"; readonly reason: string }
  | {
      readonly kind: "committed";
      /** How many there were, and those that are not "done", by their place. */
      readonly count: number;
      readonly others: readonly (readonly [at: number, result: TransitionResult])[];
      readonly durationMs: number;
    }
  | { readonly kind: "commit-failed"; readonly reason: string }
  | { readonly kind: "open"; readonly payments: OpenRow[] }
  | { readonly kind: "rows"; readonly rows: LedgerRows }
  | { readonly kind: "totals"; readonly totals: BlockTotals }
  | { readonly kind: "closed" };

const packr = new Packr();

export function packTransitions(transitions: readonly Transition[]): Uint8Array<ArrayBuffer> {
  // A copy: what pack returns lies in a buffer that the next call writes to.
  return new Uint8Array(packr.pack(transitions));
}

export function unpackTransitions(packed: Uint8Array): Transition[] {
  return packr.unpack(packed);
}

const DONE: TransitionResult = { kind: "done" };

type SparseResults = Pick<Extract<JournalReply, { kind: "committed" }>, "count" | "others">;

export function sparseResults(results: readonly TransitionResult[]): SparseResults {
  const others: [number, TransitionResult][] = [];
  for (const [at, result] of results.entries())
    if (result.kind !== "done") others.push([at, result]);
  return { count: results.length, others };
}

export function allResults({
  count,
  others,
}: ReturnType<typeof sparseResults>): TransitionResult[] {
  const results = Array.from({ length: count }, () => DONE);
  for (const [at, result] of others) results[at] = result;
  return results;
}
