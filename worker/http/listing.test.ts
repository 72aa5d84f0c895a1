/**
 * Lists of payments against a plain model, over a journal's file: pages hold every payment once, in order,
 * while payments come, are sent and settle between them.
 */
import { describe, expect, spyOn, test } from "bun:test";
import { integerFrom, pick, seededRandom } from "../../testing/random.ts";
import { problemOf } from "../../shared/problem.fixture.ts";
import { openToRead } from "../format.ts";
import type { PaymentRecord, RowRange } from "../journal-reader.ts";
import { accept, failed, NAMES, settle, temporaryDirectory } from "../journal/journal.fixture.ts";
import { SqliteReader } from "../journal/sqlite-reader.ts";
import { SqliteStore } from "../journal/store.ts";
import { allocateLedger, BLOCK_ROWS, LedgerWriter } from "../ledger.ts";
import type { PaymentState, Transition } from "../transitions.ts";
import { Listing, type Page } from "./listing.ts";
import { parsePageQuery } from "./page-query.ts";
import { foundAs, runHttp } from "./server.fixture.ts";

const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const REFERENCES = ["order 7", "=1+1 & Açaí"] as const;
const BEGIN_MS = Date.UTC(2025, 6, 1);

/** A journal without open payments and references. */
const NO_OTHERS = {
  pageOfOpen: async () => [],
  newestOpenMs: async () => null,
  pageOfReference: async () => [],
  newestOfReferenceMs: async () => null,
};

type Known = {
  readonly seq: number;
  readonly amountCents: number;
  readonly reference: string | null;
  state: PaymentState;
  processor: number | null;
  requestedAtMs: number | null;
};

/** A journal, its ledger in memory, and a model of both, that live on by chance. */
class World {
  readonly directory = temporaryDirectory();
  readonly random: () => number;
  readonly payments: Known[] = [];
  readonly ledger = new LedgerWriter(allocateLedger(4_096, NAMES.length, 64 * BLOCK_ROWS));
  readonly store: SqliteStore;
  readonly reader: SqliteReader;
  readonly listing: Listing;
  nowMs = BEGIN_MS;
  /** True leaves what was committed last out of the memory, as a moment between the two does. */
  lags = false;
  #rows = 0;
  #unpublished: (() => void)[] = [];

  constructor(seed: number) {
    this.random = seededRandom(seed);
    const path = this.directory.file();
    const recent = { least: 50, step: 10 };
    this.store = new SqliteStore(
      path,
      "off",
      NAMES,
      BEGIN_MS,
      undefined,
      undefined,
      undefined,
      recent,
    );
    this.reader = new SqliteReader(openToRead(path));
    this.listing = new Listing(this.ledger.memory, this.reader);
  }

  [Symbol.dispose]() {
    this.store.close();
    this.directory[Symbol.dispose]();
  }

  live(steps: number, releases: boolean): void {
    this.#publish();
    const done: Transition[] = [];
    for (let step = 0; step < steps; step++) {
      this.nowMs += integerFrom(this.random, 0, 1);
      const known = pick(this.random, [...this.payments.slice(-30), ...this.payments, null]);
      const transition = known === null ? this.#accept() : this.#move(known, releases);
      if (transition !== null) done.push(transition);
    }
    const results = this.store.apply(done);
    expect(results.find(({ kind }) => kind !== "done")).toBeUndefined();
    if (!this.lags) this.#publish();
  }

  #publish(): void {
    for (const append of this.#unpublished.splice(0)) append();
  }

  #assignment() {
    return { processor: integerFrom(this.random, 0, 1), requestedAtMs: this.nowMs };
  }

  #accept(): Transition {
    const assignment = this.random() < 0.6 ? this.#assignment() : null;
    const seq = this.payments.length + 1;
    const amountCents = integerFrom(this.random, 1, 99);
    const state = assignment === null ? "accepted" : "assigned";
    const { processor = null, requestedAtMs = null } = assignment ?? {};
    const reference = pick(this.random, [null, ...REFERENCES]);
    this.payments.push({ seq, amountCents, reference, state, processor, requestedAtMs });
    const carried = reference === null ? {} : { reference };
    return accept(seq, { amountCents, acceptedAtMs: this.nowMs, assignment, ...carried });
  }

  #move(known: Known, releases: boolean): Transition | null {
    const { seq, state, amountCents } = known;
    if (state === "accepted") {
      if (this.random() < 0.6) return this.#accept();
      const assignment = this.#assignment();
      Object.assign(known, assignment, { state: "assigned" });
      return { kind: "assign", seq, assignment };
    }
    if (state !== "assigned" && state !== "unknown") return this.#accept();
    const [processor, requestedAtMs] = [known.processor as number, known.requestedAtMs as number];
    const fate = this.random();
    if (fate < 0.05 && releases && state === "assigned") {
      Object.assign(known, { state: "accepted", processor: null, requestedAtMs: null });
      return failed("release", seq, processor);
    }
    if (fate < 0.15) {
      const isRejected = fate < 0.1 && state === "assigned";
      known.state = isRejected ? "rejected" : "conflict";
      return failed(isRejected ? "reject" : "conflict", seq, processor);
    }
    if (fate < 0.3) {
      known.state = "unknown";
      return failed("unknown", seq, processor);
    }
    known.state = "settled";
    this.#unpublished.push(() => this.ledger.append(requestedAtMs, amountCents, processor));
    return settle(seq, this.#rows++, {
      processor,
      requestedAtMs,
      amountCents,
      settledAtMs: this.nowMs,
    });
  }

  async page(query: string): Promise<Page> {
    const parsed = parsePageQuery(new URLSearchParams(query), NAMES);
    if (typeof parsed === "string") throw new Error(parsed);
    return this.listing.page(parsed);
  }

  /** Reads all pages, and lives on between them. */
  async pages(query: string, between = () => {}) {
    const payments: Page["payments"][number][] = [];
    for (let cursor = ""; ;) {
      const page = await this.page(`${query}${cursor}`);
      payments.push(...page.payments);
      if (page.next === null) return payments;
      cursor = `&cursor=${page.next}`;
      between();
    }
  }
}

/** Newest first, with those that wait before all others; within the newest instant, too, by acceptance. */
function inOrder(payments: readonly Known[]): number[] {
  const newest = Math.max(...payments.map(({ requestedAtMs }) => requestedAtMs ?? 0));
  const place = ({ requestedAtMs }: Known) =>
    requestedAtMs === null ? newest : Math.min(requestedAtMs, newest);
  return payments.toSorted((a, b) => place(b) - place(a) || b.seq - a.seq).map(({ seq }) => seq);
}

const seqs = (payments: Page["payments"]) => payments.map(({ seq }) => seq);

describe.each([1, 2, 3, 4, 5, 6])("a history of its own, %d", (seed) => {
  test("is listed whole and in order, in pages of any size, and by every filter", async () => {
    using world = new World(seed);
    world.live(4_000, true);
    const all = world.payments;
    const states = new Set(all.map(({ state }) => state));
    expect(states.size).toBe(6);
    const ordered = inOrder(all);
    for (const limit of [7, 100, 1_000]) {
      expect(seqs(await world.pages(`limit=${limit}`))).toEqual(ordered);
    }
    const known = new Map(all.map((one) => [one.seq, one]));
    const those = (has: (one: Known) => boolean) => ordered.filter((seq) => has(known.get(seq)!));
    for (const state of states) {
      const listed = await world.pages(`status=${state}&limit=40`);
      expect(seqs(listed)).toEqual(those((one) => one.state === state));
    }
    for (const reference of REFERENCES) {
      const mine = all.filter((one) => one.reference === reference);
      const mineInOrder = inOrder(mine);
      expect(mineInOrder.length).toBeGreaterThan(100);
      const query = `reference=${encodeURIComponent(reference)}`;
      for (const limit of [7, 1_000]) {
        expect(seqs(await world.pages(`${query}&limit=${limit}`))).toEqual(mineInOrder);
      }
      const settled = await world.pages(`${query}&status=settled&processor=${NAMES[1]}&limit=9`);
      const isOne = ({ state, processor }: Known) => state === "settled" && processor === 1;
      expect(seqs(settled)).toEqual(inOrder(mine.filter(isOne)));
    }
    const [fromMs, toMs] = [BEGIN_MS + 300, BEGIN_MS + 900];
    const iso = (ms: number) => new Date(ms).toISOString();
    for (const [processor, name] of NAMES.entries()) {
      const mine = await world.pages(`processor=${name}&limit=33`);
      expect(seqs(mine)).toEqual(those((one) => one.processor === processor));
      const query = `processor=${name}&from=${iso(fromMs)}&to=${iso(toMs)}&status=settled&limit=20`;
      const some = await world.pages(query);
      const isIn = (ms: number | null) => ms !== null && ms >= fromMs && ms <= toMs;
      const wanted = those(
        (one) => one.processor === processor && one.state === "settled" && isIn(one.requestedAtMs),
      );
      expect(wanted.length).toBeGreaterThan(20);
      expect(seqs(some)).toEqual(wanted);
    }
    for (const payment of await world.pages("limit=1000")) {
      const { state, processor, requestedAtMs, amountCents, reference } = known.get(payment.seq)!;
      const wanted = { state, processor, requestedAtMs, amountCents, reference };
      expect(payment).toMatchObject(wanted);
    }
  });

  test.each([false, true])(
    "holds each payment once though payments come, are sent and settle between pages, and memory lags: %p",
    async (lags) => {
      using world = new World(seed + 100);
      world.live(3_000, true);
      world.lags = lags;
      world.live(40, false);
      const before = world.payments.length;
      const waiting = world.payments.filter(({ state }) => state === "accepted").length;
      expect(waiting).toBeGreaterThan(50);
      const listed = seqs(await world.pages("limit=25", () => world.live(40, false)));
      expect(listed.length).toBe(new Set(listed).size);
      expect(listed.filter((seq) => seq <= before).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: before }, (_, i) => i + 1),
      );
      expect(world.payments.length).toBeGreaterThan(before + 100);
      expect(listed.every((seq) => seq <= before)).toBe(true);
      const mine = world.payments.filter(({ reference }) => reference === REFERENCES[0]);
      const query = `reference=${REFERENCES[0]}&limit=25`;
      const again = seqs(await world.pages(query, () => world.live(40, false)));
      expect(again.toSorted((a, b) => a - b)).toEqual(mine.map(({ seq }) => seq));
    },
  );
});

test("a first page reads the open payments once where it holds them all, and no more than they are asked for", async () => {
  using world = new World(2);
  world.live(600, false);
  const reads = [spyOn(world.reader, "pageOfOpen"), spyOn(world.reader, "newestOpenMs")];
  const readsOf = async (query: string) => {
    for (const read of reads) read.mockClear();
    await world.page(query);
    return reads.map(({ mock }) => mock.calls.length);
  };
  const open = world.payments.filter(({ state }) => state !== "settled").length;
  expect(open).toBeWithin(100, 900);
  expect(await readsOf("limit=1000")).toEqual([1, 0]);
  expect(await readsOf("limit=1000&processor=default")).toEqual([1, 0]);
  expect(await readsOf("limit=1000&status=settled")).toEqual([0, 0]);
  // The newest instant of more than a page is not among those that were accepted last.
  expect((await readsOf("limit=5"))[1]).toBe(1);
});

test.each([2, 10, 200, 50_000])(
  "a page of one payment in %d asks once, for little more than the blocks that hold it",
  async (nth) => {
    const [blocks, limit] = [300, 100];
    const ledger = new LedgerWriter(allocateLedger(4_096, NAMES.length, (blocks + 1) * BLOCK_ROWS));
    const known = Array.from({ length: blocks * BLOCK_ROWS }, (_, row) => {
      return { seq: row + 1, processor: row % nth === 0 ? 1 : 0, requestedAtMs: BEGIN_MS + row };
    });
    for (const { requestedAtMs, processor } of known) ledger.append(requestedAtMs, 1, processor);
    const asked: RowRange[] = [];
    let questions = 0;
    const listing = new Listing(ledger.memory, {
      ...NO_OTHERS,
      async pageOfSettled(rows, place, processor, most) {
        if (place.order !== "requested") throw new Error("asked for the front");
        questions++;
        asked.push(...rows);
        const found = rows.flatMap(({ fromRow, toRow }) => known.slice(fromRow, toRow));
        const isPlaced = (one: (typeof known)[number]) =>
          one.processor === processor && one.requestedAtMs <= place.beforeMs;
        return found.filter(isPlaced).reverse().slice(0, most) as unknown as PaymentRecord[];
      },
    });
    const lastRow = known.length - 300;
    const to = new Date(BEGIN_MS + lastRow).toISOString();
    const parsed = parsePageQuery(
      new URLSearchParams({ processor: NAMES[1]!, to, limit: `${limit}` }),
      NAMES,
    );
    if (typeof parsed === "string") throw new Error(parsed);
    const { payments } = await listing.page(parsed);
    const wanted = known.filter((one) => one.processor === 1 && one.seq <= lastRow + 1).reverse();
    expect(seqs(payments)).toEqual(wanted.slice(0, limit).map(({ seq }) => seq));
    expect(questions).toBe(1);
    const rowsRead = asked.reduce(
      (sum, { fromRow, toRow }) => sum + Math.max(0, Math.min(toRow, known.length) - fromRow),
      0,
    );
    expect(rowsRead).toBeLessThanOrEqual((limit + 1) * nth + 3 * BLOCK_ROWS);
  },
);

test("a list of nothing is one empty page", async () => {
  using world = new World(1);
  expect(await world.page("")).toEqual({ payments: [], next: null });
});

test("what a purge has forgotten is in no page", async () => {
  using world = new World(1);
  world.live(2_000, false);
  const open = world.payments.filter(({ state }) => state !== "settled");
  const before = await world.page("limit=5");
  world.store.apply([{ kind: "purge", baseRow: world.ledger.purge(), atMs: world.nowMs }]);
  expect(seqs(await world.pages("limit=50"))).toEqual(
    inOrder(world.payments).filter((seq) => open.some((one) => one.seq === seq)),
  );
  expect((await world.page(`limit=5&cursor=${before.next}`)).payments.length).toBe(5);
});

test.each([
  ["limit=0", "limit is a whole number from 1 to 1000."],
  ["limit=1000000", "limit is a whole number from 1 to 1000."],
  ["limit=", "limit is a whole number from 1 to 1000."],
  ["limit=1&limit=2", "limit is given more than once."],
  [
    "status=paid",
    "status is one of accepted, assigned, unknown, held, settled, rejected, conflict.",
  ],
  ["processor=nobody", "processor is one of default, fallback."],
  ["reference=", "reference is a text of 1 to 64 characters, none of them a control character."],
  ["reference=a%0Ab", expect.stringContaining("reference is a text of 1 to 64")],
  ["from=2025-01-02T00:00:00Z&to=2025-01-01T00:00:00Z", "from is later than to"],
  ["from=yesterday", expect.stringContaining("from is not an ISO 8601 instant")],
  ["cursor=", expect.stringContaining("cursor is the `next` of a page")],
  ["cursor=MS4yLjMuNA", expect.stringContaining("cursor is the `next` of a page")],
])("%s is refused", (query, sentence) => {
  expect(parsePageQuery(new URLSearchParams(query), NAMES)).toEqual(sentence);
});

test("a cursor is taken as it was given, with its own question only", async () => {
  using world = new World(3);
  world.live(500, false);
  const { next } = await world.page("limit=5&status=settled");
  const again = (query: string) => parsePageQuery(new URLSearchParams(query), NAMES);
  expect(typeof again(`limit=9&status=settled&cursor=${next}`)).toBe("object");
  const refused = [
    `cursor=${next}`,
    `status=accepted&cursor=${next}`,
    `status=settled&processor=default&cursor=${next}`,
    `status=settled&reference=a&cursor=${next}`,
    `status=settled&cursor=${next}A`,
    `status=settled&cursor=${next!.slice(1)}`,
    `status=settled&cursor=${next!.toLowerCase()}`,
  ];
  for (const query of refused) expect([query, typeof again(query)]).toEqual([query, "string"]);
});

test("a list of payments has each as its own status, and where the next page begins", async () => {
  const asked: unknown[] = [];
  const page = async (query: { limit: number }) => {
    asked.push(query.limit);
    return { payments: [foundAs(ID), { ...foundAs(ID), reason: "no" }], next: "there" };
  };
  await using http = runHttp({ listing: { page }, journal: { payment: async () => foundAs(ID) } });
  const one = (await (await http.call("GET", `/payments/${ID}`)).json()) as object;
  const listed = await (await http.call("GET", "/payments?limit=7&status=accepted")).json();
  expect(listed).toEqual({ payments: [one, { ...one, reason: "no" }], next: "there" });
  expect(asked).toEqual([7]);
  const wrong = await http.call("GET", "/payments?limit=0");
  expect([wrong.status, await problemOf(wrong)]).toEqual([
    400,
    "limit is a whole number from 1 to 1000.",
  ]);
});
