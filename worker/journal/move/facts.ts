/**
 * All that a journal has, in a form that both drivers read and write: tables of rows in their order, whose
 * columns have the names and the types of PostgreSQL's, and what is known of the journal itself. A payment
 * is named by its id. Sums of blocks are not among them: they are made anew from the ledger's rows.
 */
export const TABLES = {
  processors: { number: "int", name: "text", url: "text", mode: "text" },
  tariffs: { number: "int", processor: "int", from_ms: "bigint", terms: "text" },
  payments: {
    seq: "bigint",
    id: "uuid",
    amount_cents: "bigint",
    state: "smallint",
    accepted_at_ms: "bigint",
    processor: "int",
    requested_at_ms: "bigint",
    settled_at_ms: "bigint",
    reference: "text",
  },
  sources: { id: "uuid", print: "int", source: "text" },
  ledger: {
    row: "bigint",
    id: "uuid",
    processor: "int",
    requested_at_ms: "bigint",
    amount_cents: "bigint",
  },
  attempts: {
    id: "uuid",
    at_ms: "bigint",
    processor: "int",
    outcome: "text",
    reason: "text",
    code: "text",
  },
  attempts_left_out: { id: "uuid", count: "bigint" },
  interventions: {
    id: "uuid",
    processor: "int",
    at_ms: "bigint",
    who: "text",
    action: "text",
    why: "text",
    evidence: "text",
  },
} as const satisfies Record<
  string,
  Record<string, "int" | "smallint" | "bigint" | "text" | "uuid">
>;

export type Table = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES) as readonly Table[];

/** Columns of a table, in their order, each with its type. */
export function columnsOf(table: Table): readonly (readonly [column: string, type: string])[] {
  return Object.entries(TABLES[table]);
}

/** An id has dashes or has none. */
export type Row = Readonly<Record<string, number | string | null>>;

/** Facts about the journal itself; instants that are null never were. */
export type Meta = {
  readonly epoch: number;
  /** The ledger has rows from the one up to, not including, the other. */
  readonly baseRow: number;
  readonly nextRow: number;
  readonly purgedAtMs: number | null;
  readonly prunedBeforeMs: number | null;
  readonly restoredAtMs: number | null;
  readonly requestedUpToMs: number | null;
};

/** Rows that are read and written at a time. */
export const ROWS_AT_ONCE = 5_000;

/** A journal that is read while no worker can write it. */
export type Source = {
  meta(): Promise<Meta>;
  rows(table: Table): AsyncIterable<readonly Row[]>;
  /** Asks one of the tally's questions. */
  ask(question: string): Promise<readonly Row[]>;
};
