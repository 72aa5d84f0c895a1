/**
 * Answers the questions of journal-reader.ts from a journal's file, through a connection that cannot
 * write: another process or thread may write it meanwhile, and a long list costs nobody but its reader.
 * Every answer is found before its call returns; it is a promise for the sake of other drivers, but for
 * the rows of a summary.
 */
import type { Database, SQLQueryBindings } from "bun:sqlite";
import { ATTEMPTS_KEPT } from "../../shared/attempts.ts";
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
  type SumsOfRows,
  type StreamRows,
  type SettledRecord,
  type WhyEnded,
} from "../journal-reader.ts";
import type { FailedAttempt, Intervention, LedgerRows } from "../transitions.ts";
import { uuidFromHex } from "../uuid.ts";
import { metaOf } from "./meta.ts";
import { bandOf, recordOf, whyOf, type BandRow, type Facts } from "./records.ts";
import { CODE } from "./sqlite-moves.ts";
import { OPEN_AMONG, OpenSeqs } from "./sqlite-open.ts";
import { SqliteLedger } from "./sqlite-ledger.ts";
import { SqliteTariffs } from "./sqlite-tariffs.ts";

const FACTS = `seq, amount_cents AS amountCents, state, reference, accepted_at_ms AS acceptedAtMs, processor,
  requested_at_ms AS requestedAtMs, settled_at_ms AS settledAtMs`;
const PAYMENT = `lower(hex(id)) AS hex, ${FACTS}`;
const BY_ID = "FROM payments WHERE id = unhex(?, '-')";
const SAID = "SELECT at_ms AS atMs, who, action, why, evidence FROM interventions";
const ORDERS: Record<ListQuery["order"], string> = { age: "seq", amount: "amount_cents DESC, seq" };
/** Payments behind one in a list: `?2` is its number, `?3` its cents. */
const BEHIND: typeof ORDERS = {
  age: "seq > ?2 AND ?3 IS NOT NULL",
  amount: "(amount_cents < ?3 OR (amount_cents = ?3 AND seq > ?2))",
};
/** Reason of the last attempt of a payment that ended without being settled, and the code of a rejection. */
const WHY_ENDED = `CASE WHEN state IN (${CODE.rejected}, ${CODE.conflict}) THEN (SELECT reason FROM attempts
    WHERE attempts.seq = payments.seq ORDER BY rowid DESC LIMIT 1) END AS reason,
  CASE state WHEN ${CODE.rejected} THEN (SELECT code FROM codes WHERE codes.seq = payments.seq) END AS code`;
const OF_REFERENCE = "payments INDEXED BY payments_by_reference WHERE reference = ?";
const NOT_PRUNED = `(state <> ${CODE.settled} OR requested_at_ms IS NOT NULL)`;
/** A search through everything reads this many at a time; other questions come between. */
const SEQS_PER_READ = 20_000;

type Exported = [
  hex: string,
  reference: string | null,
  amountCents: number,
  processor: number,
  requestedAtMs: number,
  acceptedAtMs: number,
  settledAtMs: number | null,
];
type Row = Facts & { readonly hex: string };

export class SqliteReader implements JournalReader {
  readonly #db: Database;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #ledger: SqliteLedger;
  readonly #open: OpenSeqs;

  /** `db` is closed with it. */
  constructor(db: Database) {
    this.#db = db;
    this.#statements = prepare(db);
    this.#ledger = new SqliteLedger(db);
    this.#open = new OpenSeqs(db);
  }

  async payment(correlationId: string): Promise<PaymentFound | null> {
    const row = this.#statements.found.get(correlationId);
    return row === null ? null : Object.assign(recordOf(row, correlationId), whyOf(row));
  }

  async story(correlationId: string): Promise<PaymentStory | null> {
    const { byId, attempts, attemptCount, ofPayment } = this.#statements;
    // The transaction gives one state of the database for all of it.
    return this.#db.transaction(() => {
      const row = byId.get(correlationId);
      if (row === null) return null;
      const told = attempts.all(row.seq);
      return {
        payment: recordOf(row, correlationId),
        attempts: told,
        attemptsLeftOut: (attemptCount.get(row.seq)?.count ?? told.length) - told.length,
        interventions: ofPayment.all(row.seq),
      };
    })();
  }

  async list({ state, order, limit, after }: ListQuery): Promise<ListedPayment[] | null> {
    // A payment has its place in the order also when it has been settled meanwhile.
    const before = after === null ? null : this.#statements.byId.get(after);
    if (after !== null && before === null) return null;
    const ofState = state === null ? "true" : `state = ${CODE[state]}`;
    const behind = before === null ? "true" : BEHIND[order];
    const place = before === null ? [] : [before.seq, before.amountCents];
    return this.#db
      .query<Row & Pick<ListedPayment, "attempts" | "reason">, number[]>(
        `SELECT ${PAYMENT}, ${countOfAttempts("open.seq")} AS attempts,
           (SELECT reason FROM attempts WHERE attempts.seq = open.seq
            ORDER BY rowid DESC LIMIT 1) AS reason
         FROM (SELECT * FROM unsettled WHERE ${ofState} AND ${behind}
               ORDER BY ${ORDERS[order]} LIMIT ?1) AS open
         ORDER BY ${ORDERS[order]}`,
      )
      .all(limit, ...place)
      .map((row) => {
        const { attempts, reason } = row;
        return Object.assign(withId(row), { attempts, reason });
      });
  }

  async pageOfOpen(place: PagePlace, filter: PageFilter, limit: number): Promise<PaymentFound[]> {
    const { where, order, values } = pageOf(place, filter);
    return this.#db.transaction(() => {
      const open = this.#open.read();
      if (open === null) return [];
      return this.#db
        .query<Row & WhyEnded, [string, ...number[]]>(
          `SELECT ${PAYMENT}, ${WHY_ENDED}
           FROM (SELECT * FROM ${OPEN_AMONG} WHERE ${where} ORDER BY ${order} LIMIT ?) AS payments
           ORDER BY ${order}`,
        )
        .all(open, ...values, limit)
        .map(withWhy);
    })();
  }

  async pageOfSettled(
    rows: readonly RowRange[],
    place: PagePlace,
    processor: number | null,
    limit: number,
  ): Promise<PaymentRecord[]> {
    const { where, order, values } = pageOf(place, { state: null, processor });
    // The transaction gives one state of the database: a row leaves the ledger before its payment's times.
    return this.#db.transaction(() => {
      // Rows are nearly in the page's order: behind the least of the last ones only a few are to be sorted.
      // Blocks of one processor were taken by how many it has: hardly more than the page, and passed once.
      const key = place.order === "accepted" ? "seq" : "requested_at_ms";
      const among = `FROM ledger WHERE row >= ? AND row < ? AND ${where}`;
      const last = `SELECT min(${key}) FROM (SELECT ${key} ${among} ORDER BY row DESC LIMIT ?)`;
      const isAll = processor === null;
      const some = this.#db.query<Placed, number[]>(
        `SELECT requested_at_ms AS requestedAtMs, seq ${among} ${isAll ? `AND ${key} >= (${last})` : ""}
         ORDER BY ${order} LIMIT ?`,
      );
      const found = rows.flatMap(({ fromRow, toRow }) => {
        const given = [fromRow, toRow, ...values];
        return some.all(...given, ...(isAll ? [...given, limit] : []), limit);
      });
      const inOrder = place.order === "accepted" ? bySeq : byInstant;
      const seqs = found
        .sort(inOrder)
        .slice(0, limit)
        .map(({ seq }) => seq);
      return this.#statements.bySeqs.all(JSON.stringify(seqs)).map(withId).sort(inOrder);
    })();
  }

  async newestOpenMs(): Promise<number | null> {
    const sql = `SELECT max(requested_at_ms) FROM ${OPEN_AMONG}`;
    return this.#db.transaction(() => {
      const open = this.#open.read();
      return open === null ? null : (this.#db.query(sql).values(open) as [[number | null]])[0][0];
    })();
  }

  async pageOfReference(
    reference: string,
    place: PagePlace,
    filter: PageFilter,
    limit: number,
  ): Promise<PaymentFound[]> {
    const { where, order, values } = pageOf(place, filter);
    return this.#db
      .query<Row & WhyEnded, [string, ...number[]]>(
        `SELECT ${PAYMENT}, ${WHY_ENDED}
         FROM (SELECT * FROM ${OF_REFERENCE} AND ${where} AND ${NOT_PRUNED}
               ORDER BY ${order} LIMIT ?) AS payments
         ORDER BY ${order}`,
      )
      .all(reference, ...values, limit)
      .map(withWhy);
  }

  async newestOfReferenceMs(reference: string): Promise<number | null> {
    const sql = `SELECT max(requested_at_ms) FROM ${OF_REFERENCE}`;
    const [[atMs]] = this.#db.query(sql).values(reference) as [[number | null]];
    return atMs;
  }

  async ages(bounds: AgeBounds, max: number): Promise<AgeBand[]> {
    return this.#statements.aged.all(...bounds, max).map(bandOf);
  }

  async openByProcessor(): Promise<ReadonlyMap<number, number>> {
    return new Map(this.#statements.openByProcessor.values() as [number, number][]);
  }

  async lastIntervention(processor: number): Promise<Intervention | null> {
    return this.#statements.ofProcessor.get(processor);
  }

  rows(fromRow: number, toRow: number): LedgerRows {
    return this.#ledger.rows(fromRow, toRow);
  }

  sumsOf(fromRow: number, toRow: number, requested: Instants): SumsOfRows {
    return this.#ledger.sumsOf(fromRow, toRow, requested);
  }

  async settledIn(
    processor: number,
    { fromRow, toRow }: RowRange,
    { fromMs, toMs }: Instants,
    limit: number,
  ): Promise<SettledRecord[]> {
    const values = this.#db
      .query(
        `SELECT lower(hex(id)), ledger.amount_cents, ledger.requested_at_ms
         FROM ledger JOIN payments USING (seq)
         WHERE row >= ? AND row < ? AND ledger.processor = ?
           AND ledger.requested_at_ms BETWEEN ? AND ? LIMIT ?`,
      )
      .values(fromRow, toRow, processor, fromMs, toMs, limit) as [string, number, number][];
    return values.map(([hex, amountCents, requestedAtMs]) => {
      return { correlationId: uuidFromHex(hex), amountCents, requestedAtMs };
    });
  }

  async openAt(
    processor: number,
    { fromMs, toMs }: Instants,
    limit: number,
  ): Promise<PaymentRecord[]> {
    return this.#db
      .query<Row, number[]>(
        `SELECT ${PAYMENT} FROM unsettled
         WHERE processor = ? AND requested_at_ms BETWEEN ? AND ? LIMIT ?`,
      )
      .all(processor, fromMs, toMs, limit)
      .map(withId);
  }

  async requestedAt(
    instantsMs: readonly number[],
    notSettledAt: number,
    limit: number,
  ): Promise<PaymentRecord[]> {
    const found: PaymentRecord[] = [];
    const read = this.#db.query<Row, [number, number, string, number, number]>(
      `SELECT ${PAYMENT} FROM payments WHERE seq >= ? AND seq < ?
         AND requested_at_ms IN (SELECT value FROM json_each(?))
         AND (state <> ${CODE.settled} OR processor <> ?) LIMIT ?`,
    );
    const instants = JSON.stringify(instantsMs);
    await this.#scan("payments", "seq", (from, to) => {
      const left = limit - found.length;
      found.push(...read.all(from, to, instants, notSettledAt, left).map(withId));
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
    const nearest = new Map<number, number>();
    const read = this.#db.query(
      "SELECT seq, at_ms FROM attempts WHERE rowid >= ? AND rowid < ? AND processor = ?",
    );
    await this.#scan("attempts", "rowid", (from, to) => {
      for (const [seq, atMs] of read.values(from, to, processor) as [number, number][]) {
        const nearMs = sinceLast(inOrder, atMs);
        if (nearMs <= spanMs) nearest.set(seq, Math.min(nearMs, nearest.get(seq) ?? nearMs));
      }
      return true;
    });
    const hexOf = this.#db.query("SELECT lower(hex(id)) FROM payments WHERE seq = ?");
    const byId = [...nearest].flatMap(([seq, nearMs]) => {
      const [row] = hexOf.values(seq) as [string][];
      return row === undefined ? [] : [[uuidFromHex(row[0]), nearMs] as const];
    });
    return new Map(byId);
  }

  async exported(
    { fromRow, toRow }: RowRange,
    { fromMs, toMs }: Instants,
  ): Promise<ExportedPayment[]> {
    const values = this.#statements.exported.values(fromRow, toRow, fromMs, toMs) as Exported[];
    return values.map(
      ([hex, reference, amountCents, processor, requestedAtMs, acceptedAtMs, settledAtMs]) => {
        const correlationId = uuidFromHex(hex);
        const what = { correlationId, reference, amountCents, processor };
        return Object.assign(what, { requestedAtMs, acceptedAtMs, settledAtMs });
      },
    );
  }

  async ledger(): Promise<StreamRows[]> {
    // SQLite would read all rows for both ends in one SELECT.
    const sql = "SELECT (SELECT min(row) FROM ledger), (SELECT max(row) FROM ledger)";
    const [[first, last]] = this.#db.query(sql).values() as [[number | null, number | null]];
    return [{ stream: 0, fromRow: first ?? 0, toRow: last === null ? 0 : last + 1 }];
  }

  async charging(): Promise<Charging> {
    const rows = this.#db.query("SELECT name FROM processors ORDER BY number").values();
    return { names: rows.flat() as string[], tariffs: new SqliteTariffs(this.#db).known() };
  }

  async prunedBeforeMs(): Promise<number | null> {
    return metaOf(this.#db, "pruned_before_ms");
  }

  async address(name: string): Promise<string | null> {
    const [row] = this.#db.query("SELECT url FROM processors WHERE name = ?").values(name);
    return (row?.[0] as string | null | undefined) ?? null;
  }

  async forgottenUpToMs(): Promise<number | null> {
    const sql = `SELECT max(iif(key = 'pruned_before_ms', value - 1, value)) FROM meta
      WHERE key IN ('purged_at_ms', 'pruned_before_ms')`;
    const [[atMs]] = this.#db.query(sql).values() as [[number | null]];
    return atMs;
  }

  async restoredAtMs(): Promise<number | null> {
    return metaOf(this.#db, "restored_at_ms");
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  /** Calls `read` piece by piece for as long as it gives true. */
  async #scan(table: string, key: string, read: (from: number, to: number) => boolean) {
    const [ends] = this.#db.query(`SELECT min(${key}), max(${key}) FROM ${table}`).values();
    const [min, max] = ends as [number | null, number | null];
    if (min === null || max === null) return;
    for (let from = min; read(from, from + SEQS_PER_READ);) {
      from += SEQS_PER_READ;
      if (from > max) return;
      await new Promise(setImmediate);
    }
  }
}

function prepare(db: Database) {
  const query = <T, P extends SQLQueryBindings[]>(sql: string) => db.query<T, P>(sql);
  const some = `SELECT rowid AS number, at_ms AS atMs, processor, outcome, reason
    FROM attempts WHERE seq = ?1 ORDER BY rowid`;
  return {
    byId: query<Facts, [string]>(`SELECT ${FACTS} ${BY_ID}`),
    exported: db.query(
      `SELECT lower(hex(id)), reference, ledger.amount_cents, ledger.processor, ledger.requested_at_ms,
         accepted_at_ms, settled_at_ms
       FROM ledger CROSS JOIN payments USING (seq)
       WHERE row >= ? AND row < ? AND ledger.requested_at_ms BETWEEN ? AND ? ORDER BY row`,
    ),
    bySeqs: query<Row, [string]>(
      `SELECT ${PAYMENT} FROM (SELECT value AS seq FROM json_each(?)) CROSS JOIN payments USING (seq)`,
    ),
    found: query<Facts & WhyEnded, [string]>(`SELECT ${FACTS}, ${WHY_ENDED} ${BY_ID}`),
    attempts: query<FailedAttempt, [number]>(
      `SELECT atMs, processor, outcome, reason FROM
         (SELECT * FROM (${some} LIMIT ${ATTEMPTS_KEPT.first})
          UNION SELECT * FROM (${some} DESC LIMIT ${ATTEMPTS_KEPT.last}))
       ORDER BY number`,
    ),
    attemptCount: query<{ count: number }, [number]>(`SELECT ${countOfAttempts("?1")} AS count`),
    ofPayment: query<Intervention, [number]>(`${SAID} WHERE seq = ? ORDER BY rowid`),
    ofProcessor: query<Intervention, [number]>(
      `${SAID} WHERE processor = ? ORDER BY rowid DESC LIMIT 1`,
    ),
    openByProcessor: db.query(
      `SELECT processor, count(*) FROM unsettled WHERE processor IS NOT NULL GROUP BY processor`,
    ),
    aged: query<BandRow, number[]>(
      `SELECT state, (accepted_at_ms <= ?) + (accepted_at_ms <= ?) + (accepted_at_ms <= ?) AS band,
         count(*) AS count, sum(amount_cents) AS cents, min(accepted_at_ms) AS oldestMs
       FROM (SELECT * FROM unsettled ORDER BY seq LIMIT ?)
       GROUP BY state, band ORDER BY state, band`,
    ),
  };
}

function withWhy(row: Row & WhyEnded): PaymentFound {
  return Object.assign(withId(row), whyOf(row));
}

/** Counts the attempts that were kept and those that were not. */
function countOfAttempts(seq: string): string {
  return `((SELECT count(*) FROM attempts WHERE attempts.seq = ${seq})
    + coalesce((SELECT count FROM attempts_left_out AS gone WHERE gone.seq = ${seq}), 0))`;
}

function withId(row: Row): PaymentRecord {
  return recordOf(row, uuidFromHex(row.hex));
}

/** The condition and the order of a page, with the values of the condition, whose parts are asked in their order. */
function pageOf(place: PagePlace, { state, processor }: PageFilter) {
  const ofState = state === null ? "" : `state = ${CODE[state]} AND `;
  const ofProcessor = processor === null ? "" : "processor = ? AND ";
  const which = `${ofProcessor}${ofState}`;
  const first = processor === null ? [] : [processor];
  if (place.order === "accepted") {
    const { beforeSeq, fromMs, toMs, waiting } = place;
    const orWaits = waiting ? " OR requested_at_ms IS NULL" : "";
    const where = `${which}seq < ? AND (requested_at_ms BETWEEN ? AND ?${orWaits})`;
    return { where, order: "seq DESC", values: [...first, beforeSeq, fromMs, toMs] };
  }
  const { fromMs, beforeMs, beforeSeq } = place;
  const where = `${which}requested_at_ms BETWEEN ? AND ? AND (requested_at_ms < ? OR seq < ?)`;
  const values = [...first, fromMs, beforeMs, beforeMs, beforeSeq];
  return { where, order: "requested_at_ms DESC, seq DESC", values };
}

/** Place of a settled payment in a page: it has been requested. */
type Placed = Pick<PaymentRecord, "requestedAtMs" | "seq">;

function bySeq(a: Placed, b: Placed): number {
  return b.seq - a.seq;
}

function byInstant(a: Placed, b: Placed): number {
  return (b.requestedAtMs as number) - (a.requestedAtMs as number) || bySeq(a, b);
}
