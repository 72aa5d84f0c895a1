/** Reads payments as the journal has them, through a connection that cannot write. */
import { iso } from "../../shared/clock.ts";
import { decimalFromCents } from "../../shared/money.ts";
import { openToRead } from "../format.ts";
import { decimalOf, feeOf, millionthsOf } from "../../shared/tariff.ts";
import { tariffOf, type Era } from "../tariffs.ts";
import { PAYMENT_STATES, type LedgerRows } from "../transitions.ts";

export type PaymentRow = {
  amount_cents: number;
  state: number;
  accepted_at_ms: number;
  processor: number | null;
  requested_at_ms: number | null;
  settled_at_ms: number | null;
};

/** Meaning of the journal's numbers: processors by number, and what each charged at which time. */
export type Known = { readonly names: readonly string[]; readonly eras: readonly Era[] };

const SETTLED = PAYMENT_STATES.indexOf("settled");
/** States after which nothing is tried any more, so that the last attempt says why. */
const REFUSED = (["rejected", "conflict"] as const).map((name) => PAYMENT_STATES.indexOf(name));

export function openPayments(path: string, { names, eras }: Known) {
  const db = openToRead(path);
  const byId = db.query<PaymentRow & { reason: string | null }, [string]>(
    `SELECT *, CASE WHEN state IN (${REFUSED.join(", ")}) THEN
       (SELECT reason FROM attempts WHERE attempts.seq = payments.seq ORDER BY rowid DESC LIMIT 1)
     END AS reason FROM payments WHERE id = unhex(?, '-')`,
  );
  const rows = db.query(
    "SELECT requested_at_ms, amount_cents, processor FROM ledger WHERE row >= ? AND row < ? ORDER BY row",
  );
  return {
    /** Gives the status of a payment as JSON, or null when the id is unknown. */
    status(correlationId: string): string | null {
      const row = byId.get(correlationId);
      if (row === null) return null;
      const why = row.reason === null ? "" : `,"reason":${JSON.stringify(row.reason)}`;
      return `{${statusFields(correlationId, row, { names, eras })}${why}}`;
    },
    oldRows(fromRow: number, toRow: number): LedgerRows {
      const values = rows.values(fromRow, toRow) as [number, number, number][];
      const column = (index: 0 | 1 | 2) => Float64Array.from(values, (row) => row[index]);
      return { requestedAtMs: column(0), amountCents: column(1), processor: column(2) };
    },
    close(): void {
      db.close();
    },
  };
}

/** Writes the fields of a status, without the braces around them. */
export function statusFields(
  correlationId: string,
  row: PaymentRow,
  { names, eras }: Known,
): string {
  const fields = [
    `"correlationId":"${correlationId}"`,
    `"amount":${decimalFromCents(row.amount_cents)}`,
    `"status":"${PAYMENT_STATES[row.state]}"`,
  ];
  if (row.processor !== null) fields.push(`"processor":${JSON.stringify(names[row.processor])}`);
  if (row.requested_at_ms !== null) fields.push(`"requestedAt":"${iso(row.requested_at_ms)}"`);
  fields.push(`"acceptedAt":"${iso(row.accepted_at_ms)}"`);
  if (row.settled_at_ms !== null) fields.push(`"settledAt":"${iso(row.settled_at_ms)}"`);
  if (row.state === SETTLED && row.settled_at_ms === null) fields.push('"pruned":true');
  fields.push(...feeFields(row, eras));
  return fields.join(",");
}

/** The fee of a settled payment whose tariff is known, in the currency's units. */
function feeFields(
  { state, processor, requested_at_ms: requestedAtMs, amount_cents: cents }: PaymentRow,
  eras: readonly Era[],
): string[] {
  if (state !== SETTLED || processor === null || requestedAtMs === null) return [];
  const tariff = tariffOf(eras, { processor, requestedAtMs });
  if (tariff === null) return [];
  const fee = decimalOf(millionthsOf(feeOf(tariff.terms, cents)));
  return [`"fee":${fee}`, `"tariff":${tariff.number}`];
}
