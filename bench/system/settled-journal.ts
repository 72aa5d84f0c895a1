/**
 * A journal of many settled payments, written once and used by every benchmark that needs one, each of
 * which adds its own. It is written by SQL alone: through the store's transitions it would take ten
 * minutes.
 *
 * Its index of ids shall be as the payments of months would leave it: evenly spread, with room in its
 * pages. Ids in ascending order are quick to write and leave no room, so they come in two rounds, one
 * after the other over the whole range: the second splits every page that the first has filled.
 */
import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { sumOf } from "../../worker/journal/copies.ts";
import { PAGE_BYTES, SqliteStore } from "../../worker/journal/store.ts";
import { PAYMENT_STATES } from "../../worker/transitions.ts";
import { uuidFromHex } from "../../worker/uuid.ts";
import type { BenchContext } from "../benchmark.ts";

export const MILLION = { count: 1_000_000, quickCount: 10_000 } as const;
export const TEN_MILLION = { count: 10_000_000, quickCount: 20_000 } as const;
export const HUNDRED_MILLION = { count: 100_000_000, quickCount: 40_000 } as const;

type Size = { readonly count: number; readonly quickCount: number };

export type SettledJournal = {
  readonly path: string;
  readonly count: number;
  /** The first payment's requestedAt; two follow a millisecond. */
  readonly firstMs: number;
  readonly idOf: (seq: number) => string;
  readonly centsOf: (seq: number) => number;
};

/** Form of the payments, here and in a database (settled-database.ts): so many of them have one instant. */
export const PER_MS = 2;
/** Every so-many-th payment is the other processor's. */
export const FALLBACK_EACH = 10;
export const FIRST_ROUND = 0.7;
export const CALL_MS = 5;
export const IDS = 2 ** 48;
export const CENTS = { factor: 7_919, max: 100_000 } as const;
/** The cache holds the whole index, which is written at once; every other opener reads it from the disk. */
const CACHE_KB = 1_000_000;

const written = new Map<number, SettledJournal>();

export function settledJournal(
  { quick, directory }: BenchContext,
  { count: fullCount, quickCount }: Size,
): SettledJournal {
  const count = quick ? quickCount : fullCount;
  const known = written.get(count);
  if (known !== undefined) return known;
  const path = join(directory, `settled-${count}`, "payments.db");
  const firstMs = Date.now() - count / PER_MS - 60_000;
  const first = Math.ceil(count * FIRST_ROUND);
  const steps = [first, count - first].map((ids) => Math.floor(IDS / ids)) as [number, number];
  write(path, { count, firstMs, first, steps });
  const idOf = (seq: number) => {
    const place = seq <= first ? seq * steps[0] : (seq - first) * steps[1];
    return uuidFromHex((place - 1).toString(16).padStart(12, "0") + hexOf(seq, 20));
  };
  const centsOf = (seq: number) => 1 + ((seq * CENTS.factor) % CENTS.max);
  const journal = { path, count, firstMs, idOf, centsOf };
  written.set(count, journal);
  return journal;
}

type Form = {
  readonly count: number;
  readonly firstMs: number;
  readonly first: number;
  readonly steps: readonly [number, number];
};

function write(path: string, { count, firstMs, first, steps }: Form): void {
  const processors = ["default", "fallback"];
  mkdirSync(dirname(path), { recursive: true });
  const db = new Database(path, { create: true, readwrite: true, strict: true });
  // Without a log everything is written once.
  db.run(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = OFF`);
  db.run(`PRAGMA synchronous = OFF; PRAGMA cache_size = -${CACHE_KB}`);
  const store = new SqliteStore(path, "off", processors, firstMs, db);
  db.run(
    `WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < ?1)
     INSERT INTO payments SELECT *, ${sumOf()}, NULL FROM (SELECT seq,
       unhex(printf('%012x%020x', iif(seq <= ?3, seq * ?4, (seq - ?3) * ?5) - 1, seq)),
       1 + seq * ${CENTS.factor} % ${CENTS.max} AS amount_cents, ${PAYMENT_STATES.indexOf("settled")} AS state,
       ?2 + seq / ${PER_MS} AS accepted_at_ms, iif(seq % ${FALLBACK_EACH} = 0, 1, 0) AS processor,
       ?2 + seq / ${PER_MS} AS requested_at_ms,
       ?2 + seq / ${PER_MS} + ${CALL_MS} AS settled_at_ms FROM n)`,
    [count, firstMs, first, ...steps],
  );
  db.run(
    "INSERT INTO ledger SELECT seq - 1, seq, processor, requested_at_ms, amount_cents FROM payments",
  );
  store.close();
  // Rows that SQL writes seal no block; a start does it for all of them, and begins a log again.
  new SqliteStore(path, "off", processors, firstMs).close();
}

function hexOf(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
