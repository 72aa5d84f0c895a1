/**
 * Answers the questions of worker/journal-reader.ts from a journal on PostgreSQL. Each answer is one statement
 * and so one snapshot. Big integers come as doubles, which hold every one of them exactly: cents,
 * instants and numbers end at 2 ** 53. Payments of several workers are old by their time of acceptance,
 * and by their number where that is equal.
 */
import { ATTEMPTS_KEPT } from "../../../shared/attempts.ts";
import {
  sinceLast,
  type AgeBand,
  type AgeBounds,
  type Charging,
  type ExportedPayment,
  type Instants,
  type JournalReader,
  type ListedPayment,
  type ListQuery,
  type PageFilter,
  type PagePlace,
  type PaymentFound,
  type PaymentRecord,
  type PaymentStory,
  type RowRange,
  type SettledRecord,
  type StreamRows,
  type WhyEnded,
} from "../../journal-reader.ts";
import type { FailedAttempt, Intervention, LedgerRows } from "../../transitions.ts";
import { bandOf, recordOf, whyOf, type BandRow, type Facts } from "../records.ts";
import { IS_OPEN } from "./open-rows.ts";
import { CODE } from "../sqlite-moves.ts";
import type { Places } from "./fold.ts";
import { arrayOf, arraysOf, ledgerRows, PIECES, STREAM } from "./ledger.ts";
import type { Questions } from "./questions.ts";
import { tariffsIn } from "./tariffs.ts";

/** Payments that are not settled; the words are those of the partial index. */
const PAYMENT = `p.id::text AS "correlationId", p.seq::float8, p.amount_cents::float8 AS "amountCents",
  p.state::int, p.reference, p.accepted_at_ms::float8 AS "acceptedAtMs", p.processor::int,
  p.requested_at_ms::float8 AS "requestedAtMs", p.settled_at_ms::float8 AS "settledAtMs"`;
const WHY_ENDED = (["reason", "code"] as const)
  .map((column) => {
    const isSo = `p.state IN (${CODE.rejected}, ${CODE.conflict})`;
    return `CASE WHEN ${isSo} THEN ${lastWord(column)} END AS ${column}`;
  })
  .join(", ");
const COUNT_OF_ATTEMPTS = `((SELECT count(*) FROM attempts a WHERE a.id = p.id)
  + coalesce((SELECT o.count FROM attempts_left_out o WHERE o.id = p.id), 0))::float8`;
const SAID = 'i.at_ms::float8 AS "atMs", i.who, i.action, i.why, i.evidence';
const ORDERS: Record<ListQuery["order"], string> = {
  age: "p.accepted_at_ms, p.seq",
  amount: "p.amount_cents DESC, p.accepted_at_ms, p.seq",
};
/** Payments behind one in a list: its cents, time of acceptance and number are `$2`, `$3` and `$4`. */
const BEHIND: typeof ORDERS = {
  age: "(p.accepted_at_ms, p.seq) > ($3::bigint, $4::bigint) AND $2::bigint IS NOT NULL",
  amount: "(-p.amount_cents, p.accepted_at_ms, p.seq) > (-$2::bigint, $3::bigint, $4::bigint)",
};
/** A search through everything reads this many pages at a time: far within the time for an answer. */
const PAGES_PER_READ = 4_096;

type Row = Facts & { readonly correlationId: string };
type StoryRow = Row & {
  readonly attempts: readonly FailedAttempt[];
  readonly count: number;
  readonly interventions: readonly Intervention[];
};

const FIRST_STREAM: Places = { piecesOf: (range) => [{ stream: STREAM, ...range }] };

export class PostgresReader implements JournalReader {
  readonly #questions: Questions;
  readonly #places: Places;

  /** Rows are numbered as `places` has them; without it, as the first stream has them. */
  constructor(questions: Questions, places: Places = FIRST_STREAM) {
    this.#questions = questions;
    this.#places = places;
  }

  async payment(correlationId: string): Promise<PaymentFound | null> {
    const [row] = await this.#questions.ask<Row & WhyEnded>(
      `SELECT ${PAYMENT}, ${WHY_ENDED} FROM payments p WHERE p.id = $1::uuid`,
      [correlationId],
    );
    return row === undefined ? null : withWhy(row);
  }

  async story(correlationId: string): Promise<PaymentStory | null> {
    const some = (order: "ASC" | "DESC", limit: number) =>
      `(SELECT * FROM attempts a WHERE a.id = p.id ORDER BY a.nth ${order} LIMIT ${limit})`;
    const [row] = await this.#questions.ask<StoryRow>(
      `SELECT ${PAYMENT}, ${COUNT_OF_ATTEMPTS} AS count,
         (SELECT coalesce(json_agg(json_build_object('atMs', k.at_ms, 'processor', k.processor,
            'outcome', k.outcome, 'reason', k.reason) ORDER BY k.nth), '[]')
          FROM (${some("ASC", ATTEMPTS_KEPT.first)} UNION ${some("DESC", ATTEMPTS_KEPT.last)}) k
         ) AS attempts,
         (SELECT coalesce(json_agg(json_build_object('atMs', i.at_ms, 'who', i.who,
            'action', i.action, 'why', i.why, 'evidence', i.evidence) ORDER BY i.nth), '[]')
          FROM interventions i WHERE i.id = p.id) AS interventions
       FROM payments p WHERE p.id = $1::uuid`,
      [correlationId],
    );
    if (row === undefined) return null;
    const { attempts, count, interventions } = row;
    const attemptsLeftOut = count - attempts.length;
    return { payment: withId(row), attempts, attemptsLeftOut, interventions };
  }

  async list({ state, order, limit, after }: ListQuery): Promise<ListedPayment[] | null> {
    // A payment has its place in the order also when it has been settled meanwhile.
    const before = after === null ? null : await this.payment(after);
    if (after !== null && before === null) return null;
    const ofState = state === null ? "true" : `p.state = ${CODE[state]}`;
    const behind = before === null ? "true" : BEHIND[order];
    const place = before === null ? [] : [before.amountCents, before.acceptedAtMs, before.seq];
    const rows = await this.#questions.ask<Row & Pick<ListedPayment, "attempts" | "reason">>(
      `SELECT ${PAYMENT}, ${COUNT_OF_ATTEMPTS} AS attempts, ${lastWord("reason")} AS reason
       FROM (SELECT * FROM payments p WHERE p.${IS_OPEN} AND ${ofState} AND ${behind}
             ORDER BY ${ORDERS[order]} LIMIT $1::int) p
       ORDER BY ${ORDERS[order]}`,
      [limit, ...place],
    );
    return rows.map((row) => {
      const { attempts, reason } = row;
      return Object.assign(withId(row), { attempts, reason });
    });
  }

  async pageOfOpen(place: PagePlace, filter: PageFilter, limit: number): Promise<PaymentFound[]> {
    const { where, order, values } = pageOf(place, filter);
    const rows = await this.#questions.ask<Row & WhyEnded>(
      `SELECT ${PAYMENT}, ${WHY_ENDED}
       FROM (SELECT * FROM payments p WHERE p.${IS_OPEN} AND ${where} ORDER BY ${order} LIMIT $1::int) p
       ORDER BY ${order}`,
      [limit, ...values],
    );
    return rows.map(withWhy);
  }

  async pageOfSettled(
    rows: readonly RowRange[],
    place: PagePlace,
    processor: number | null,
    limit: number,
  ): Promise<PaymentRecord[]> {
    const { where, order, values } = pageOf(place, { state: null, processor }, 4);
    const pieces = rows.flatMap((range) => this.#places.piecesOf(range));
    const found = await this.#questions.ask<Row>(
      `SELECT ${PAYMENT} FROM ${PIECES} JOIN payments p ON p.id = l.id
       WHERE ${where} ORDER BY ${order} LIMIT $4::int`,
      [...arraysOf(pieces), limit, ...values],
    );
    return found.map(withId);
  }

  async newestOpenMs(): Promise<number | null> {
    const [row] = await this.#questions.ask<{ at: number | null }>(
      `SELECT max(requested_at_ms)::float8 AS at FROM payments WHERE ${IS_OPEN}`,
    );
    return row?.at ?? null;
  }

  async pageOfReference(
    reference: string,
    place: PagePlace,
    filter: PageFilter,
    limit: number,
  ): Promise<PaymentFound[]> {
    const { where, order, values } = pageOf(place, filter);
    // OFFSET keeps the planner from walking another index in the order of the page.
    const ofReference = `SELECT * FROM payments WHERE reference = $${values.length + 2}::text OFFSET 0`;
    const rows = await this.#questions.ask<Row & WhyEnded>(
      `SELECT ${PAYMENT}, ${WHY_ENDED}
       FROM (SELECT * FROM (${ofReference}) p
             WHERE (p.${IS_OPEN} OR p.requested_at_ms IS NOT NULL) AND ${where}
             ORDER BY ${order} LIMIT $1::int) p
       ORDER BY ${order}`,
      [limit, ...values, reference],
    );
    return rows.map(withWhy);
  }

  async newestOfReferenceMs(reference: string): Promise<number | null> {
    const [row] = await this.#questions.ask<{ at: number | null }>(
      "SELECT max(requested_at_ms)::float8 AS at FROM payments WHERE reference = $1::text",
      [reference],
    );
    return row?.at ?? null;
  }

  async ages(bounds: AgeBounds, max: number): Promise<AgeBand[]> {
    const rows = await this.#questions.ask<BandRow>(
      `SELECT state::int,
         (accepted_at_ms <= $1::bigint)::int + (accepted_at_ms <= $2::bigint)::int
           + (accepted_at_ms <= $3::bigint)::int AS band,
         count(*)::float8 AS count, sum(amount_cents)::float8 AS cents,
         min(accepted_at_ms)::float8 AS "oldestMs"
       FROM (SELECT * FROM payments WHERE ${IS_OPEN} ORDER BY accepted_at_ms, seq LIMIT $4::int) oldest
       GROUP BY 1, 2 ORDER BY 1, 2`,
      [...bounds, max],
    );
    return rows.map(bandOf);
  }

  async openByProcessor(): Promise<ReadonlyMap<number, number>> {
    const rows = await this.#questions.ask<{ processor: number; count: number }>(
      `SELECT processor::int, count(*)::float8 AS count FROM payments
       WHERE ${IS_OPEN} AND processor IS NOT NULL GROUP BY processor ORDER BY processor`,
    );
    return new Map(rows.map(({ processor, count }) => [processor, count]));
  }

  async lastIntervention(processor: number): Promise<Intervention | null> {
    const [row] = await this.#questions.ask<Intervention>(
      `SELECT ${SAID} FROM interventions i WHERE i.processor = $1::int ORDER BY i.nth DESC LIMIT 1`,
      [processor],
    );
    return row === undefined ? null : { ...row };
  }

  async rows(fromRow: number, toRow: number): Promise<LedgerRows> {
    const pieces = this.#places.piecesOf({ fromRow, toRow });
    return ledgerRows((text, values) => this.#questions.ask(text, values), ...pieces);
  }

  async settledIn(
    processor: number,
    rows: RowRange,
    { fromMs, toMs }: Instants,
    limit: number,
  ): Promise<SettledRecord[]> {
    const found = await this.#questions.ask<SettledRecord>(
      `SELECT l.id::text AS "correlationId", l.amount_cents::float8 AS "amountCents",
         l.requested_at_ms::float8 AS "requestedAtMs"
       FROM ${PIECES}
       WHERE l.processor = $4::int AND l.requested_at_ms BETWEEN $5::bigint AND $6::bigint
       ORDER BY nth, l.row LIMIT $7::int`,
      [...arraysOf(this.#places.piecesOf(rows)), processor, fromMs, toMs, limit],
    );
    return [...found];
  }

  async openAt(
    processor: number,
    { fromMs, toMs }: Instants,
    limit: number,
  ): Promise<PaymentRecord[]> {
    const rows = await this.#questions.ask<Row>(
      `SELECT ${PAYMENT} FROM payments p WHERE p.${IS_OPEN} AND p.processor = $1::int
         AND p.requested_at_ms BETWEEN $2::bigint AND $3::bigint LIMIT $4::int`,
      [processor, fromMs, toMs, limit],
    );
    return rows.map(withId);
  }

  async requestedAt(
    instantsMs: readonly number[],
    notSettledAt: number,
    limit: number,
  ): Promise<PaymentRecord[]> {
    const found: PaymentRecord[] = [];
    await this.#scan("payments", async (from, to) => {
      const rows = await this.#questions.ask<Row>(
        `SELECT ${PAYMENT} FROM payments p WHERE p.ctid >= $1::tid AND p.ctid < $2::tid
           AND p.requested_at_ms = ANY ($3::bigint[])
           AND (p.${IS_OPEN} OR p.processor <> $4::int) LIMIT $5::int`,
        [from, to, arrayOf(instantsMs), notSettledAt, limit - found.length],
      );
      found.push(...rows.map(withId));
      return found.length < limit;
    });
    return found;
  }

  async attemptsAfter(
    processor: number,
    instantsMs: readonly number[],
    spanMs: number,
  ): Promise<ReadonlyMap<string, number>> {
    const inOrder = instantsMs.toSorted((a, b) => a - b);
    const nearest = new Map<string, number>();
    await this.#scan("attempts", async (from, to) => {
      const rows = await this.#questions.ask<{ id: string; at: number }>(
        `SELECT a.id::text, a.at_ms::float8 AS at FROM attempts a
         WHERE a.ctid >= $1::tid AND a.ctid < $2::tid AND a.processor = $3::int
           AND EXISTS (SELECT FROM unnest($4::bigint[]) i WHERE a.at_ms BETWEEN i AND i + $5::bigint)`,
        [from, to, processor, arrayOf(inOrder), spanMs],
      );
      for (const { id, at } of rows) {
        const nearMs = sinceLast(inOrder, at);
        nearest.set(id, Math.min(nearMs, nearest.get(id) ?? nearMs));
      }
      return true;
    });
    return nearest;
  }

  async exported(
    { stream, fromRow, toRow }: StreamRows,
    { fromMs, toMs }: Instants,
  ): Promise<ExportedPayment[]> {
    const rows = await this.#questions.ask<ExportedPayment>(
      `SELECT l.id::text AS "correlationId", p.reference, l.amount_cents::float8 AS "amountCents",
         l.processor::int, l.requested_at_ms::float8 AS "requestedAtMs",
         p.accepted_at_ms::float8 AS "acceptedAtMs", p.settled_at_ms::float8 AS "settledAtMs"
       FROM ledger l JOIN streams s USING (stream) JOIN payments p ON p.id = l.id
       WHERE stream = $1::int AND l.row >= greatest(s.base, $2::bigint) AND l.row < $3::bigint
         AND l.requested_at_ms BETWEEN $4::bigint AND $5::bigint ORDER BY l.row`,
      [stream, fromRow, toRow, fromMs, toMs],
    );
    return [...rows];
  }

  async ledger(): Promise<StreamRows[]> {
    const streams = await this.#questions.ask<StreamRows>(
      `SELECT s.stream::int, coalesce(min(l.row), 0)::float8 AS "fromRow", coalesce(max(l.row) + 1, 0)::float8 AS "toRow"
       FROM streams s LEFT JOIN LATERAL (
         (SELECT row FROM ledger l WHERE l.stream = s.stream AND l.row >= s.base ORDER BY row LIMIT 1)
         UNION ALL (SELECT row FROM ledger l WHERE l.stream = s.stream AND l.row >= s.base ORDER BY row DESC LIMIT 1)) l ON true
       WHERE s.rows > 0 OR s.stream = 0 GROUP BY s.stream ORDER BY s.stream`,
    );
    return [...streams];
  }

  async charging(): Promise<Charging> {
    const names = await this.#questions.ask<{ name: string }>(
      "SELECT name FROM processors ORDER BY number",
    );
    const tariffs = await tariffsIn((text, values) => this.#questions.ask(text, values));
    return { names: names.map(({ name }) => name), tariffs };
  }

  /** Nothing is pruned in a journal of this kind. */
  async prunedBeforeMs(): Promise<number | null> {
    return null;
  }

  async address(name: string): Promise<string | null> {
    const sql = "SELECT url FROM processors WHERE name = $1";
    const [row] = await this.#questions.ask<{ url: string | null }>(sql, [name]);
    return row?.url ?? null;
  }

  /** Payments may have been pruned when the journal was a file. */
  async forgottenUpToMs(): Promise<number | null> {
    return this.#ofMeta("greatest(purged_at_ms, pruned_before_ms - 1)");
  }

  async restoredAtMs(): Promise<number | null> {
    return this.#ofMeta("restored_at_ms");
  }

  async close(): Promise<void> {
    this.#questions.close();
  }

  async #ofMeta(expression: string): Promise<number | null> {
    const sql = `SELECT (${expression})::float8 AS at FROM meta`;
    const [row] = await this.#questions.ask<{ at: number | null }>(sql);
    return row?.at ?? null;
  }

  /**
   * Reads a table's pages in their order, some at a time, as long as `read` gives true. A row that is
   * changed meanwhile may move to a page that was read: the next search finds it.
   */
  async #scan(table: string, read: (from: string, to: string) => Promise<boolean>) {
    const size = `SELECT (pg_relation_size($1::regclass) / current_setting('block_size')::int)::float8 AS pages`;
    const [found] = await this.#questions.ask<{ pages: number }>(size, [table]);
    const pages = found?.pages ?? 0;
    for (let from = 0; from < pages; from += PAGES_PER_READ) {
      if (!(await read(`(${from},0)`, `(${from + PAGES_PER_READ},0)`))) return;
    }
  }
}

function lastWord(column: keyof WhyEnded): string {
  return `(SELECT a.${column} FROM attempts a WHERE a.id = p.id ORDER BY a.nth DESC LIMIT 1)`;
}

function withWhy(row: Row & WhyEnded): PaymentFound {
  return Object.assign(withId(row), whyOf(row));
}

function withId(row: Row): PaymentRecord {
  return recordOf(row, row.correlationId);
}

/** The condition and the order of a page, with the values behind so many others. */
function pageOf(place: PagePlace, { state, processor }: PageFilter, before = 1) {
  const n = (nth: number) => `$${before + nth}`;
  const ofState = state === null ? "" : ` AND p.state = ${CODE[state]}`;
  const more = processor === null ? ofState : `${ofState} AND p.processor = ${n(4)}::int`;
  const last = processor === null ? [] : [processor];
  if (place.order === "accepted") {
    const { beforeSeq, fromMs, toMs, waiting } = place;
    const orWaits = waiting ? " OR p.requested_at_ms IS NULL" : "";
    const window = `(p.requested_at_ms BETWEEN ${n(2)}::bigint AND ${n(3)}::bigint${orWaits})`;
    const where = `p.seq < ${n(1)}::bigint AND ${window}${more}`;
    return { where, order: "p.seq DESC", values: [beforeSeq, fromMs, toMs, ...last] };
  }
  const { fromMs, beforeMs, beforeSeq } = place;
  const where = `p.requested_at_ms >= ${n(1)}::bigint
    AND (p.requested_at_ms, p.seq) < (${n(2)}::bigint, ${n(3)}::bigint)${more}`;
  const order = "p.requested_at_ms DESC, p.seq DESC";
  return { where, order, values: [fromMs, beforeMs, beforeSeq, ...last] };
}
