/**
 * Looks at the database's own tables once everything is settled: each stream's rows follow each other
 * without a hole, each settled payment stands in exactly one of them, with its own facts, and the sums of
 * blocks are those of their rows.
 */
import type { Violation } from "../../system/audit.ts";

/** Questions whose answers are rows that should not be, each with what is wrong. */
const QUESTIONS: Readonly<Record<string, string>> = {
  "a stream's rows have a hole": `SELECT 'stream ' || stream AS id FROM streams LEFT JOIN
      (SELECT stream, count(*) AS n, min(row) AS first, max(row) AS last FROM ledger JOIN streams USING (stream)
        WHERE row >= base GROUP BY stream) l USING (stream)
    WHERE coalesce(n, 0) <> rows - base OR (n > 0 AND (first <> base OR last <> rows - 1))`,
  "it stands in two rows": `SELECT id::text FROM ledger JOIN streams USING (stream) WHERE row >= base
    GROUP BY id HAVING count(*) > 1`,
  "a row is not what its payment says": `SELECT l.id::text FROM ledger l JOIN streams USING (stream) LEFT JOIN payments p ON p.id = l.id
    WHERE row >= base AND (p.state, p.processor, p.requested_at_ms, p.amount_cents)
      IS DISTINCT FROM (4::smallint, l.processor, l.requested_at_ms, l.amount_cents)`,
  "a settled payment has no row": `SELECT p.id::text FROM payments p WHERE state = 4
    AND settled_at_ms > coalesce((SELECT purged_at_ms FROM meta), 0) AND NOT EXISTS (SELECT FROM ledger l WHERE l.id = p.id)`,
  "a block is not the sum of its rows": `SELECT 'block ' || coalesce(b.block, r.block) AS id FROM
      (SELECT blocks.* FROM blocks JOIN streams USING (stream) WHERE block >= base / 256) b FULL JOIN
      (SELECT stream, row / 256 AS block, processor, min(requested_at_ms) AS min_ms, max(requested_at_ms) AS max_ms,
        count(*)::int AS count, sum(amount_cents)::bigint AS cents
        FROM ledger JOIN streams USING (stream) WHERE row >= base AND row < rows / 256 * 256 GROUP BY 1, 2, 3) r
      USING (stream, block, processor)
    WHERE (b.min_ms, b.max_ms, b.count, b.cents) IS DISTINCT FROM (r.min_ms, r.max_ms, r.count, r.cents)`,
};
const SHOWN_MAX = 5;

export async function auditOrder(url: string): Promise<Violation[]> {
  await using sql = new Bun.SQL({ url, max: 1 });
  const violations: Violation[] = [];
  for (const [text, question] of Object.entries(QUESTIONS)) {
    const rows = (await sql.unsafe(question)) as { id: string }[];
    for (const { id } of rows.slice(0, SHOWN_MAX)) violations.push({ kind: "wrong-sum", id, text });
  }
  return violations;
}
