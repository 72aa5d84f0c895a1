/** What the pipeline's thread and the journal's thread say to each other. */
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
  | { readonly kind: "commit"; readonly transitions: readonly Transition[] }
  | { readonly kind: "open" }
  | { readonly kind: "rows" | "totals"; readonly fromRow: number; readonly toRow: number }
  | { readonly kind: "close" };

export type JournalReply =
  | { readonly kind: "started"; readonly head: JournalHead }
  | { readonly kind: "failed"; readonly reason: string }
  | {
      readonly kind: "committed";
      readonly results: readonly TransitionResult[];
      readonly durationMs: number;
    }
  | { readonly kind: "commit-failed"; readonly reason: string }
  | { readonly kind: "open"; readonly payments: OpenRow[] }
  | { readonly kind: "rows"; readonly rows: LedgerRows }
  | { readonly kind: "totals"; readonly totals: BlockTotals }
  | { readonly kind: "closed" };
