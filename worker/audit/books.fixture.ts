/** A journal of many settled payments, and a processor that has recorded the same, to plant differences in. */
import { ProcessorModel } from "../../simulator/processor.ts";
import { openDatabase, SqliteStore } from "../journal/store.ts";
import { uuidFromHex } from "../uuid.ts";

export const NAMES = ["default", "fallback"];
export const FIRST_MS = Date.UTC(2026, 0, 5);

/**
 * `count` payments, settled two a millisecond, every tenth at `fallback`. The rows are written by SQL
 * alone: through transitions a million would take a minute.
 */
export function settledJournal(path: string, count: number): void {
  const db = openDatabase(path, "off");
  const store = new SqliteStore(path, "off", NAMES, FIRST_MS, db);
  db.run(
    `WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < ?1)
     INSERT INTO payments SELECT seq,
       unhex(printf('%016x%016x', seq * 7919, seq)), 1 + seq * 7919 % 100000, 4,
       ?2 + seq / 2 - 3, iif(seq % 10 = 0, 1, 0), ?2 + seq / 2, ?2 + seq / 2 + 5, NULL, NULL FROM n`,
    [count, FIRST_MS],
  );
  db.run(
    `INSERT INTO ledger SELECT seq - 1, seq, processor, requested_at_ms, amount_cents FROM payments`,
  );
  store.checkpoint();
  store.close();
}

/** A processor of that number with the records that it has if all is well. */
export function recordedAs(path: string, processor: number): ProcessorModel {
  const model = new ProcessorModel({ fee: 0.05, random: Math.random });
  const db = openDatabase(path, "off");
  const rows = db
    .query(
      "SELECT lower(hex(id)), amount_cents, requested_at_ms FROM payments WHERE processor = ? AND state = 4",
    )
    .values(processor) as [string, number, number][];
  for (const [hex, amountCents, requestedAtMs] of rows) {
    const correlationId = uuidFromHex(hex);
    model.records.insert({
      correlationId,
      amountCents,
      requestedAtMs,
      recordedAtMs: requestedAtMs,
    });
  }
  db.close();
  return model;
}

/** Gives the id of the nth payment of `settledJournal`. */
export function idOf(seq: number): string {
  const hex = (value: number) => value.toString(16).padStart(16, "0");
  return uuidFromHex(hex(seq * 7919) + hex(seq));
}

export function centsOf(seq: number): number {
  return 1 + ((seq * 7919) % 100_000);
}

export function requestedAtMsOf(seq: number): number {
  return FIRST_MS + Math.floor(seq / 2);
}
