/** Tests of what only a journal across a network has to stand: lost answers, a fence, a lease. */
import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ATTEMPTS_KEPT } from "../../../shared/attempts.ts";
import { systemClock } from "../../../shared/clock.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { TcpRelay } from "../../../testing/tcp-relay.ts";
import { SHARDS } from "../../../shared/shards.ts";
import { until } from "../../../testing/until.ts";
import type { Journal } from "../driver.ts";
import {
  BLOCK_ROWS,
  type Intervention,
  type Transition,
  type TransitionResult,
} from "../../transitions.ts";
import { openPostgresJournal } from "../postgres.ts";
import { accept, assign, assigned, failed, openInline, settle, uuid } from "../journal.fixture.ts";
import { encode } from "./batch.ts";
import { callOf } from "./functions.ts";
import { STREAM } from "./ledger.ts";
import { migratePostgres, POSTGRES_MIGRATIONS } from "./migrations.ts";
import { Connection } from "./connection.ts";
import {
  ask,
  freshDatabase,
  openAt,
  settingsAt,
  stopPostgres,
  through,
} from "./postgres.fixture.ts";

const DONE = { kind: "done" } as const;
const DUPLICATE = { kind: "duplicate" } as const;
const NO_MAP = -1;

afterAll(stopPostgres);

const intervention: Intervention = {
  atMs: 1,
  who: "ana",
  action: "held",
  why: "because",
  evidence: null,
};

describe.skipIf(WHY_NO_POSTGRES !== null)(`a journal on PostgreSQL${NO_POSTGRES}`, () => {
  describe("whose answers are lost", () => {
    test("asks for the same batch again, and tells the truth about each payment once", async () => {
      const url = await freshDatabase();
      await using relay = await TcpRelay.start(Number(new URL(url).port));
      await using opened = await openAt(through(url, relay));
      const { journal } = opened;
      expect(await opened.apply(accept(1))).toEqual([DONE]);
      // A data row is in what answers a commit, and in no answer to a connection that begins.
      relay.isAnswer = (bytes) => bytes.includes("done") || bytes.includes("repeat");
      relay.answersToLose = 2;
      const results = await opened.apply(
        accept(2),
        accept(3, { correlationId: uuid(1) }),
        accept(4, { amountCents: 7 }),
      );
      expect(relay.answersLost).toBe(2);
      expect(results).toEqual([DONE, DUPLICATE, DONE]);
      expect(journal.trouble).toBeNull();
      expect(journal.stats).toMatchObject({ failures: 1 });
      const rows = await ask(url, "SELECT seq::int FROM payments ORDER BY seq");
      expect(rows.map(({ seq }) => seq)).toEqual([1, 2, 4]);
      const streams = await ask(url, "SELECT batch::int FROM streams WHERE stream = 0");
      expect(streams).toEqual([{ batch: 2 }]);
    });

    test("turns those away who come meanwhile, and loses nothing that has happened", async () => {
      const url = await freshDatabase();
      await using relay = await TcpRelay.start(Number(new URL(url).port));
      await using opened = await openAt(through(url, relay));
      const { journal } = opened;
      await opened.apply(assigned(1), assigned(2));
      relay.still = true;
      const inDoubt = opened.apply(accept(3), settle(1, 0));
      await until("the commit is under way", () => journal.queued > 0);
      await Bun.sleep(0);
      const late = opened.apply(accept(4), settle(2, 1));
      await until("the commit is in doubt", () => journal.trouble !== null);
      expect(journal.trouble).toContain("not answered");
      relay.still = false;
      expect(await inDoubt).toEqual([DONE, DONE]);
      expect(await late).toEqual([null, DONE]);
      expect((await journal.rows(0, 10)).processor).toHaveLength(2);
      expect((await journal.open()).map(({ seq }) => seq)).toEqual([3]);
    });
  });

  test("acknowledges nothing without its standby, and leaves few sessions behind", async () => {
    const url = await freshDatabase();
    const standbys = async (names: string) => {
      await ask(url, `ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
      await ask(url, "SELECT pg_reload_conf()");
      await until("it is so", async () => {
        const [now] = await ask(url, "SHOW synchronous_standby_names");
        return now?.["synchronous_standby_names"] === names;
      });
    };
    const sessions = async () => {
      const [row] = await ask(
        url,
        `SELECT count(*)::int AS n, count(*) FILTER (WHERE wait_event = 'SyncRep')::int AS waiting
         FROM pg_stat_activity WHERE application_name = 'papa-leguas'`,
      );
      return row as { n: number; waiting: number };
    };
    await using opened = await openAt(url);
    await opened.apply(accept(1));
    await standbys("nobody");
    const answers: unknown[] = [];
    const answered = opened
      .apply(accept(2), accept(3, { correlationId: uuid(1) }))
      .then((results) => {
        answers.push(...results);
      });
    try {
      await until("a commit waits for it", async () => (await sessions()).waiting > 0);
      await until("it is in doubt", () => opened.journal.trouble !== null);
      await until("it was asked for again", () =>
        (opened.journal.trouble ?? "").includes("lock timeout"),
      );
      expect((await sessions()).n).toBeLessThanOrEqual(6);
      expect(answers).toEqual([]);
    } finally {
      await standbys("");
    }
    await answered;
    expect(answers).toEqual([DONE, DUPLICATE]);
  });

  describe("has a fence", () => {
    async function raw(worker: number, batch: number, ...transitions: Transition[]) {
      const { values } = encode(transitions, uuid);
      return [STREAM, worker, batch, NO_MAP, ...values];
    }

    test("that knows a batch again, and tells of one that is missing", async () => {
      const url = await freshDatabase();
      await (await openAt(url))[Symbol.asyncDispose]();
      const [start] = await ask(url, "SELECT worker::float8 AS me FROM workers");
      const { me } = start as { me: number };
      await ask(url, `UPDATE streams SET worker = ${me}, batch = 0 WHERE stream = 0`);
      await ask(url, `UPDATE shards SET worker = ${me}`);
      const connection = new Connection(url);
      const commit = async (worker: number, batch: number, ...transitions: Transition[]) => {
        const [reply] = await connection.ask<{ what: string; answer: unknown }>(
          callOf("commit"),
          await raw(worker, batch, ...transitions),
        );
        return reply;
      };
      expect(await commit(me, 1, accept(1))).toEqual({ what: "done", answer: [] });
      expect(await commit(me, 1, accept(1))).toEqual({ what: "repeat", answer: [] });
      const again = accept(2, { correlationId: uuid(1) });
      const answer = [[0, 1, "duplicate"]];
      expect(await commit(me, 2, again)).toEqual({ what: "done", answer });
      expect(await commit(me, 2, again)).toEqual({ what: "repeat", answer });
      expect(await commit(me, 4, accept(3))).toMatchObject({ what: "gap" });
      expect(await commit(me + 1, 3, accept(3))).toMatchObject({ what: "sealed" });
      expect(await ask(url, "SELECT count(*)::int AS n FROM payments")).toEqual([{ n: 1 }]);
      connection.drop();
    });

    test("that ends a worker which wakes up after another has taken over", async () => {
      const url = await freshDatabase();
      await using relay = await TcpRelay.start(Number(new URL(url).port));
      const endings: string[] = [];
      const asleep = await openAt(through(url, relay), {
        fatal: (reason) => endings.push(reason),
      });
      await asleep.apply(assigned(1), accept(2));
      relay.still = true;
      await using next = await openAt(url);
      expect(next.journal.holding.count).toBe(0);
      await until("it has all shards", () => next.journal.holding.count === SHARDS);
      expect(next.journal.head.nextSeq).toBe(3);
      expect((await next.journal.open()).map(({ state }) => state)).toEqual([
        "assigned",
        "accepted",
      ]);
      expect(await next.apply(accept(3))).toEqual([DONE]);
      relay.still = false;
      const answers: unknown[] = [];
      asleep.journal.append(accept(3, { correlationId: uuid(9) }), (result) =>
        answers.push(result),
      );
      await until("it has ended", () => endings.length > 0);
      expect(endings).toHaveLength(1);
      expect(endings[0]).toContain("another worker has taken over");
      expect(endings[0]).not.toContain("\n");
      await asleep[Symbol.asyncDispose]();
      expect(answers.filter((answer) => answer !== null)).toEqual([]);
      expect(await next.apply(accept(4, { correlationId: uuid(9) }))).toEqual([DONE]);
    });

    test("that ends a worker whose batches the database has lost", async () => {
      const url = await freshDatabase();
      const endings: string[] = [];
      await using opened = await openAt(url, { fatal: (reason) => endings.push(reason) });
      await opened.apply(accept(1));
      await opened.apply(accept(2));
      await ask(url, "UPDATE streams SET batch = 0 WHERE stream = 0");
      opened.journal.append(accept(3), () => {});
      await until("it has ended", () => endings.length > 0);
      expect(endings[0]).toContain("does not have the batches");
    });
  });

  test("is left to the next at once when it is closed", async () => {
    const url = await freshDatabase();
    const said: string[] = [];
    for (let round = 0; round < 2; round++) {
      await using opened = await openAt(url, { say: (sentence) => said.push(sentence) });
      await opened.apply(accept(opened.journal.head.nextSeq));
    }
    expect(said.filter((sentence) => sentence.includes("waits"))).toEqual([]);
    const workers = await ask(url, "SELECT ended_why, sealed_by FROM workers ORDER BY worker");
    expect(workers).toEqual([
      { ended_why: "drained", sealed_by: null },
      { ended_why: "drained", sealed_by: null },
    ]);
  });

  test("keeps the first and the last attempts, and how many there were in between", async () => {
    const url = await freshDatabase();
    await using opened = await openAt(url);
    await opened.apply(assigned(1), assigned(2));
    const reasons = Array.from({ length: 11 }, (_, n) => `try ${n}`);
    for (const reason of reasons) await opened.apply(failed("unknown", 1, 0, reason));
    await opened.apply(failed("unknown", 2, 0, "nul \0 in it"));
    const kept = await ask(url, `SELECT reason FROM attempts WHERE id = '${uuid(1)}' ORDER BY nth`);
    const { first, last } = ATTEMPTS_KEPT;
    expect(kept.map(({ reason }) => reason)).toEqual([
      ...reasons.slice(0, first),
      ...reasons.slice(-last),
    ]);
    const left = await ask(url, "SELECT count::int FROM attempts_left_out");
    expect(left).toEqual([{ count: reasons.length - first - last }]);
    const other = await ask(url, `SELECT reason FROM attempts WHERE id = '${uuid(2)}'`);
    expect(other).toEqual([{ reason: "nul  in it" }]);
  });

  test("keeps what operators decide, with the payment or the processor that it is about", async () => {
    const url = await freshDatabase();
    {
      await using opened = await openAt(url);
      await opened.journal.addresses([{ name: "default", url: "http://one" }]);
      await opened.apply(accept(1), assigned(2), assigned(3));
      await opened.apply(failed("unknown", 2));
      const results = await opened.apply(
        { kind: "hold", seq: 1, intervention },
        { kind: "resume", seq: 3, intervention: { ...intervention, action: "refused" } },
        {
          kind: "absent",
          seq: 2,
          processor: 0,
          intervention: { ...intervention, action: "absent" },
        },
        settle(3, 0, { intervention: { ...intervention, action: "settled" } }),
        { kind: "ask", seq: 3, intervention: { ...intervention, action: "asked" } },
        {
          kind: "mode",
          processor: 1,
          mode: "drained",
          intervention: { ...intervention, action: "drained" },
        },
        {
          kind: "address",
          processor: 1,
          url: "http://two",
          intervention: { ...intervention, action: "moved" },
        },
      );
      expect(results.map((result) => result?.kind)).toEqual([
        "done",
        "moved",
        "done",
        "done",
        "done",
        "done",
        "done",
      ]);
    }
    const said = await ask(
      url,
      "SELECT id::text, processor, action, who FROM interventions ORDER BY nth",
    );
    const row = (action: string, id: string | null, processor: number | null) => {
      return { id, processor, action, who: "ana" };
    };
    expect(said).toEqual([
      row("held", uuid(1), null),
      row("absent", uuid(2), null),
      row("settled", uuid(3), null),
      row("asked", uuid(3), null),
      row("drained", null, 1),
      row("moved", null, 1),
    ]);
    await using again = await openAt(url);
    expect(again.journal.head.modes).toEqual(["auto", "drained"]);
    const known = await again.journal.addresses([
      { name: "default", url: "http://one" },
      { name: "fallback", url: "http://three" },
    ]);
    expect(known.configured.map(({ kind }) => kind)).toEqual(["same", "followed"]);
  });

  test("is cautious after its database was put back, until it is trusted", async () => {
    const url = await freshDatabase();
    await (await openAt(url))[Symbol.asyncDispose]();
    await ask(url, "UPDATE meta SET restored_at_ms = 5");
    {
      await using opened = await openAt(url);
      expect(opened.journal.head.restoredAtMs).toBe(5);
      await opened.apply(accept(1), {
        kind: "find",
        seq: 1,
        assignment: { processor: 1, requestedAtMs: 3 },
      });
      expect((await opened.journal.open())[0]?.assignment).toEqual({
        processor: 1,
        requestedAtMs: 3,
      });
      await opened.apply({ kind: "trust", intervention });
    }
    await using again = await openAt(url);
    expect(again.journal.head.restoredAtMs).toBeNull();
  });

  test("deletes in pieces what a purge leaves behind", async () => {
    const url = await freshDatabase();
    const seqs = Array.from({ length: BLOCK_ROWS + 10 }, (_, n) => n + 1);
    {
      await using opened = await openAt(url);
      await opened.apply(...seqs.map((seq) => assigned(seq)));
      await opened.apply(...seqs.map((seq) => settle(seq, seq - 1)));
      await opened.apply({ kind: "purge", baseRow: 2 * BLOCK_ROWS, atMs: 7 });
    }
    await using opened = await openAt(url);
    expect(opened.journal.head).toMatchObject({
      baseRow: 2 * BLOCK_ROWS,
      nextRow: 2 * BLOCK_ROWS,
    });
    const left =
      "SELECT (SELECT count(*) FROM ledger)::int + (SELECT count(*) FROM blocks)::int AS n";
    await until("nothing is left", async () => (await ask(url, left))[0]?.["n"] === 0);
    expect(await ask(url, "SELECT purged_at_ms::int FROM meta")).toEqual([{ purged_at_ms: 7 }]);
  });

  describe("is refused with one line when", () => {
    const reasonOf = (url: string, single = true) =>
      openPostgresJournal(settingsAt(url, { single }), systemClock).then(
        () => "nothing was wrong",
        ({ message }: Error) => message,
      );

    test("it has no synchronous standby", async () => {
      expect(await reasonOf(await freshDatabase(), false)).toMatch(
        /^journal postgres:\S+: its fsync is off[^\n]+CLUSTER_ALLOW_SINGLE=true/,
      );
    });

    test("its schema is a later one", async () => {
      const url = await freshDatabase();
      await (await openAt(url))[Symbol.asyncDispose]();
      await ask(url, "UPDATE meta SET schema = 99");
      expect(await reasonOf(url)).toMatch(/^journal \S+: it is of schema 99[^\n]+up to \d+[^\n]+$/);
    });

    test("it is somebody else's", async () => {
      const url = await freshDatabase();
      await ask(url, "CREATE TABLE payments (price real)");
      expect(await reasonOf(url)).toContain("they are no journal's");
      expect(
        await ask(url, "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'"),
      ).toEqual([{ n: 1 }]);
    });

    test("there is no such database, and its password is not said", async () => {
      const { port } = new URL(await freshDatabase());
      const reason = await reasonOf(`postgres://leguas:geheim@127.0.0.1:${port}/nowhere`);
      expect(reason).toBe(
        `journal postgres://leguas@127.0.0.1:${port}/nowhere: database "nowhere" does not exist`,
      );
    });
  });

  test("is upgraded one migration after the other, all in one transaction", async () => {
    const connection = new Connection(await freshDatabase());
    const more = (sql: string) => [...POSTGRES_MIGRATIONS, { name: "more", what: "more", sql }];
    expect(await migratePostgres(connection)).toEqual(POSTGRES_MIGRATIONS.map(({ name }) => name));
    expect(await migratePostgres(connection)).toEqual([]);
    const broken = more("CREATE TABLE more (n int); CREATE TABLE more (n int)");
    await expect(migratePostgres(connection, broken)).rejects.toThrow("already exists");
    expect(await migratePostgres(connection, more("CREATE TABLE more (n int)"))).toEqual(["more"]);
    await expect(migratePostgres(connection)).rejects.toThrow(`schema ${more("").length},`);
    connection.drop();
  });

  test("holds the same as a file does, whatever happens to payments in whatever order", async () => {
    const kinds = ["assign", "release", "unknown", "reject", "conflict", "settle"] as const;
    const step = fc.record({
      kind: fc.constantFrom("accept", "assigned", ...kinds),
      n: fc.integer({ min: 1, max: 6 }),
      processor: fc.integer({ min: 0, max: 1 }),
      amountCents: fc.integer({ min: 1, max: 2 }),
    });
    const turns = fc.array(fc.array(step, { maxLength: 12 }), { maxLength: 5 });
    const url = await freshDatabase();
    let base = 0;
    await fc.assert(
      fc.asyncProperty(turns, async (drawn) => {
        await using ours = await openAt(url);
        await using file = openInline(":memory:");
        base += 1_000;
        const { nextRow } = ours.journal.head;
        let [row, fileRow, repetitions] = [nextRow, 0, 100];
        const known = new Set<number>();
        const transitionOf = ({
          kind,
          n,
          processor,
          amountCents,
        }: (typeof drawn)[0][0]): Transition => {
          const seq = base + n;
          if (kind === "assign") return assign(seq, processor);
          if (kind === "settle") return settle(seq, fileRow++, { processor, amountCents });
          if (kind !== "accept" && kind !== "assigned") return failed(kind, seq, processor);
          const own = known.has(n) ? base + repetitions++ : seq;
          known.add(n);
          const one = kind === "accept" ? accept(own) : assigned(own, processor);
          return { ...one, correlationId: uuid(seq), amountCents };
        };
        for (const turn of drawn.filter(({ length }) => length > 0)) {
          const transitions = turn.map(transitionOf);
          // The file says which settlements there are to be, and in which order; those get the rows.
          const rows = new Map<Transition, number>();
          const results: (TransitionResult | null)[] = [];
          for (const transition of transitions) {
            file.journal.append(transition, (result) => {
              results.push(result);
              if (transition.kind === "settle" && result?.kind === "done")
                rows.set(transition, row++);
            });
          }
          void file.apply();
          const numbered = transitions.map((transition) =>
            transition.kind === "settle"
              ? settle(transition.seq, rows.get(transition) ?? 0, {
                  processor: transition.processor,
                  amountCents: transition.amountCents,
                })
              : transition,
          );
          expect(await ours.apply(...numbered)).toEqual(results);
        }
        const open = await ours.journal.open();
        expect(open.filter(({ seq }) => seq > base)).toEqual(await file.journal.open());
        const cents = async (journal: Journal, from: number) =>
          [...(await journal.rows(from, from + 1_000)).amountCents].sort();
        expect(await cents(ours.journal, nextRow)).toEqual(await cents(file.journal, 0));
      }),
      { numRuns: 20 },
    );
  });
});
