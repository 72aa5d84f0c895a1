/** Gives a payment what its shop says beside id and amount: the same whenever it posts it, as its id says. */
import { paymentOf, type Payment } from "../../shared/payment.ts";
import type { Disk } from "./disk.ts";
import type { Plan } from "./plan.ts";
import { Violation } from "./violation.ts";

const KEPT = `SELECT lower(hex(id)) AS id FROM payments JOIN sources USING (seq)
  WHERE source IS NOT NULL AND seq NOT IN (SELECT seq FROM unsettled WHERE state < 5)`;

/** A processor in Stripe's form would take a source for the card, which decides there. */
export function carriedBy({ dress, kinds }: Plan, correlationId: string, cents: number): Payment {
  const [first, second] = correlationId;
  const hasReference = dress.carries && first! < "8";
  const hasSource = dress.carries && kinds.length === 0 && second! < "8";
  const source = hasSource ? sourceOf(correlationId) : null;
  return paymentOf(correlationId, cents, source, hasReference ? `order "${correlationId}"` : null);
}

function sourceOf(correlationId: string): string {
  return `tok_${correlationId}`;
}

/** R13: what has ended has no source any more, and no reason repeats one. */
export function checkSources({ db }: Disk): void {
  const kept = db.query<{ id: string }, []>(KEPT).get();
  if (kept !== null) throw new Violation(`R13: ${kept.id} has ended, and its source is kept`);
  const told = db
    .query<{ n: number }, []>("SELECT count(*) AS n FROM attempts WHERE reason LIKE '%tok_%'")
    .get();
  if (told?.n !== 0) throw new Violation("R13: a reason repeats a source");
}
