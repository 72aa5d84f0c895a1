/**
 * The contract of readers: every question of a JournalReader, over journals in a file and on PostgreSQL
 * with the same history, has the same answer. Then what only a database does: it says nothing, it is
 * asked by many, and it must not be written.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { NO_POSTGRES, startPostgres, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import { until } from "../../testing/until.ts";
import { JournalUnreachable, type JournalReader } from "../journal-reader.ts";
import { BLOCK_ROWS, PAYMENT_STATES, type Transition } from "../transitions.ts";
import {
  accept,
  assigned,
  AT_MS,
  NAMES,
  settle,
  temporaryDirectory,
  uuid,
} from "./journal.fixture.ts";
import { PostgresReader } from "./postgres/reader.ts";
import { openReader } from "./open-reader.ts";
import { Questions } from "./postgres/questions.ts";
import { freshDatabase, stopPostgres } from "./postgres/postgres.fixture.ts";
import { answersOf, copyToPostgres, history, PAYMENTS } from "./reader.fixture.ts";
import { SqliteStore } from "./store.ts";

/** Time for answers to a great many questions at once, on a machine that does much else. */
const PATIENT_MS = 120_000;

afterAll(stopPostgres);

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
  const database = new PostgresReader(new Questions(url, { answerMsMax: PATIENT_MS }));
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
      const references = file.payments.map((payment) => payment?.reference ?? null);
      expect(references).toContain(null);
      expect(references.filter((one) => one?.startsWith("Pedido nº ")).length).toBeGreaterThan(9);
      expect([...states].sort()).toEqual([...PAYMENT_STATES, undefined].sort());
      expect(file.stories.some((story) => (story?.attemptsLeftOut ?? 0) > 0)).toBe(true);
      expect(file.stories.some((story) => story?.interventions.length === 2)).toBe(true);
      expect(file.lists.filter((list) => list === null)).toHaveLength(16);
      expect(
        file.at.every(({ tried, requested }) => tried.length > 3 && requested.length > 3),
      ).toBe(true);
      expect(file.pages.open.filter((page) => page.length === 20).length).toBeGreaterThan(5);
      expect(file.pages.open.flat().some(({ reason }) => reason === "another body")).toBe(true);
      expect(file.pages.open.flat().some(({ code }) => code === "no_funds")).toBe(true);
      expect(file.pages.settled.every((page) => page.length > 5)).toBe(true);
      expect(file.pages.ofReference.filter((page) => page.length === 20).length).toBeGreaterThan(5);
      const shared = new Set(file.pages.ofReference.flat().map(({ state }) => state));
      expect(shared.size).toBeGreaterThan(4);
      expect(file.pages.newestOfReferenceMs).toEqual([expect.any(Number), null, null]);
      expect(file.everything.filter(({ reference }) => reference === "=shared")).not.toBeEmpty();
      expect(file.pages.newestMs).toBeGreaterThan(AT_MS + 140);
      expect(file.exported.length).toBeGreaterThan(20);
      expect(file.everything).toHaveLength(file.ledger[0]!.toRow);
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
    const reader = new PostgresReader(
      new Questions(journals.url, {
        answerMsMax: 1_000,
        connectionsMax: 2,
      }),
    );
    // On a busy machine it may take longer to connect.
    const isAnswered = async () => {
      const found = await reader.payment(uuid(1)).catch((error: unknown) => error);
      if (found instanceof JournalUnreachable) return false;
      expect(found).toMatchObject({ seq: 1 });
      return true;
    };
    await until("it answers", isAnswered);
    await using other = new Bun.SQL({ url: journals.url, max: 1 });
    await other.begin(async (sql) => {
      await sql.unsafe("LOCK TABLE payments IN ACCESS EXCLUSIVE MODE");
      const all = Array.from({ length: 8 }, () => reader.payment(uuid(1)));
      for (const one of await Promise.allSettled(all)) {
        expect((one as PromiseRejectedResult).reason).toBeInstanceOf(JournalUnreachable);
      }
    });
    await until("it answers again", isAnswered);
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
    const reader = new PostgresReader(
      new Questions(journals.url, {
        connectionsMax: 2,
        answerMsMax: PATIENT_MS,
      }),
    );
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
