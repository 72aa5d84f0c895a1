/** Reads the journal's own file after its owner has stopped: it must hold what was said. */
import { Database } from "bun:sqlite";
import type { Violation } from "../audit.ts";
import type { Statuses } from "./collect.ts";

type LedgerRow = {
  readonly id: string;
  readonly processor: string;
  readonly requested_at_ms: number;
  readonly amount_cents: number;
};

const ID = `lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4)
  || '-' || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21))`;

/** Expects its ledger to have each settled payment in one row, as the gateway said it to be. */
export function auditJournal(path: string, statuses: Statuses): Violation[] {
  using db = new Database(path, { readonly: true });
  const rows = db
    .query<LedgerRow, []>(
      `SELECT ${ID} AS id, processors.name AS processor, ledger.requested_at_ms, ledger.amount_cents
       FROM ledger JOIN payments USING (seq) JOIN processors ON number = ledger.processor`,
    )
    .all();
  const violations: Violation[] = [];
  const seen = new Set<string>();
  for (const row of rows) {
    const status = statuses.get(row.id) ?? "missing";
    const said = status === "missing" ? status : textOf(status);
    const text = textOf({
      processor: row.processor,
      requestedAtMs: row.requested_at_ms,
      amountCents: row.amount_cents,
    });
    if (said !== text) {
      violations.push({ kind: "extra", id: row.id, text: `journal: ${text}, said: ${said}` });
    }
    if (seen.has(row.id)) {
      violations.push({
        kind: "charged-twice",
        id: row.id,
        text: "two rows of the journal's ledger",
      });
    }
    seen.add(row.id);
  }
  for (const [id, status] of statuses) {
    if (status === "missing" || status.status !== "settled" || seen.has(id)) continue;
    violations.push({ kind: "missing", id, text: "no row of the journal's ledger" });
  }
  return violations;
}

/** Tells the story of a payment, for reading about a violation. */
export function storyOf(path: string, id: string): string {
  using db = new Database(path, { readonly: true });
  const payments = db.query("SELECT * FROM payments WHERE id = unhex(?, '-')").all(id);
  const attempts = db
    .query(
      "SELECT * FROM attempts WHERE seq = (SELECT seq FROM payments WHERE id = unhex(?, '-')) ORDER BY at_ms",
    )
    .all(id);
  const rows = [...payments, ...attempts].map((row) =>
    JSON.stringify(row, (name, value: unknown) => (name === "id" ? undefined : value)),
  );
  return `${id}\n${rows.join("\n")}\n`;
}

type Place = { processor: string | null; requestedAtMs: number | null; amountCents: number };

function textOf({ processor, requestedAtMs, amountCents }: Place): string {
  return `${amountCents} cents at ${processor}, requested at ${requestedAtMs}`;
}
