/**
 * Sums that the journal keeps of the ledger's full blocks, so that a start need not read rows that are older:
 *
 *   R34  they are those of the rows, of every full block and no other: from the commit on that fills one, and from
 *        the first start on where an older version has filled it
 */
import { BLOCK_ROWS } from "../../worker/limits.ts";
import type { Disk } from "./disk.ts";
import { Violation } from "./violation.ts";

const KEPT = "SELECT * FROM blocks ORDER BY block, processor";
const COUNTED = `SELECT row / ${BLOCK_ROWS} AS block, processor, min(requested_at_ms), max(requested_at_ms), count(*),
  sum(amount_cents) FROM ledger WHERE row < (SELECT max(row) + 1 FROM ledger) / ${BLOCK_ROWS} * ${BLOCK_ROWS}
  GROUP BY block, processor ORDER BY block, processor`;

export function checkBlocks({ db }: Disk): void {
  const [kept, counted] = [KEPT, COUNTED].map((sql) => db.query(sql).values() as number[][]);
  for (const [i, row] of counted!.entries()) {
    if (Bun.deepEquals(kept![i], row)) continue;
    throw new Violation(
      `R34: block ${row[0]} is kept as ${kept![i]?.join()}, and is ${row.join()}`,
    );
  }
  if (kept!.length === counted!.length) return;
  throw new Violation(`R34: sums of ${kept!.length} are kept, and of ${counted!.length} there are`);
}

/** A version that knew nothing of such sums has filled the last blocks. */
export function forgetBlocks({ db }: Disk): void {
  db.run("DELETE FROM blocks WHERE block > (SELECT max(block) FROM blocks) / 2");
}
