/**
 * Measures how many payments a second the journal's store makes durable, by batch and by JOURNAL_SYNC,
 * against the obvious way: one INSERT OR IGNORE a payment, committed by itself, with the id as text.
 */
import { Database } from "bun:sqlite";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { SqliteStore, type JournalSync } from "../../worker/journal/store.ts";
import type { Transition } from "../../worker/transitions.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { uuidFrom, seededRandom } from "../../testing/random.ts";

export const name = "micro/journal";

const SYNCS: readonly JournalSync[] = ["full", "normal", "off"];
const BATCHES = [1, 16, 64, 256];
const MEASURE_MS = 120;
const AMOUNT_CENTS = 1_990;

export async function run(context: BenchContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const sync of SYNCS) rows.push(...(await rowsOf(context, sync)));
  return rows;
}

async function rowsOf(context: BenchContext, sync: JournalSync): Promise<Row[]> {
  const checks = new Checks();
  const rates = new Map(BATCHES.map((batch) => [batch, [] as number[]]));
  const baselines: number[] = [];
  for (let round = 0; round < context.runs; round++) {
    const directory = join(context.directory, `journal-${sync}-${round}`);
    const store = new SqliteStore(join(directory, "journal.db"), sync, ["default"], Date.now());
    const twin = new Twin(join(directory, "twin.db"), sync);
    const random = seededRandom(round);
    let stored = 0;
    for (const batch of BATCHES) {
      const rate = measure(context, batch, random, (ids) => {
        const results = store.apply(ids.map((id, at) => acceptOf(id, stored + at + 1)));
        stored += results.filter(({ kind }) => kind === "done").length;
      });
      rates.get(batch)?.push(rate);
      // The worker has a thread that does this all the time.
      store.checkpoint();
    }
    baselines.push(measure(context, 1, random, ([id]) => twin.insert(id as string)));
    checks.equal("payments in the journal", [...store.open()].length, stored);
    checks.equal("payments beside it", twin.count(), twin.inserted);
    const again = acceptOf(uuidFrom(seededRandom(round)), stored + 1);
    checks.equal("a repeated payment", store.apply([again]), [{ kind: "duplicate" }]);
    store.close();
    twin.close();
    await rm(directory, { recursive: true });
  }
  return BATCHES.map((batch) => {
    const series = { figures: rates.get(batch) ?? [], baselines };
    const note = "against an INSERT and a commit each";
    return rowOf(`journal: ${sync}, batch of ${batch}`, "/s", series, checks, note);
  });
}

/** Measures payments a second; ids are made before the clock runs. */
function measure(
  { quick }: BenchContext,
  batch: number,
  random: () => number,
  store: (ids: string[]) => void,
): number {
  let spentMs = 0;
  let count = 0;
  while (count === 0 || spentMs < (quick ? 2 : MEASURE_MS)) {
    const ids = Array.from({ length: batch }, () => uuidFrom(random));
    const startMs = performance.now();
    store(ids);
    spentMs += performance.now() - startMs;
    count += batch;
  }
  return (count / spentMs) * 1_000;
}

function acceptOf(correlationId: string, seq: number): Transition {
  const assignment = { processor: 0, requestedAtMs: 1_700_000_000_000 + seq };
  const acceptedAtMs = assignment.requestedAtMs;
  return {
    kind: "accept",
    seq,
    correlationId,
    amountCents: AMOUNT_CENTS,
    acceptedAtMs,
    assignment,
  };
}

class Twin {
  inserted = 0;
  readonly #db: Database;
  readonly #insert;

  constructor(path: string, sync: JournalSync) {
    this.#db = new Database(path, { create: true });
    this.#db.run("PRAGMA journal_mode = WAL");
    this.#db.run(`PRAGMA synchronous = ${sync}`);
    this.#db.run(
      "CREATE TABLE payments (id TEXT PRIMARY KEY, amount_cents INTEGER, at_ms INTEGER)",
    );
    this.#insert = this.#db.prepare("INSERT OR IGNORE INTO payments VALUES (?, ?, ?)");
  }

  insert(id: string): void {
    this.inserted += this.#insert.run(id, AMOUNT_CENTS, 1_700_000_000_000).changes;
  }

  count(): number {
    const row = this.#db.query<{ n: number }, []>("SELECT count(*) AS n FROM payments").get();
    return row?.n ?? -1;
  }

  close(): void {
    this.#db.close();
  }
}
