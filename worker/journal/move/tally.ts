/**
 * Counts a journal, by the same questions whatever keeps it, so that two are compared without anything but
 * their own databases' sums. Instants and numbers go in as remainders: a sum of them fits everywhere.
 */
import { PAYMENT_STATES } from "../../transitions.ts";
import type { Meta, Row, Source } from "./facts.ts";

const REST = 1_000_003;
const SETTLED = PAYMENT_STATES.indexOf("settled");

function rest(...columns: readonly string[]): string {
  return columns.map((column) => `sum(${column} % ${REST}) AS ${column}`).join(", ");
}

/** The order of each answer is that of its first columns. */
const QUESTIONS = {
  payments: `SELECT state, coalesce(processor, -1) AS processor, count(*) AS n, sum(amount_cents) AS cents,
    count(reference) AS referred, ${rest("seq", "accepted_at_ms", "requested_at_ms", "settled_at_ms")}
    FROM payments GROUP BY 1, 2 ORDER BY 1, 2`,
  sources: "SELECT count(*) AS n, count(source) AS kept, sum(print) AS prints FROM sources",
  ledger: `SELECT processor, count(*) AS n, sum(amount_cents) AS cents, ${rest("requested_at_ms")}
    FROM LEDGER GROUP BY 1 ORDER BY 1`,
  attempts: `SELECT processor, outcome, count(*) AS n, count(code) AS codes, ${rest("at_ms")}
    FROM ATTEMPTS GROUP BY 1, 2 ORDER BY 1, 2`,
  leftOut: "SELECT count(*) AS n, sum(count) AS attempts FROM attempts_left_out",
  interventions: `SELECT count(*) AS n, count(evidence) AS evidence, ${rest("at_ms")} FROM interventions`,
  tariffs: `SELECT number, processor, from_ms, terms FROM tariffs ORDER BY 1`,
  processors: `SELECT number, name, url FROM processors ORDER BY 1`,
} as const;

export type Tally = Readonly<Record<keyof typeof QUESTIONS, readonly Row[]>> & {
  readonly meta: Meta;
};

/**
 * `ledger` is the table of rows that were not forgotten, and `attempts` that of attempts of which only a
 * rejection has a code, each in the words of its database.
 */
export async function tallyOf(
  source: Omit<Source, "rows">,
  ledger: string,
  attempts: string,
): Promise<Tally> {
  const answers: [string, readonly Row[]][] = [];
  for (const [name, question] of Object.entries(QUESTIONS)) {
    const rows = await source.ask(question.replace("LEDGER", ledger).replace("ATTEMPTS", attempts));
    answers.push([name, rows.map(plain)]);
  }
  return { ...Object.fromEntries(answers), meta: await source.meta() } as Tally;
}

/** Databases write big numbers as texts or as numbers. */
function plain(row: Row): Row {
  const entries = Object.entries(row).map(([name, value]) => {
    const isNumber = typeof value === "string" && /^-?\d+$/.test(value);
    return [name, isNumber ? Number(value) : value];
  });
  return Object.fromEntries(entries);
}

/** The first part in which they differ, with both, or null. */
export function differenceOf(a: Tally, b: Tally): string | null {
  for (const part of Object.keys(a) as (keyof Tally)[]) {
    const [one, other] = [JSON.stringify(a[part]), JSON.stringify(b[part])];
    if (one !== other) return `${part}: ${one} here, ${other} there`;
  }
  return null;
}

export type ProcessorSums = {
  readonly name: string;
  /** Payments and cents of the ledger: what a summary of everything says. */
  readonly settled: number;
  readonly cents: number;
  /** Payments that are there and not settled. */
  readonly others: number;
};

export function sumsOf({ processors, ledger, payments }: Tally): ProcessorSums[] {
  return processors.map(({ number, name }) => {
    const row = ledger.find(({ processor }) => processor === number);
    const others = payments.filter(
      ({ processor, state }) => processor === number && state !== SETTLED,
    );
    return {
      name: String(name),
      settled: Number(row?.["n"] ?? 0),
      cents: Number(row?.["cents"] ?? 0),
      others: others.reduce((sum, { n }) => sum + Number(n), 0),
    };
  });
}

export function countOf(rows: readonly Row[]): number {
  return rows.reduce((sum, { n }) => sum + Number(n), 0);
}
