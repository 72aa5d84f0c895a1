/**
 * The contract of readers: every question of a JournalReader, over journals in a file and on PostgreSQL
 * with the same history, has the same answer. Then what only a database does: it says nothing, it is
 * asked by many, and it must not be written.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { NO_POSTGRES, startPostgres, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import { seededRandom } from "../../testing/random.ts";
import { JournalUnreachable, type JournalReader, type PagePlace } from "../journal-reader.ts";
import { BLOCK_ROWS, PAYMENT_STATES, type Transition } from "../transitions.ts";
import {
  accept,
  assigned,
  AT_MS,
  failed,
  NAMES,
  settle,
  temporaryDirectory,
  uuid,
} from "./journal.fixture.ts";
import { PostgresReader } from "./postgres/reader.ts";
import { openReader } from "./open-reader.ts";
import { STREAM } from "./postgres/ledger.ts";
import { freshDatabase, stopPostgres } from "./postgres/postgres.fixture.ts";
import { copyToPostgres } from "./reader.fixture.ts";
import { SqliteStore } from "./store.ts";

const PAYMENTS = 700;
/** Time for answers to a great many questions at once, on a machine that does much else. */
const PATIENT_MS = 120_000;
const EVER = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const said = (atMs: number, action: string) => {
  return {
    atMs,
    action,
    who: "ana",
    why: `of ${atMs}`,
    evidence: atMs % 2 === 0 ? "a mail" : null,
  };
};

afterAll(stopPostgres);

/** Payments in every state, with some and with very many attempts, amounts that repeat, and decisions. */
function history(seed: number): Transition[] {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const all: Transition[] = [];
  let row = 0;
  for (let seq = 1; seq <= PAYMENTS; seq++) {
    const amountCents = 1 + below(9);
    const processor = below(2);
    const requestedAtMs = AT_MS + 100 + below(50);
    if (below(9) === 0) {
      all.push(accept(seq, { amountCents }));
      if (below(2) === 0) all.push({ kind: "hold", seq, intervention: said(AT_MS + seq, "hold") });
      continue;
    }
    const assignment = { processor, requestedAtMs };
    all.push(accept(seq, { amountCents, assignment }));
    const attempts = below(4) === 0 ? below(12) : 0;
    for (let n = 0; n < attempts; n++) {
      const attempt = { atMs: requestedAtMs + below(40), processor, outcome: "unknown" } as const;
      all.push({ kind: "unknown", seq, attempt: { ...attempt, reason: `${n}` } });
    }
    const fate = attempts > 0 ? 3 + below(9) : below(12);
    if (fate === 0) all.push(failed("reject", seq, processor));
    else if (fate === 1) all.push(failed("release", seq, processor));
    else if (fate === 3) all.push(failed("conflict", seq, processor, "another body"));
    else if (fate === 4) {
      for (const action of ["ask", "hold"] as const) {
        all.push({ kind: action, seq, intervention: said(AT_MS + seq, action) });
      }
    } else if (fate > 5) {
      const at = { requestedAtMs, amountCents, settledAtMs: requestedAtMs + 60 };
      all.push(settle(seq, row++, { processor, ...at }));
    }
  }
  const mode = { kind: "mode", processor: 1, mode: "drained" } as const;
  all.push({ ...mode, intervention: said(AT_MS, "drain") });
  all.push({ ...mode, mode: "auto", intervention: said(AT_MS + 1, "auto") });
  return all;
}

const bySeq = (a: { readonly seq: number }, b: { readonly seq: number }) => a.seq - b.seq;

const STATES_LISTED = [null, "unknown", "accepted", "rejected"] as const;

/** Pages of both orders, from the beginning and from the middle, of everything and of some. */
async function pagesOf(reader: JournalReader) {
  const half = PAYMENTS / 2;
  const [fromMs, toMs] = [AT_MS + 110, AT_MS + 140];
  const front = { order: "accepted", ...EVER, waiting: true, beforeSeq: PAYMENTS + 1 } as const;
  const rest = { order: "requested", fromMs: 0, beforeMs: toMs, beforeSeq: half } as const;
  const places: PagePlace[] = [
    front,
    { ...front, fromMs, toMs, waiting: false, beforeSeq: half },
    { ...front, fromMs, beforeSeq: half },
    rest,
    { ...rest, fromMs, beforeSeq: 0 },
  ];
  const rows = [
    { fromRow: 10, toRow: 60 },
    { fromRow: 100, toRow: Number.MAX_SAFE_INTEGER },
  ];
  const filters = [null, 0, 1].flatMap((processor) =>
    STATES_LISTED.map((state) => ({ state, processor })),
  );
  return {
    open: await Promise.all(
      places.flatMap((place) => filters.map((filter) => reader.pageOfOpen(place, filter, 20))),
    ),
    settled: await Promise.all(
      places.flatMap((place) =>
        [null, 0, 1].map((processor) => reader.pageOfSettled(rows, place, processor, 20)),
      ),
    ),
    newestMs: await reader.newestOpenMs(),
  };
}

/** Every answer. */
async function answersOf(reader: JournalReader) {
  const ids = Array.from({ length: PAYMENTS + 1 }, (_, n) => uuid(n + 1));
  const orders = ["age", "amount"] as const;
  const lists = orders.flatMap((order) =>
    [null, ...PAYMENT_STATES].flatMap((state) =>
      [null, uuid(1), uuid(350), uuid(PAYMENTS + 1)].map((after) =>
        reader.list({ state, order, limit: 30, after }),
      ),
    ),
  );
  const bounds = [AT_MS + 600, AT_MS + 400, AT_MS + 200] as const;
  const instants = [AT_MS + 120, AT_MS + 103, AT_MS + 140];
  const some = { fromMs: AT_MS + 110, toMs: AT_MS + 130 };
  const of = async (processor: number) => ({
    last: await reader.lastIntervention(processor),
    settled: await reader.settledIn(processor, { fromRow: 0, toRow: 2 * BLOCK_ROWS }, some, 1_000),
    few: await reader.settledIn(processor, { fromRow: 10, toRow: 500 }, EVER, 7),
    open: (await reader.openAt(processor, EVER, 1_000)).sort(bySeq),
    openThen: (await reader.openAt(processor, some, 1_000)).sort(bySeq),
    openFew: (await reader.openAt(processor, EVER, 3)).length,
    requested: (await reader.requestedAt(instants, processor, 1_000)).sort(bySeq),
    requestedFew: (await reader.requestedAt(instants, processor, 2)).length,
    tried: [...(await reader.attemptsAfter(processor, instants, 12))].sort(),
  });
  return {
    payments: await Promise.all(ids.map((id) => reader.payment(id))),
    stories: await Promise.all(ids.map((id) => reader.story(id))),
    lists: await Promise.all(lists),
    pages: await pagesOf(reader),
    ages: await reader.ages(bounds, 20_000),
    oldest: await reader.ages(bounds, 17),
    open: await reader.openByProcessor(),
    rows: await Promise.all([
      reader.rows(0, BLOCK_ROWS),
      reader.rows(BLOCK_ROWS, 2 * BLOCK_ROWS),
      reader.rows(10_000, 10_256),
    ]),
    at: [await of(0), await of(1)],
    exported: await reader.exported({ fromRow: 10, toRow: 400 }, some),
    everything: await reader.exported(await reader.ledger(), EVER),
    ledger: await reader.ledger(),
    charging: await reader.charging(),
    prunedBeforeMs: await reader.prunedBeforeMs(),
    addresses: await Promise.all(
      ["default", "fallback", "nobody"].map((name) => reader.address(name)),
    ),
    forgotten: await reader.forgottenUpToMs(),
    restored: await reader.restoredAtMs(),
  };
}

/** A history in a file and on PostgreSQL. */
async function both(
  transitions: readonly Transition[],
  change: (store: SqliteStore) => void = () => {},
) {
  const directory = temporaryDirectory();
  const path = directory.file();
  const store = new SqliteStore(path, "off", NAMES, AT_MS);
  store.apply(transitions);
  change(store);
  const url = await freshDatabase();
  await copyToPostgres(path, url);
  const file = openReader(path);
  const database = new PostgresReader(url, STREAM, { answerMsMax: PATIENT_MS });
  return {
    file,
    database,
    url,
    async [Symbol.asyncDispose]() {
      await database.close();
      await file.close();
      store.close();
      directory[Symbol.dispose]();
    },
  };
}

describe.skipIf(WHY_NO_POSTGRES !== null)(
  `readers of a file and of a database${NO_POSTGRES}`,
  () => {
    test.each([1, 2, 3])("answer every question in the same way, with history %d", async (seed) => {
      await using journals = await both(history(seed), (store) => {
        store.addresses(NAMES.map((name) => ({ name, url: `http://${name}` })));
      });
      const [file, database] = [await answersOf(journals.file), await answersOf(journals.database)];
      expect(database).toEqual(file);
      // The answers are not empty in the same way.
      const states = new Set(file.payments.map((payment) => payment?.state));
      expect([...states].sort()).toEqual([...PAYMENT_STATES, undefined].sort());
      expect(file.stories.some((story) => (story?.attemptsLeftOut ?? 0) > 0)).toBe(true);
      expect(file.stories.some((story) => story?.interventions.length === 2)).toBe(true);
      expect(file.lists.filter((list) => list === null)).toHaveLength(16);
      expect(
        file.at.every(({ tried, requested }) => tried.length > 3 && requested.length > 3),
      ).toBe(true);
      expect(file.pages.open.filter((page) => page.length === 20).length).toBeGreaterThan(5);
      expect(file.pages.open.flat().some(({ reason }) => reason === "another body")).toBe(true);
      expect(file.pages.settled.every((page) => page.length > 5)).toBe(true);
      expect(file.pages.newestMs).toBeGreaterThan(AT_MS + 140);
      expect(file.exported.length).toBeGreaterThan(20);
      expect(file.everything).toHaveLength(file.ledger.toRow);
      expect(file.charging).toEqual({ names: NAMES, tariffs: [] });
      expect(file.ages.length).toBeGreaterThan(6);
      expect(file.rows.map(({ processor }) => processor.length)).toEqual([
        BLOCK_ROWS,
        expect.any(Number),
        0,
      ]);
      expect(file.addresses).toEqual(["http://default", "http://fallback", null]);
    });

    test("answer in the same way after a purge, whose rows may still be there", async () => {
      await using journals = await both(history(4), (store) => {
        store.apply([{ kind: "purge", baseRow: 3 * BLOCK_ROWS, atMs: AT_MS + 7 }]);
        const late = assigned(PAYMENTS + 1);
        store.apply([late, settle(PAYMENTS + 1, 3 * BLOCK_ROWS)]);
      });
      const asked = async (reader: JournalReader) => ({
        ...(await answersOf(reader)),
        kept: await reader.rows(2 * BLOCK_ROWS, 4 * BLOCK_ROWS),
      });
      const file = await asked(journals.file);
      expect(await asked(journals.database)).toEqual(file);
      expect(file.forgotten).toBe(AT_MS + 7);
      expect(file.kept.processor).toHaveLength(1);
    });

    test("take the largest amounts and instants to the unit", async () => {
      const amountCents = Number.MAX_SAFE_INTEGER;
      const requestedAtMs = 8.64e15;
      const at = { amountCents, requestedAtMs, settledAtMs: requestedAtMs };
      const assignment = { processor: 0, requestedAtMs };
      await using journals = await both([accept(1, { amountCents, assignment }), settle(1, 0, at)]);
      for (const reader of [journals.file, journals.database]) {
        expect(await reader.payment(uuid(1))).toMatchObject(at);
        const rows = await reader.rows(0, 1);
        expect([...rows.amountCents, ...rows.requestedAtMs]).toEqual([amountCents, requestedAtMs]);
      }
    });
  },
);

describe.skipIf(WHY_NO_POSTGRES !== null)(`a reader of a database${NO_POSTGRES}`, () => {
  test("that answers nothing is told so in time, and goes on when it answers", async () => {
    await using journals = await both([accept(1)]);
    const reader = new PostgresReader(journals.url, STREAM, {
      answerMsMax: 300,
      connectionsMax: 2,
    });
    expect(await reader.payment(uuid(1))).not.toBeNull();
    await using other = new Bun.SQL({ url: journals.url, max: 1 });
    await other.begin(async (sql) => {
      await sql.unsafe("LOCK TABLE payments IN ACCESS EXCLUSIVE MODE");
      const all = Array.from({ length: 8 }, () => reader.payment(uuid(1)));
      for (const one of await Promise.allSettled(all)) {
        expect((one as PromiseRejectedResult).reason).toBeInstanceOf(JournalUnreachable);
      }
    });
    expect(await reader.payment(uuid(1))).toMatchObject({ seq: 1 });
    await reader.close();
    await expect(reader.payment(uuid(1))).rejects.toBeInstanceOf(JournalUnreachable);
  });

  test("whose server is gone is told so, and a question that is wrong is not taken for that", async () => {
    await using first = await startPostgres({ fsync: false });
    const url = await first.database();
    const reader = openReader(url);
    await expect(reader.payment(uuid(1))).rejects.toThrow("payments");
    first.child.signal("SIGQUIT");
    await first.child.ended;
    for (let n = 0; n < 6; n++) {
      await expect(reader.payment(uuid(1))).rejects.toThrow("does not answer");
    }
    await reader.close();
  });

  test("answers many at once over few connections, each with its own", async () => {
    await using journals = await both(history(5));
    const reader = new PostgresReader(journals.url, STREAM, {
      connectionsMax: 2,
      answerMsMax: PATIENT_MS,
    });
    const asked = Array.from({ length: 200 }, (_, n) => uuid(n + 1));
    const found = await Promise.all(asked.map((id) => reader.payment(id)));
    expect(found.map((payment) => payment?.correlationId)).toEqual(asked);
    await using other = new Bun.SQL({ url: journals.url, max: 1 });
    const [row] = await other`SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE application_name = 'papa-leguas-reader' AND datname = current_database()`;
    expect(row.n).toBe(2);
    await reader.close();
  });
});
