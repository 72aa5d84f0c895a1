/**
 * Somebody who asks the journal every question that status, lists, pages, exports and the audit ask, at any time:
 *
 *   R20  each answer is what a look through all rows of the tables gives
 */
import { ATTEMPTS_KEPT } from "../../shared/attempts.ts";
import type {
  PageFilter,
  PagePlace,
  PaymentFound,
  PaymentRecord,
} from "../../worker/journal-reader.ts";
import { SqliteReader } from "../../worker/journal/sqlite-reader.ts";
import type { Intervention } from "../../worker/transitions.ts";
import type { Chance } from "./chance.ts";
import { matches, place, readTables, type Tables } from "./tables.ts";
import { Violation } from "./violation.ts";

const ORDERS = ["age", "amount"] as const;
const OPEN_STATES = ["accepted", "assigned", "unknown", "held", "rejected", "conflict"] as const;
/** Payments that are looked through one by one. */
const PAYMENTS_MAX = 300;
const PAGES = 4;
const EVER = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

/** Asks all questions once; `db` is that of the reader. Throws a violation. */
export async function checkReading(
  db: ConstructorParameters<typeof SqliteReader>[0],
  reader: SqliteReader,
  chance: Chance,
): Promise<void> {
  const tables = readTables(db);
  if (tables.payments.length === 0 || tables.payments.length > PAYMENTS_MAX) return;
  const questions = new Questions(tables, reader, chance);
  await questions.askOfPayments();
  for (let page = 0; page < PAGES; page++) await questions.askForPages();
  await questions.askOfProcessors();
  await questions.askForBooks();
}

class Questions {
  readonly #tables: Tables;
  readonly #reader: SqliteReader;
  readonly #chance: Chance;

  constructor(tables: Tables, reader: SqliteReader, chance: Chance) {
    this.#tables = tables;
    this.#reader = reader;
    this.#chance = chance;
  }

  get #open(): PaymentFound[] {
    return this.#tables.payments.filter(({ state }) => state !== "settled");
  }

  #instant(): number {
    const { requestedAtMs, acceptedAtMs } = this.#chance.pick(this.#tables.payments);
    return (requestedAtMs ?? acceptedAtMs) + this.#chance.pick([-1, 0, 0, 1]);
  }

  #window() {
    if (this.#chance.happens(0.3)) return EVER;
    const [a, b] = [this.#instant(), this.#instant()];
    return { fromMs: Math.min(a, b), toMs: Math.max(a, b) };
  }

  async askOfPayments(): Promise<void> {
    const { payments, attempts, leftOut, interventions } = this.#tables;
    const one = this.#chance.pick(payments);
    const { correlationId, seq } = one;
    same(`payment ${correlationId}`, await this.#reader.payment(correlationId), one);
    const all = attempts.filter((attempt) => attempt.seq === seq);
    const kept = all.filter(
      (_attempt, i) => i < ATTEMPTS_KEPT.first || i >= all.length - ATTEMPTS_KEPT.last,
    );
    same(`story of ${correlationId}`, await this.#reader.story(correlationId), {
      payment: withoutWhy(one),
      attempts: kept.map(({ atMs, processor, outcome, reason }) => {
        return { atMs, processor, outcome, reason };
      }),
      attemptsLeftOut: all.length - kept.length + (leftOut.get(seq) ?? 0),
      interventions: interventions.filter((said) => said.seq === seq).map(saidOf),
    });
    const nobody = this.#chance.uuid();
    same(`payment ${nobody}`, await this.#reader.payment(nobody), null);
    same(`story of ${nobody}`, await this.#reader.story(nobody), null);
    await this.#askForLists();
    await this.#askForAges();
  }

  async #askForLists(): Promise<void> {
    const { attempts, leftOut, payments } = this.#tables;
    for (const order of ORDERS) {
      const state = this.#chance.happens(0.5) ? null : this.#chance.pick(OPEN_STATES);
      const after = this.#chance.happens(0.5) ? null : this.#chance.pick(payments);
      const limit = this.#chance.pick([1, 3, 500]);
      const isBehind = (one: PaymentFound) =>
        after === null || (order === "age" ? bySeq : byAmount)(after, one) < 0;
      const expected = this.#open
        .filter((one) => (state === null || one.state === state) && isBehind(one))
        .toSorted(order === "age" ? bySeq : byAmount)
        .slice(0, limit)
        .map((one) => {
          const ofIt = attempts.filter(({ seq }) => seq === one.seq);
          const count = ofIt.length + (leftOut.get(one.seq) ?? 0);
          const more = { attempts: count, reason: ofIt.at(-1)?.reason ?? null };
          return Object.assign(withoutWhy(one), more);
        });
      const query = { state, order, limit, after: after?.correlationId ?? null };
      same(`list ${JSON.stringify(query)}`, await this.#reader.list(query), expected);
    }
    const query = { state: null, order: "age", limit: 1, after: this.#chance.uuid() } as const;
    same("list behind nothing", await this.#reader.list(query), null);
  }

  async #askForAges(): Promise<void> {
    const bounds = [0, 1, 2].map(() => this.#instant()).toSorted((a, b) => b - a);
    const max = this.#chance.pick([2, 500]);
    const bands = new Map<string, PaymentFound[]>();
    const states = this.#tables.states;
    for (const one of this.#open.toSorted(bySeq).slice(0, max)) {
      const band = bounds.filter((bound) => one.acceptedAtMs <= bound).length;
      const name = `${states.indexOf(one.state)} ${band} ${one.state}`;
      bands.set(name, [...(bands.get(name) ?? []), one]);
    }
    const expected = [...bands]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, ofIt]) => {
        const [, band, state] = name.split(" ");
        const cents = ofIt.reduce((sum, { amountCents }) => sum + amountCents, 0);
        const oldestMs = Math.min(...ofIt.map(({ acceptedAtMs }) => acceptedAtMs));
        return { state, band: Number(band), count: ofIt.length, cents, oldestMs };
      });
    const asked = bounds as unknown as readonly [number, number, number];
    same(`ages at ${bounds} of ${max}`, await this.#reader.ages(asked, max), expected);
  }

  /** Draws a place, and which payments are asked for. */
  #page(): { at: PagePlace; filter: PageFilter; limit: number } {
    const { fromMs, toMs } = this.#window();
    const beforeSeq = this.#chance.pick(this.#tables.payments).seq + this.#chance.pick([0, 1, 999]);
    const waiting = this.#chance.happens(0.5);
    const at: PagePlace = this.#chance.happens(0.5)
      ? { order: "accepted", waiting, beforeSeq, fromMs, toMs }
      : { order: "requested", fromMs, beforeMs: toMs, beforeSeq };
    const processor = this.#chance.happens(0.5) ? null : this.#processor();
    const state = this.#chance.happens(0.7) ? null : this.#chance.pick(OPEN_STATES);
    return { at, filter: { state, processor }, limit: this.#chance.pick([1, 3, 500]) };
  }

  #processor(): number {
    return this.#chance.between(0, this.#tables.names.length - 1);
  }

  async askForPages(): Promise<void> {
    const { payments, ledger } = this.#tables;
    const { at, filter, limit } = this.#page();
    const asked = JSON.stringify({ ...at, ...filter, limit });
    const among = (rows: readonly PaymentFound[], which: PageFilter) =>
      rows
        .filter((one) => matches(one, at, which))
        .toSorted(place(at))
        .slice(0, limit);
    const open = await this.#reader.pageOfOpen(at, filter, limit);
    same(`page of open ${asked}`, open, among(this.#open, filter));
    const newest = mostOf(this.#open.map(({ requestedAtMs }) => requestedAtMs));
    same("newest of open", await this.#reader.newestOpenMs(), newest);
    const ends = [ledger[0]?.row ?? 0, (ledger.at(-1)?.row ?? 0) + 1] as const;
    const cut = this.#chance.between(...ends);
    const halves = [
      { fromRow: ends[0], toRow: cut },
      { fromRow: cut, toRow: ends[1] },
    ];
    const rows = this.#chance.pick([halves, halves.slice(1), []]);
    const inRows = new Set(
      ledger
        .filter(({ row }) => rows.some(({ fromRow, toRow }) => row >= fromRow && row < toRow))
        .map(({ seq }) => seq),
    );
    const settled = payments.filter(({ seq }) => inRows.has(seq));
    const { processor } = filter;
    const page = await this.#reader.pageOfSettled(rows, at, processor, limit);
    const expected = among(settled, { state: null, processor });
    same(`page of settled ${asked}`, page, expected.map(withoutWhy));
    const reference = this.#chance.pick(payments).reference ?? "order of nobody";
    const ofIt = payments.filter((one) => one.reference === reference);
    const found = await this.#reader.pageOfReference(reference, at, filter, limit);
    same(`page of ${reference} ${asked}`, found, among(ofIt, filter));
    const newestOfIt = mostOf(ofIt.map(({ requestedAtMs }) => requestedAtMs));
    same(`newest of ${reference}`, await this.#reader.newestOfReferenceMs(reference), newestOfIt);
  }

  async askOfProcessors(): Promise<void> {
    const { interventions, names, urls, meta } = this.#tables;
    const counts = new Map<number, number>();
    for (const { processor } of this.#open) {
      if (processor !== null) counts.set(processor, (counts.get(processor) ?? 0) + 1);
    }
    const told = [...(await this.#reader.openByProcessor())].toSorted(([a], [b]) => a - b);
    same(
      "open by processor",
      told,
      [...counts].toSorted(([a], [b]) => a - b),
    );
    const processor = this.#processor();
    const last = interventions.findLast((said) => said.processor === processor);
    const said = await this.#reader.lastIntervention(processor);
    same(`word on processor ${processor}`, said, last === undefined ? null : saidOf(last));
    const name = names[processor]!;
    same(`address of ${name}`, await this.#reader.address(name), urls[processor] ?? null);
    same("address of nobody", await this.#reader.address("nobody"), null);
    same("names", (await this.#reader.charging()).names, names);
    const pruned = meta.get("pruned_before_ms") ?? null;
    same("time of pruning", await this.#reader.prunedBeforeMs(), pruned);
    same(
      "time of restoring",
      await this.#reader.restoredAtMs(),
      meta.get("restored_at_ms") ?? null,
    );
    const forgotten = mostOf([
      pruned === null ? null : pruned - 1,
      meta.get("purged_at_ms") ?? null,
    ]);
    same("time of what is forgotten", await this.#reader.forgottenUpToMs(), forgotten);
  }

  /** Asks what an export and an audit ask. */
  async askForBooks(): Promise<void> {
    const { ledger, payments, attempts } = this.#tables;
    const window = this.#window();
    const isInside = ({ requestedAtMs: atMs }: { requestedAtMs: number | null }) =>
      atMs !== null && atMs >= window.fromMs && atMs <= window.toMs;
    const processor = this.#processor();
    const all = { stream: 0, fromRow: ledger[0]?.row ?? 0, toRow: (ledger.at(-1)?.row ?? -1) + 1 };
    same("rows of the ledger", await this.#reader.ledger(), [all]);
    const rows = { ...all, fromRow: this.#chance.between(all.fromRow, all.toRow) };
    const bySeqs = new Map(payments.map((one) => [one.seq, one]));
    const inRows = ledger.filter((one) => one.row >= rows.fromRow && isInside(one));
    const exported = inRows.map(({ seq, amountCents, requestedAtMs, processor: at }) => {
      const { correlationId, reference, acceptedAtMs, settledAtMs } = bySeqs.get(seq)!;
      const what = { correlationId, reference, amountCents, processor: at };
      return Object.assign(what, { requestedAtMs, acceptedAtMs, settledAtMs });
    });
    same("export", await this.#reader.exported(rows, window), exported);
    const limit = this.#chance.pick([1, 500]);
    const settled = exported
      .filter((one) => one.processor === processor)
      .map(({ correlationId, amountCents, requestedAtMs }) => {
        return { correlationId, amountCents, requestedAtMs };
      });
    const told = await this.#reader.settledIn(processor, rows, window, limit);
    some(`settled at ${processor}`, told, settled, limit);
    const open = this.#open.filter((one) => one.processor === processor && isInside(one));
    const opens = await this.#reader.openAt(processor, window, limit);
    some(`open at ${processor}`, opens, open.map(withoutWhy), limit);
    const instants = [0, 1, 2].map(() => this.#instant());
    const then = payments.filter(
      (one) =>
        instants.includes(one.requestedAtMs!) &&
        (one.state !== "settled" || one.processor !== processor),
    );
    const found = await this.#reader.requestedAt(instants, processor, limit);
    some(`requested at ${instants}`, found, then.map(withoutWhy), limit);
    const spanMs = this.#chance.pick([0, 100, 10_000]);
    const nearest = new Map<string, number>();
    for (const attempt of attempts.filter((one) => one.processor === processor)) {
      const before = instants.filter((atMs) => atMs <= attempt.atMs);
      const nearMs = attempt.atMs - Math.max(...before);
      const { correlationId } = bySeqs.get(attempt.seq)!;
      const least = Math.min(nearMs, nearest.get(correlationId) ?? Infinity);
      if (nearMs <= spanMs) nearest.set(correlationId, least);
    }
    const after = await this.#reader.attemptsAfter(processor, instants, spanMs);
    const inOrder = (map: ReadonlyMap<string, number>) =>
      [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
    same(`attempts after ${instants}`, inOrder(after), inOrder(nearest));
  }
}

function bySeq(a: PaymentFound, b: PaymentFound): number {
  return a.seq - b.seq;
}

function byAmount(a: PaymentFound, b: PaymentFound): number {
  return b.amountCents - a.amountCents || bySeq(a, b);
}

function withoutWhy(found: PaymentFound): PaymentRecord {
  const { correlationId, seq, amountCents, state, reference } = found;
  const { acceptedAtMs, processor, requestedAtMs, settledAtMs } = found;
  const what = { correlationId, seq, amountCents, state, reference, processor };
  return Object.assign(what, { acceptedAtMs, requestedAtMs, settledAtMs });
}

function saidOf({ atMs, who, action, why, evidence }: Intervention): Intervention {
  return { atMs, who, action, why, evidence };
}

function mostOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function same(what: string, ours: unknown, theirs: unknown): void {
  if (Bun.deepEquals(ours, theirs)) return;
  throw new Violation(
    `R20: ${what}: the answer is ${JSON.stringify(ours)}, and not ${JSON.stringify(theirs)}`,
  );
}

/** Compares answers that have no order, and have any of those that there are when those are more than asked for. */
function some(
  what: string,
  ours: readonly unknown[],
  theirs: readonly unknown[],
  limit: number,
): void {
  const known = new Set(theirs.map((one) => nameOf(one)));
  const names = new Set(ours.map((one) => nameOf(one)));
  const isSome = [...names].every((one) => known.has(one)) && names.size === ours.length;
  if (!isSome || ours.length !== Math.min(limit, theirs.length)) same(what, ours, theirs);
}

function nameOf(one: unknown): string {
  return JSON.stringify(Object.entries(one as object).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
