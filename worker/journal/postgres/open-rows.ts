/**
 * Reads the open payments of some shards, in the order of their numbers, and in the same statement what shows of
 * which moment they are: the version of the map, and how many of the shards are this worker's then.
 *
 * Only what is read of a shard of one's own stays as it was read. A worker that was sealed while it slept, and
 * reads a shard that is another's by now, would find that one's call under way, take it up as unknown, and
 * send it once more, after the other may have been refused there and have gone elsewhere.
 */
import { paymentOf } from "../../../shared/payment.ts";
import type { OpenRow } from "../../transitions.ts";
import { stateOf } from "../records.ts";

/** True for a payment that is not settled, in the words of their index, and with a table's name before it. */
export const IS_OPEN = "settled = false";

type Moment = { readonly map_version: number; readonly owned: number };
type PaymentColumns = Moment & {
  readonly seq: number;
  readonly id: string;
  readonly amount_cents: number;
  readonly state: number;
  readonly accepted_at_ms: number;
  readonly processor: number | null;
  readonly requested_at_ms: number | null;
  readonly reference: string | null;
  readonly source: string | null;
  readonly claimed: boolean;
};

/** The columns of a row; without any payment there is one row, which has the moment alone. */
export type OpenColumns = PaymentColumns | (Moment & { readonly seq: null });

/** Takes the reason of a claimed payment's last attempt, an array of shards, and the number of the worker. */
export const OPEN = `SELECT map_version::float8,
    (SELECT count(*) FROM shards WHERE shard = ANY ($2::smallint[]) AND worker = $3::bigint)::int AS owned,
    seq::float8, id::text, amount_cents::float8, state, accepted_at_ms::float8, processor,
    requested_at_ms::float8, reference, (SELECT source FROM sources o WHERE o.id = p.id) AS source,
    coalesce($1::text = (SELECT reason FROM attempts a WHERE a.id = p.id AND a.processor = p.processor
      ORDER BY nth DESC LIMIT 1), false) AS claimed
  FROM meta LEFT JOIN payments p ON ${IS_OPEN} AND shard = ANY ($2::smallint[]) ORDER BY seq`;

export function openRowsOf(columns: readonly OpenColumns[]): OpenRow[] {
  const found = columns.filter((row): row is PaymentColumns => row.seq !== null);
  return found.map((row) => {
    const { seq, id: correlationId, processor, requested_at_ms: requestedAtMs } = row;
    const payment = paymentOf(correlationId, row.amount_cents, row.source, row.reference);
    return Object.assign(payment, {
      seq,
      state: stateOf(row.state),
      acceptedAtMs: row.accepted_at_ms,
      assignment:
        processor === null || requestedAtMs === null ? null : { processor, requestedAtMs },
      isClaimed: row.claimed,
    });
  });
}
