/**
 * Sources of payments in a journal's file: kept while their payment is open, and then but for their print
 * (source-print.ts). Everything here runs in the caller's transaction.
 */
import type { Database, Statement } from "bun:sqlite";
import type { Transition } from "../transitions.ts";
import { printOf } from "./source-print.ts";

type Accept = Extract<Transition, { readonly kind: "accept" }>;
type Known = {
  readonly amountCents: number;
  readonly reference: string | null;
  readonly print: number | null;
  readonly source: string | null;
};

export class SqliteSources {
  readonly #keep: Statement;
  readonly #forget: Statement;
  readonly #known: Statement<Known, [string]>;

  constructor(db: Database) {
    this.#keep = db.prepare("INSERT INTO sources VALUES (?, ?, ?)");
    this.#forget = db.prepare("UPDATE sources SET source = NULL WHERE seq = ?");
    this.#known = db.prepare(
      `SELECT amount_cents AS amountCents, reference, print, source
       FROM payments LEFT JOIN sources USING (seq) WHERE id = unhex(?, '-')`,
    );
    // A source that is forgotten is overwritten, on a page that is written anyway.
    db.run("PRAGMA secure_delete = FAST");
  }

  keep(seq: number, correlationId: string, source: string): void {
    this.#keep.run(seq, printOf(correlationId, source), source);
  }

  forget(seq: number): void {
    this.#forget.run(seq);
  }

  /** Compares a payment with the one that has its id; a source by its print once it is forgotten. */
  isKnown({ correlationId, amountCents, source, reference }: Accept): boolean {
    const known = this.#known.get(correlationId) as Known;
    return (
      known.amountCents === amountCents &&
      known.reference === (reference ?? null) &&
      known.print === (source === undefined ? null : printOf(correlationId, source)) &&
      (known.source === null || known.source === source)
    );
  }
}
