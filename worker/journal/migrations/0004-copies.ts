/**
 * Has every fact stand twice (worker/journal/copies.ts). Payments that are settled already get no sum:
 * their ledger's rows are their copy.
 */
import { hasColumn, type Migration } from "./migration.ts";

export const copies: Migration = {
  name: "0004-copies",
  what: "every fact stands twice, so that a bit that turns over is found",
  walks: ["payments", "payments", "blocks", "attempts", "interventions"],
  up(db) {
    if (!hasColumn(db, "payments", "sum")) db.run("ALTER TABLE payments ADD COLUMN sum INTEGER");
    db.run(SQL);
  },
};

const SQL = `
  CREATE INDEX IF NOT EXISTS open_payments_copy ON payments
    (seq, amount_cents, state, accepted_at_ms, processor, requested_at_ms)
    WHERE state <> 4;
  CREATE INDEX IF NOT EXISTS blocks_copy ON blocks
    (block, processor, min_ms, max_ms, count, cents);
  CREATE INDEX IF NOT EXISTS attempts_copy ON attempts (seq, at_ms, processor, outcome, reason);
  CREATE INDEX IF NOT EXISTS attempts_left_out_copy ON attempts_left_out (seq, count);
  CREATE INDEX IF NOT EXISTS interventions_copy ON interventions
    (seq, processor, at_ms, who, action, why, evidence);
  CREATE INDEX IF NOT EXISTS processors_copy ON processors (number, name, url);
  CREATE INDEX IF NOT EXISTS processor_modes_copy ON processor_modes (processor, mode);
  CREATE INDEX IF NOT EXISTS meta_copy ON meta (key, value);
  DROP INDEX IF EXISTS open_payments;
  DROP INDEX IF EXISTS interventions_of_payment;
`;
