/**
 * Measures how long a worker takes from its start to its being ready at a journal that commit 0230981
 * wrote, with a million payments more, some of them open. SQL alone writes those, as in
 * settled-journal.ts. Afterwards every payment is there, and every sum is what it was.
 */
import { Database } from "bun:sqlite";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { writtenBy } from "../../worker/journal/migrations.fixture.ts";
import { FORMAT, openToRead } from "../../worker/format.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { startStack } from "./stack.ts";

export const name = "system/upgrade";

const MOST_MS = 10_000;
/** Processors answer this much later, so that what was open is open when it is counted. */
const DELAY_MS = 60_000;
/** A start adds an attempt to each payment that was on its way, and says so. */
const FACTS = `SELECT count(*), sum(amount_cents), sum(seq), sum(accepted_at_ms), sum(settled_at_ms),
  (SELECT count(*) FROM ledger), (SELECT sum(amount_cents) FROM ledger),
  (SELECT count(*) FROM attempts WHERE reason NOT LIKE 'the worker ended before%'), (SELECT count(*) FROM interventions) FROM payments`;

export async function run(context: BenchContext): Promise<Row[]> {
  const folder = join(context.directory, "upgrade");
  mkdirSync(folder, { recursive: true });
  const old = join(folder, "old.db");
  const count = context.quick ? 10_000 : 1_000_000;
  const facts = write(old, count);
  const checks = new Checks();
  const figures: number[] = [];
  for (let round = 0; round < context.runs; round++) {
    const settled = join(folder, `${round}.db`);
    copyFileSync(old, settled);
    await using stack = await startStack(context, {
      sync: "full",
      apis: 0,
      delayMs: DELAY_MS,
      settled,
    });
    figures.push(stack.worker.readyMs);
    using db = openToRead(settled);
    checks.equal("all facts", db.query(FACTS).values()[0], facts);
    checks.equal("the format", db.query("PRAGMA user_version").values(), [[FORMAT]]);
  }
  const note = `${count} payments, 1 of 1000 open; from the start of the worker to ready, format 0 to ${FORMAT}`;
  const target = { op: "<=", value: MOST_MS, of: "figure" } as const;
  return [rowOf("upgrade: 1 million payments", "ms", { figures }, checks, note, [target])];
}

/** Gives what is in the journal afterwards. */
function write(path: string, count: number): unknown {
  writtenBy("0230981", path);
  using db = new Database(path);
  db.run("PRAGMA journal_mode = OFF; PRAGMA cache_size = -1000000");
  const last = (sql: string) => db.query(sql).values()[0]?.[0] as number;
  const [lastSeq, nextRow] = [
    last("SELECT max(seq) FROM payments"),
    last("SELECT max(row) + 1 FROM ledger"),
  ];
  db.run(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO payments SELECT ?2 + i, unhex(printf('%016x%016x', i * 7919 % ?1, i)),
       1 + i * 7919 % 100000, iif(i % 1000 = 0, 2, 4), 1750000000000 + i, i % 2, 1750000000000 + i,
       iif(i % 1000 = 0, NULL, 1750000000005 + i) FROM n`,
    [count, lastSeq],
  );
  db.run(
    `INSERT INTO ledger SELECT ?2 - 1 + row_number() OVER (ORDER BY seq),
       seq, processor, requested_at_ms, amount_cents FROM payments WHERE state = 4 AND seq > ?1`,
    [lastSeq, nextRow],
  );
  const facts = db.query(FACTS).values()[0];
  db.run("PRAGMA journal_mode = WAL");
  return facts;
}
