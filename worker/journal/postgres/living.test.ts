/** Workers that start beside others, with the same processors and with others. */
import { afterAll, expect, test } from "bun:test";
import { systemClock } from "../../../shared/clock.ts";
import { shareOf, type Tariff } from "../../../shared/tariff.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { until } from "../../../testing/until.ts";
import { LEDGER_ROWS_MAX, ROWS_FOR_OTHERS } from "../../limits.ts";
import { NAMES } from "../journal.fixture.ts";
import { inspect, openPostgresJournal } from "../postgres.ts";
import type { KnownTariff } from "../../tariffs.ts";
import type { Transition } from "../../transitions.ts";
import type { SharedNews, SharedReading } from "../driver.ts";
import { Connection } from "./connection.ts";
import type { PostgresJournal } from "./journal.ts";
import { keptOf } from "./living.ts";
import { migratePostgres } from "./migrations.ts";
import { ask, freshDatabase, settingsAt, stopPostgres, type Given } from "./postgres.fixture.ts";

afterAll(stopPostgres);

const [OLD, NEW] = [shareOf(0.05), shareOf(0.06)];

type Worker = AsyncDisposable & {
  readonly journal: PostgresJournal;
  readonly warnings: readonly string[];
};

/** Starts a worker as far as its tariffs. */
async function started(url: string, { fee = OLD, ...given }: Given): Promise<Worker> {
  const warnings: string[] = [];
  const warn = (warning: string) => warnings.push(warning);
  const { journal } = await openPostgresJournal(settingsAt(url, { fee, ...given }), systemClock, {
    warn,
  });
  await journal.tariffs(journal.head.processors.map((_, processor) => ({ processor, terms: fee })));
  return { journal, warnings, [Symbol.asyncDispose]: () => journal.close() };
}

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a worker with other processors is refused while another lives, and leaves nothing behind${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using first = await started(url, { name: "w1" });
    const other = { name: "w2", processors: [...NAMES, "third"] };
    await expect(started(url, other)).rejects.toThrow(
      /: worker w1, which is active, has no processor third, and this one \(w2\) has: [^\n]+$/,
    );
    expect(await ask(url, "SELECT name FROM processors ORDER BY number")).toEqual(
      NAMES.map((name) => ({ name })),
    );
    expect(await ask(url, "SELECT count(*)::int AS n FROM workers")).toEqual([{ n: 1 }]);
    const refusal = expect.stringContaining("worker w1, which is active, has no processor third");
    expect(await inspect(settingsAt(url, other), systemClock)).toMatchObject({ refusal });
    await first.journal.close();
    expect(await inspect(settingsAt(url, other), systemClock)).toMatchObject({ refusal: null });
    await using _ = await started(url, other);
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a worker with other processors waits for the lease of one that was killed${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    const connection = new Connection(url);
    await migratePostgres(connection);
    await connection.ask(
      `WITH killed AS (INSERT INTO workers (name, link, http, processors, alive_until)
         VALUES ('w1', 'l', 'h', $1::jsonb, clock_timestamp() + interval '1 s') RETURNING worker)
       UPDATE streams SET worker = killed.worker FROM killed WHERE stream = 0`,
      [keptOf(settingsAt(url).PROCESSORS)],
    );
    connection.drop();
    await using second = await started(url, { name: "w2", processors: NAMES.slice(0, 1) });
    expect(second.journal.head.processors).toEqual(NAMES.slice(0, 1));
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a fee changes while workers live: they are told, and none takes it back${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using first = await started(url, { name: "w1" });
    let heard: readonly KnownTariff[] = [];
    first.journal.shared.onTariffs = (tariffs) => (heard = tariffs);
    await using second = await started(url, { name: "w2", fee: NEW });
    expect(second.warnings).toEqual(
      NAMES.map((name) =>
        expect.stringMatching(
          new RegExp(`: worker w1 has 5 % for ${name}, and this one \\(w2\\) 6 %: it chooses by`),
        ),
      ),
    );
    await until("the first one knows", () => heard.length === 2 * NAMES.length);
    expect(heard.map(({ terms }) => terms)).toEqual([OLD, OLD, NEW, NEW]);
    expect(await inspect(settingsAt(url, { name: "w1" }), systemClock)).toMatchObject({
      refusal: expect.stringContaining("with which worker w2 was started"),
    });
    await first.journal.close();
    await expect(started(url, { name: "w1" })).rejects.toThrow(
      /: this worker \(w1\) has 5 % for default, which was replaced by 6 %, with which worker w2 was started: [^\n]+$/,
    );
    await using again = await started(url, { name: "w1", fee: NEW });
    expect(again.warnings).toEqual([]);
    expect(await ask(url, "SELECT count(*)::int AS n FROM tariffs")).toEqual([
      { n: 2 * NAMES.length },
    ]);
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `of two that start at the same moment, the one with the fee before does not take the change back${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await (await started(url, {}))[Symbol.asyncDispose]();
    const opened = async (name: string, fee: Tariff) =>
      (await openPostgresJournal(settingsAt(url, { name, fee }), systemClock)).journal;
    const [first, second] = [await opened("w1", NEW), await opened("w2", OLD)];
    await first.tariffs([0, 1].map((processor) => ({ processor, terms: NEW })));
    const taken = second.tariffs([0, 1].map((processor) => ({ processor, terms: OLD })));
    await expect(taken).rejects.toThrow("with which worker w1 was started");
    const holders = "SELECT name FROM workers w JOIN streams t ON t.worker = w.worker";
    expect(await ask(url, holders)).toEqual([{ name: "w1" }]);
    const tariffs = "SELECT count(*)::int AS n FROM tariffs";
    expect(await ask(url, tariffs)).toEqual([{ n: 2 * NAMES.length }]);
    await first.close();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `what an operator decides at one worker is news at another, and each knows who has what${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await (await started(url, {}))[Symbol.asyncDispose]();
    await ask(url, "UPDATE meta SET restored_at_ms = 1");
    await using first = await started(url, { name: "w1" });
    await using second = await started(url, { name: "w2" });
    let news: SharedNews | null = null;
    second.journal.onNews = (now) => (news = now);
    await until("a renewal tells", () => news !== null);
    const before = { modes: ["auto", "auto"], urls: [null, null], isTrusted: false };
    expect(news).toMatchObject(before);
    const intervention = { atMs: 0, who: "ana", action: "trust", why: "ticket 7", evidence: null };
    const decisions: Transition[] = [
      { kind: "mode", processor: 1, mode: "drained", intervention },
      { kind: "address", processor: 0, url: "http://one/", intervention },
      { kind: "trust", intervention },
    ];
    await Promise.all(
      decisions.map((decision) => new Promise((done) => first.journal.append(decision, done))),
    );
    const after = { modes: ["auto", "drained"], urls: ["http://one/", null], isTrusted: true };
    await until("all of it is told", () => news?.isTrusted === true);
    expect(news).toMatchObject(after);
    const reading = { processor: 1, failing: true, minResponseTimeMs: 12.4 };
    const heard: SharedReading[] = [];
    let renewals = 0;
    second.journal.onNews = ({ health }) => void (heard.push(...health), renewals++);
    first.journal.tellHealth(reading);
    await until("it is told", () => heard.length > 0);
    const heardAt = renewals;
    await until("renewals go on", () => renewals > heardAt + 1);
    expect(heard).toEqual([{ ...reading, minResponseTimeMs: 12 }]);
    const { shared } = second.journal;
    expect([shared.leads, shared.leader]).toMatchObject([false, { name: "w1" }]);
    expect(shared.ownerOf(0)).toMatchObject({ name: "w1", http: "http://127.0.0.1:2" });
    const mine = first.journal.shared;
    expect([mine.leads, mine.leader, mine.ownerOf(0)]).toEqual([true, null, null]);
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a look at a database takes a worker of one's own name for the one that is to be replaced${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using _ = await started(url, { name: "w1" });
    const same = { name: "w1", processors: [...NAMES, "third"] };
    const { refusal, warnings } = await inspect(settingsAt(url, same), systemClock);
    expect(refusal).toBeNull();
    expect(warnings.at(-1)).toMatch(/^worker w1, which is active, .* has to end before this one/);
    await expect(started(url, same)).rejects.toThrow("worker w1, which is active");
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `rows of the ledger are counted over all workers, without those that were purged${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using first = await started(url, { name: "w1" });
    await using second = await started(url, { name: "w2" });
    const { shared } = first.journal;
    const free = LEDGER_ROWS_MAX - ROWS_FOR_OTHERS;
    expect(shared.rowsLeft).toBe(free);
    const of = second.journal.head.stream!;
    await ask(url, `UPDATE streams SET rows = ${free} - 10, base = 100 WHERE stream = ${of}`);
    await until("a renewal tells", () => shared.rowsLeft === 110);
    await ask(url, `UPDATE streams SET rows = ${LEDGER_ROWS_MAX}, base = 0 WHERE stream = ${of}`);
    await until("there is no room", () => shared.rowsLeft === 0);
  },
);
