/**
 * The journal on PostgreSQL: the same group commit as over a file, but a commit is a question across a
 * network, whose answer comes later or is lost.
 *
 *   done, repeat   durable on the quorum; repeat: it had been, and only the answer was lost
 *   not run        as a failed commit of SQLite: payments are turned away, the rest is tried again
 *   unknown        the same batch with the same number is asked for again, until it is known
 *   sealed, gap    this worker ends (worker/cluster/fence.ts)
 *
 * Batches have numbers that follow each other, and one is under way at a time. The ids of open payments
 * are kept here, since transitions name a payment by its number and the tables by its id.
 */
import type { Clock } from "../../../shared/clock.ts";
import { shardOf } from "../../../shared/shards.ts";
import { compareAddresses, type Address, type Addresses } from "../../addresses.ts";
import { ENDED, meaningOf, type Found } from "../../cluster/fence.ts";
import type { Peer } from "../../cluster/lead.ts";
import { numbersIn } from "../../cluster/numbers.ts";
import type { KnownTariff, Priced } from "../../tariffs.ts";
import { Ticker } from "../../ticker.ts";
import {
  CLAIMED,
  type BlockTotals,
  type JournalHead,
  type LedgerRows,
  type OpenRow,
  type PaymentState,
  type Settled,
  type Transition,
} from "../../transitions.ts";
import { Checkpoints } from "../checkpoints.ts";
import type {
  OnDurable,
  SharedJournal,
  SharedNews,
  SharedReading,
  WorkerJournal,
} from "../driver.ts";
import { GroupCommit } from "../group-commit.ts";
import { stateOf } from "../records.ts";
import { CODE } from "../sqlite-moves.ts";
import {
  batchOfAddresses,
  batchOfGift,
  batchOfTariffs,
  encode,
  fitting,
  type Answer,
  type Batch,
} from "./batch.ts";
import { knownAddressesIn } from "./addresses.ts";
import { BrokenInvariant, NoAnswer, patiently, type Connection } from "./connection.ts";
import { callOf } from "./functions.ts";
import type { Lease } from "./lease.ts";
import { ledgerBlocks, ledgerRows, type Ask } from "./ledger.ts";
import { IS_OPEN, OPEN, openRowsOf, type OpenColumns } from "./open-rows.ts";
import { swept } from "./sweep.ts";
import { tariffsIn, tariffsWith } from "./tariffs.ts";

/** Time between two questions for a batch of which nobody knows whether it was stored. */
const ASK_AGAIN_MS = 250;
/** Payments that a processor has settled are looked for in the last minute, then in 16 and so on. */
const LOOK_BACK_MS = 60_000;
const LOOK_BACK_MORE = 16;
const CONTROLS = 3;
/** No number of tariffs. */
const NONE_KNOWN = -1;

const QUESTIONS = { commit: callOf("commit") };

/** Kinds after which a payment is moved no more, so that its id is not kept. */
const ENDS: ReadonlySet<Transition["kind"]> = new Set(["settle", "reject", "conflict"]);

type Reply = {
  readonly what: Found;
  readonly answer: Answer;
};

export type PostgresParts = {
  readonly head: JournalHead;
  readonly lease: Lease;
  /** Writes; nothing else is asked on it. */
  readonly writing: Connection;
  /** Reads for as long as it takes. */
  readonly reading: Connection;
  /** Leases and what is done beside. */
  readonly beside: Connection;
  readonly clock: Clock;
  /** Its name in sentences. */
  readonly name: string;
  readonly fatal: (reason: string) => void;
};

export class PostgresJournal implements WorkerJournal, SharedJournal {
  readonly head: JournalHead;
  readonly shared: SharedJournal = this;
  onNews: (news: SharedNews) => void = () => {};
  onTariffs: ((tariffs: readonly KnownTariff[]) => void) | null = null;
  /** The database makes its own. */
  readonly checkpoints = new Checkpoints();
  commitMs = 0;
  onCommit: (durationMs: number) => void = () => {};
  onCommitting: (isUnderWay: boolean) => void = () => {};
  readonly #parts: PostgresParts;
  readonly #group = new GroupCommit(fitting);
  readonly #ids = new Map<number, string>();
  /** Commits settlements, for which nobody waits, and all that a failed commit left. */
  readonly #ticker: Ticker;
  #batches = 0;
  /** Number of those that are known here. */
  #tariffs = 0;
  #scheduled = false;
  /** Batches that are no transition's and wait for their turn, before which no other batch begins. */
  #alone = 0;
  /** The commit under way, and what follows it at once. */
  #running: Promise<void> | null = null;
  #isOver = false;

  constructor(parts: PostgresParts) {
    this.#parts = parts;
    this.head = parts.head;
    const { clock } = parts;
    const tick = () => this.#run(true);
    this.#ticker = new Ticker({ clock, tick, nextAtMs: () => this.#nextTickAtMs });
    parts.lease.keep(
      (why) => this.#end(ENDED[why]),
      (news) => this.#learn(news),
    );
    void this.#sweep();
  }

  get holding() {
    return this.#parts.lease.holding;
  }
  get leads() {
    return this.#parts.lease.leads;
  }
  get leader() {
    return this.#parts.lease.leader;
  }
  get map() {
    return this.#parts.lease.map;
  }
  get rowsLeft() {
    return this.#parts.lease.rowsLeft;
  }
  get stats() {
    return this.#group.stats;
  }
  get queued() {
    return this.#group.queued;
  }
  get trouble() {
    return this.#group.trouble;
  }

  append(transition: Transition, done: OnDurable): void {
    this.#group.append(transition, done);
    if (this.#group.isAwaited && this.#running === null) this.#schedule();
    else this.#ticker.soon();
  }

  async addresses(configured: readonly Address[]): Promise<Addresses> {
    while (this.#running !== null) await this.#running;
    const { reading, clock } = this.#parts;
    const known = await patiently(() => knownAddressesIn(reading), clock);
    const compared = compareAddresses(configured, known);
    const urls = configured.flatMap(({ name, url }, i) => {
      if (compared.configured[i]?.kind === "moved") return [];
      return [{ processor: this.head.processors.indexOf(name), url }];
    });
    if (urls.length > 0) await this.#commitAlone(batchOfAddresses(urls));
    return compared;
  }

  /**
   * Driver's `tariffs`. Another worker that starts may begin some between the reading and the batch: whose numbers
   * are taken then is not stored, and all are read again. Rejects when one has begun what this one would take back.
   */
  async tariffs(configured: readonly Priced[]): Promise<KnownTariff[]> {
    while (this.#running !== null) await this.#running;
    const copiedMs = this.head.restoredAtMs === null ? null : this.#parts.clock.wallMs();
    for (;;) {
      const { known, begun } = await tariffsWith(this.#ask, configured, copiedMs);
      this.#tariffs = known.length;
      if (begun.length === 0) return known;
      await this.#refuseBesideLiving();
      await this.#commitAlone(batchOfTariffs(begun));
      if (this.#isOver) return [...known, ...begun];
    }
  }

  ownerOf(shard: number): Peer | null {
    return this.#parts.lease.ownerOf(shard);
  }

  tellHealth(reading: SharedReading): void {
    this.#parts.lease.tellHealth(reading);
  }

  shardsUnderWay(): Set<number> {
    const shards = new Set<number>();
    for (const transition of this.#group.transitions()) {
      if (!("seq" in transition)) continue;
      const { kind, seq } = transition;
      const id = kind === "accept" ? transition.correlationId : this.#ids.get(seq);
      if (id !== undefined) shards.add(shardOf(id));
    }
    return shards;
  }

  async parkedIn(shards: readonly number[]): Promise<Map<PaymentState, number>> {
    const parked = [CODE.rejected, CODE.conflict];
    const rows = await this.#insist<{ state: number; count: number }>(
      `SELECT state, count(*)::int FROM payments WHERE ${IS_OPEN} AND state IN (${parked.join(", ")})
         AND shard = ANY ($1::smallint[]) GROUP BY state`,
      [arrayOf(shards)],
    );
    return new Map(rows.map(({ state, count }) => [stateOf(state), count]));
  }

  async give(shards: readonly number[], to: number): Promise<number | null> {
    const version = await this.#commitAlone(batchOfGift(shards, to));
    if (version === null) return null;
    const given = new Set(shards);
    for (const [seq, id] of this.#ids) if (given.has(shardOf(id))) this.#ids.delete(seq);
    return version;
  }

  /**
   * Driver's `settled`. What an operator has settled shows nothing of the processor. Numbers follow the
   * clock, so that nobody knows how far back so many payments reach: it looks further and further.
   */
  async settled(
    processor: number,
    beforeSeq: number,
    beforeMs: number,
    among: number,
  ): Promise<Settled[]> {
    for (let spanMs = LOOK_BACK_MS; ; spanMs *= LOOK_BACK_MORE) {
      const fromSeq = Math.max(0, beforeSeq - numbersIn(spanMs));
      const [row] = await this.#read<{ many: number; found: Settled[] }>(
        `WITH before_it AS (SELECT * FROM payments WHERE seq < $2::bigint AND seq >= $4::bigint ORDER BY seq DESC LIMIT $5::bigint)
         SELECT (SELECT count(*) FROM before_it)::int AS many, (SELECT coalesce(jsonb_agg(f), '[]') FROM (
           SELECT id::text AS "correlationId", amount_cents AS "amountCents" FROM before_it p
           WHERE settled AND processor = $1::int AND coalesce(settled_at_ms, accepted_at_ms) < $3::bigint
             AND NOT EXISTS (SELECT FROM interventions i WHERE i.id = p.id AND i.action = 'settle')
           ORDER BY seq DESC LIMIT ${CONTROLS}) f) AS found`,
        [processor, beforeSeq, beforeMs, fromSeq, among],
      );
      const { many, found } = row!;
      if (found.length === CONTROLS || many === among || fromSeq === 0) return found;
    }
  }

  async open(shards: readonly number[] = this.holding.loading): Promise<OpenRow[]> {
    const { version } = this.holding;
    const { worker } = this.#parts.lease;
    while (!this.#isOver) {
      const wanted = shards.filter((shard) => this.holding.isLoading(shard));
      const columns = await this.#insist<OpenColumns>(OPEN, [CLAIMED, arrayOf(wanted), worker]);
      const [moment] = columns;
      // A primary of before a fail-over may still answer, without what was committed since.
      const isOfNow = moment !== undefined && moment.map_version >= version;
      // Else another worker has them, and the next renewal says that this one is sealed.
      if (isOfNow && moment.owned === wanted.length) {
        const rows = openRowsOf(columns);
        for (const { seq, correlationId } of rows) this.#ids.set(seq, correlationId);
        return rows;
      }
      await Bun.sleep(ASK_AGAIN_MS);
    }
    return [];
  }

  async rows(fromRow: number, toRow: number): Promise<LedgerRows> {
    const { stream } = this.#parts.lease;
    return ledgerRows(this.#ask, { stream, fromRow, toRow });
  }

  async blocks(fromRow: number, toRow: number): Promise<BlockTotals[]> {
    const { length } = this.head.processors;
    const { stream } = this.#parts.lease;
    return ledgerBlocks(this.#ask, stream, fromRow, toRow, length);
  }

  async close(): Promise<void> {
    this.#ticker.stop();
    // A next start finds at the processors whatever a database does not take now.
    while (!this.#isOver && this.queued > 0) {
      this.#run(true);
      if (this.#running === null || this.trouble !== null) break;
      await Promise.race([this.#running, Bun.sleep(ASK_AGAIN_MS)]);
    }
    const { lease, writing, reading, beside } = this.#parts;
    const why = this.queued === 0 ? "drained" : "the database did not take all";
    // A batch that is still under way finds its stream given back, which is no news then.
    const wasOver = this.#isOver;
    this.#isOver = true;
    if (wasOver) lease.stop();
    else await lease.leave(why);
    for (const connection of [writing, reading, beside]) connection.drop();
  }

  /** A file may be found damaged; a database finds damage itself, and refuses to answer. */
  onCorruption(message: string): void {
    this.#end(message);
  }

  async #refuseBesideLiving(): Promise<void> {
    const { lease, reading, clock, name } = this.#parts;
    const { refusal } = await patiently(() => lease.besideLiving(reading), clock);
    if (refusal === null) return;
    await this.close();
    throw new Error(`journal ${name}: ${refusal}`);
  }

  #read<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { reading, clock } = this.#parts;
    return patiently(() => reading.ask<Row>(text, values), clock);
  }
  readonly #ask: Ask = (text, values) => this.#read(text, values);

  #learn(news: SharedNews): void {
    this.onNews(news);
    if (this.onTariffs === null || news.tariffs === this.#tariffs) return;
    this.#tariffs = news.tariffs;
    void this.#tellTariffs(this.onTariffs);
  }

  async #tellTariffs(tell: NonNullable<SharedJournal["onTariffs"]>): Promise<void> {
    try {
      tell(await tariffsIn(this.#ask));
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      // The next renewal asks for them again.
      this.#tariffs = NONE_KNOWN;
    }
  }

  /** Asks until there is an answer, however long the database is away. */
  async #insist<Row>(text: string, values: readonly unknown[]): Promise<Row[]> {
    for (;;) {
      try {
        return await this.#parts.reading.ask<Row>(text, values);
      } catch (error) {
        if (this.#isOver) return [];
        if (!(error instanceof NoAnswer) || error.isForGood) throw error;
        await Bun.sleep(ASK_AGAIN_MS);
      }
    }
  }

  /** Commits a batch that is no transition's. */
  async #commitAlone<Results>(batch: Batch<Results>): Promise<Results | null> {
    this.#alone++;
    while (this.#running !== null) await this.#running;
    this.#alone--;
    const committed = this.#commit(batch, null);
    this.#running = committed.then(() => {
      this.#running = null;
    });
    await this.#running;
    if (this.#group.isAwaited) this.#run(false);
    // Only a commit of the group ends a trouble that this one has told of.
    if (this.#isLeft) this.#ticker.soon();
    return committed;
  }

  get #isLeft(): boolean {
    return this.queued > 0 || this.trouble !== null;
  }

  get #nextTickAtMs(): number {
    return this.#isLeft ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#run(false);
    });
  }

  /** Commits batch after batch while somebody waits; `all` takes transitions that nobody waits for, too. */
  #run(all: boolean): void {
    if (this.#running !== null || this.#alone > 0 || this.#isOver) return;
    const transitions = this.#group.next(this.#parts.clock.steadyMs(), all);
    if (transitions === null) return;
    this.#running = this.#commitOf(transitions).then(() => {
      this.#running = null;
      if (this.#group.isAwaited) this.#run(false);
      if (this.#isLeft) this.#ticker.soon();
    });
  }

  async #commitOf(transitions: readonly Transition[]): Promise<void> {
    try {
      await this.#findIds(transitions);
    } catch (error) {
      this.#failed(error);
      return;
    }
    const idOf = (seq: number) => this.#ids.get(seq);
    const results = await this.#commit(encode(transitions, idOf), transitions);
    if (results === null) return;
    for (const [i, transition] of transitions.entries()) {
      if (results[i]?.kind === "done") this.#remember(transition);
    }
    this.#group.committed(results);
  }

  #remember(transition: Transition): void {
    if (transition.kind === "accept") this.#ids.set(transition.seq, transition.correlationId);
    else if (ENDS.has(transition.kind) && "seq" in transition) this.#ids.delete(transition.seq);
  }

  /** Looks up payments that are not open, which an operator may still ask about. */
  async #findIds(transitions: readonly Transition[]): Promise<void> {
    const seqs = transitions.flatMap((transition) => {
      const isKnown = !("seq" in transition) || transition.kind === "accept";
      return isKnown || this.#ids.has(transition.seq) ? [] : [transition.seq];
    });
    if (seqs.length === 0) return;
    const rows = await this.#parts.writing.ask<{ seq: number; id: string }>(
      "SELECT seq::float8, id::text FROM payments WHERE seq = ANY ($1::bigint[])",
      [seqs],
    );
    for (const { seq, id } of rows) this.#ids.set(seq, id);
  }

  /** Asks for the batch until it is known what became of it. Null: it was not run, or the journal is over. */
  async #commit<Results>(
    { values, results }: Batch<Results>,
    transitions: readonly Transition[] | null,
  ): Promise<Results | null> {
    const { lease, writing, clock } = this.#parts;
    const batch = this.#batches + 1;
    const startMs = clock.steadyMs();
    for (let isDoubted = false; !this.#isOver;) {
      try {
        const asked = [lease.stream, lease.worker, batch, lease.holding.version, ...values];
        const [reply] = await writing.ask<Reply>(QUESTIONS.commit, asked);
        if (this.#isOver) return null;
        const meaning = meaningOf(reply?.what);
        if (meaning !== "durable") return this.#end(ENDED[meaning]);
        this.#batches = batch;
        const tookMs = clock.steadyMs() - startMs;
        this.commitMs += tookMs;
        this.onCommit(tookMs);
        return results(reply!.answer);
      } catch (error) {
        const isKnown = error instanceof NoAnswer && error.isNotRun && !isDoubted;
        if (!(error instanceof NoAnswer) || (isKnown && transitions !== null)) {
          return this.#failed(error);
        }
        isDoubted = true;
        this.#group.doubted(error.message);
        await Bun.sleep(ASK_AGAIN_MS);
      }
    }
    return null;
  }

  /** Nothing of the batch was stored. */
  #failed(error: unknown): null {
    if (error instanceof BrokenInvariant) return this.#end(error.message);
    if (!(error instanceof NoAnswer)) throw error;
    this.#group.failed(this.#parts.clock.steadyMs(), error.message);
    return null;
  }

  #end(reason: string): null {
    if (this.#isOver) return null;
    this.#isOver = true;
    const { name, fatal, lease } = this.#parts;
    lease.stop();
    fatal(`journal ${name}: ${reason}`);
    return null;
  }

  /** Deletes rows that a purge has left behind, a few at a time; what is left the next start finds. */
  async #sweep(): Promise<void> {
    try {
      await swept(this.#parts.beside, () => this.#isOver);
    } catch (error) {
      if (!(error instanceof NoAnswer) && !this.#isOver) throw error;
    }
  }
}

function arrayOf(numbers: readonly number[]): string {
  return `{${numbers.join(",")}}`;
}
