/** The journal's tables, read row by row as they lie there, and what a page of payments has of them. */
import type { Database } from "bun:sqlite";
import type { PageFilter, PagePlace, PaymentFound } from "../../worker/journal-reader.ts";
import {
  PAYMENT_STATES,
  type FailedAttempt,
  type Intervention,
  type PaymentState,
} from "../../worker/transitions.ts";
import { uuidFromHex } from "../../worker/uuid.ts";

export type LedgerRow = {
  readonly row: number;
  readonly seq: number;
  readonly processor: number;
  readonly requestedAtMs: number;
  readonly amountCents: number;
};
export type Tables = {
  readonly states: readonly PaymentState[];
  /** In the order of acceptance. */
  readonly payments: readonly PaymentFound[];
  readonly ledger: readonly LedgerRow[];
  readonly attempts: readonly (FailedAttempt & { readonly seq: number })[];
  /** Attempts that are not kept, by payment. */
  readonly leftOut: ReadonlyMap<number, number>;
  readonly interventions: readonly (Intervention & {
    readonly seq: number | null;
    readonly processor: number | null;
  })[];
  readonly names: readonly string[];
  readonly urls: readonly (string | null)[];
  readonly meta: ReadonlyMap<string, number>;
};

type PaymentRow = {
  seq: number;
  hex: string;
  amount_cents: number;
  state: number;
  reference: string | null;
  accepted_at_ms: number;
  processor: number | null;
  requested_at_ms: number | null;
  settled_at_ms: number | null;
};

export function readTables(db: Database): Tables {
  const all = <T>(sql: string) => db.query<T, []>(sql).all();
  const pairs = <T>(sql: string) => new Map(db.query(sql).values() as [T, number][]);
  const attempts = all<Tables["attempts"][number]>(
    "SELECT seq, at_ms AS atMs, processor, outcome, reason FROM attempts ORDER BY rowid",
  );
  const codes = new Map(db.query("SELECT seq, code FROM codes").values() as [number, string][]);
  const reasons = new Map(attempts.map(({ seq, reason }) => [seq, reason]));
  const processors = all<{ name: string; url: string | null }>(
    "SELECT name, url FROM processors ORDER BY number",
  );
  const payments = all<PaymentRow>("SELECT lower(hex(id)) AS hex, * FROM payments ORDER BY seq");
  return {
    states: PAYMENT_STATES,
    payments: payments.map((row) => foundOf(row, reasons, codes)),
    ledger: all(
      `SELECT row, seq, processor, requested_at_ms AS requestedAtMs, amount_cents AS amountCents
       FROM ledger ORDER BY row`,
    ),
    attempts,
    leftOut: pairs<number>("SELECT seq, count FROM attempts_left_out"),
    interventions: all(
      "SELECT seq, processor, at_ms AS atMs, who, action, why, evidence FROM interventions ORDER BY rowid",
    ),
    names: processors.map(({ name }) => name),
    urls: processors.map(({ url }) => url),
    meta: pairs<string>("SELECT key, value FROM meta"),
  };
}

function foundOf(
  row: PaymentRow,
  reasons: ReadonlyMap<number, string>,
  codes: ReadonlyMap<number, string>,
): PaymentFound {
  const state = PAYMENT_STATES[row.state]!;
  const hasEnded = state === "rejected" || state === "conflict";
  return {
    correlationId: uuidFromHex(row.hex),
    seq: row.seq,
    amountCents: row.amount_cents,
    state,
    reference: row.reference,
    acceptedAtMs: row.accepted_at_ms,
    processor: row.processor,
    requestedAtMs: row.requested_at_ms,
    settledAtMs: row.settled_at_ms,
    reason: hasEnded ? (reasons.get(row.seq) ?? null) : null,
    code: state === "rejected" ? (codes.get(row.seq) ?? null) : null,
  };
}

/** True of a payment that a page has when it begins there. */
export function matches(
  one: PaymentFound,
  at: PagePlace,
  { state, processor }: PageFilter,
): boolean {
  const { seq, requestedAtMs: atMs } = one;
  if (state !== null && one.state !== state) return false;
  if (processor !== null && one.processor !== processor) return false;
  if (at.order === "accepted") {
    const isInside = atMs === null ? at.waiting : atMs >= at.fromMs && atMs <= at.toMs;
    return isInside && seq < at.beforeSeq;
  }
  if (atMs === null || atMs < at.fromMs) return false;
  return atMs < at.beforeMs || (atMs === at.beforeMs && seq < at.beforeSeq);
}

/** The order of a page. */
export function place({ order }: PagePlace): (a: PaymentFound, b: PaymentFound) => number {
  const bySeq = (a: PaymentFound, b: PaymentFound) => b.seq - a.seq;
  if (order === "accepted") return bySeq;
  return (a, b) => b.requestedAtMs! - a.requestedAtMs! || bySeq(a, b);
}
