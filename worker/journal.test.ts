/** The contract of the journal: one suite, every driver. A journal in memory cannot be reopened. */
import { afterAll, describe, expect, test } from "bun:test";
import { shareOf } from "../shared/tariff.ts";
import {
  accept,
  assign,
  assigned,
  AT_MS,
  DRIVERS,
  failed,
  LASTING_DRIVERS,
  openFresh,
  settle,
  temporaryDirectory,
  uuid,
} from "./journal/journal.fixture.ts";
import { POSTGRES_DRIVER, stopPostgres } from "./journal/postgres/postgres.fixture.ts";
import {
  BLOCK_ROWS,
  CLAIMED,
  type PaymentState,
  type Settled,
  type Transition,
} from "./transitions.ts";

const DONE = { kind: "done" } as const;
const DUPLICATE = { kind: "duplicate" } as const;
const CONFLICT = { kind: "conflict" } as const;
const moved = (state: PaymentState | null) => ({ kind: "moved", state }) as const;

afterAll(stopPostgres);

for (const driver of [...DRIVERS, POSTGRES_DRIVER]) {
  describe.skipIf(driver.missing !== null)(`a journal ${driver.name}`, () => {
    const fresh = () => openFresh(driver);

    test("begins a tariff behind every payment that was sent, and none where nothing has changed", async () => {
      await using opened = await fresh();
      const priced = (...shares: number[]) =>
        opened.journal.tariffs(
          shares.map((share, processor) => ({ processor, terms: shareOf(share) })),
        );
      const first = [
        { number: 1, processor: 0, fromMs: 0, terms: shareOf(0.05) },
        { number: 2, processor: 1, fromMs: 0, terms: shareOf(0.15) },
      ];
      expect(await priced(0.05, 0.15)).toEqual(first);
      await opened.apply(assigned(1), assigned(2));
      await opened.apply(settle(2, 0));
      expect(await priced(0.05, 0.15)).toEqual(first);
      const third = { number: 3, processor: 1, fromMs: AT_MS + 103, terms: shareOf(0.08) };
      expect(await priced(0.05, 0.08)).toEqual([...first, third]);
    });

    describe("accepts", () => {
      test("an id once, within a commit and across commits", async () => {
        await using opened = await fresh();
        expect(
          await opened.apply(
            accept(1),
            accept(2, { correlationId: uuid(1) }),
            accept(3, { correlationId: uuid(1), amountCents: 1991 }),
            accept(4),
          ),
        ).toEqual([DONE, DUPLICATE, CONFLICT, DONE]);
        expect(
          await opened.apply(
            accept(5, { correlationId: uuid(1) }),
            accept(6, { correlationId: uuid(4), amountCents: 1 }),
          ),
        ).toEqual([DUPLICATE, CONFLICT]);
        expect(opened.journal.stats).toMatchObject({ failures: 0, transitions: 6 });
      });

      test("an id once, whatever became of its payment", async () => {
        await using opened = await fresh();
        await opened.apply(assigned(1), assigned(2), assigned(3), assigned(4), assigned(5));
        await opened.apply(
          settle(1, 0),
          failed("reject", 2),
          failed("conflict", 3),
          failed("unknown", 4),
          failed("release", 5),
          { kind: "purge", baseRow: 1024, atMs: 0 },
        );
        const again = [1, 2, 3, 4, 5].map((n) => accept(10 + n, { correlationId: uuid(n) }));
        expect(await opened.apply(...again)).toEqual(again.map(() => DUPLICATE));
      });

      test("and assigns in one", async () => {
        await using opened = await fresh();
        expect(await opened.apply(assigned(1, 1))).toEqual([DONE]);
        expect(await opened.apply(settle(1, 0, { processor: 1 }))).toEqual([DONE]);
      });

      test("amounts that need more than 32 bits, and every form of id", async () => {
        await using opened = await fresh();
        const amountCents = Number.MAX_SAFE_INTEGER;
        const ids = [
          "00000000-0000-0000-0000-000000000000",
          "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ];
        await opened.apply(
          ...ids.map((correlationId, n) => accept(n + 1, { correlationId, amountCents })),
        );
        const open = await opened.journal.open();
        expect(open.map((row) => [row.correlationId, row.amountCents])).toEqual(
          ids.map((id) => [id, amountCents]),
        );
      });
    });

    describe("moves a payment", () => {
      test("to a processor only when it belongs to none", async () => {
        await using opened = await fresh();
        await opened.apply(accept(1), assigned(2), assigned(3), assigned(4));
        await opened.apply(failed("unknown", 3), settle(4, 0));
        expect(
          await opened.apply(assign(1), assign(2, 1), assign(3, 1), assign(4, 1), assign(9)),
        ).toEqual([DONE, moved("assigned"), moved("unknown"), moved("settled"), moved(null)]);
        expect(await opened.apply(assign(1, 1))).toEqual([moved("assigned")]);
      });

      test("away from its processor only when it is assigned there, never when unknown", async () => {
        await using opened = await fresh();
        await opened.apply(accept(1), assigned(2), assigned(3), assigned(4), assigned(5));
        await opened.apply(failed("unknown", 3), settle(4, 0));
        expect(
          await opened.apply(
            failed("release", 1),
            failed("release", 2, 1),
            failed("release", 3),
            failed("release", 4),
            failed("release", 5),
            failed("release", 9),
          ),
        ).toEqual([
          moved("accepted"),
          moved("assigned"),
          moved("unknown"),
          moved("settled"),
          DONE,
          moved(null),
        ]);
        expect(await opened.apply(assign(5, 1), failed("release", 5, 0))).toEqual([
          DONE,
          moved("assigned"),
        ]);
      });

      test("to unknown any number of times, at its processor only", async () => {
        await using opened = await fresh();
        await opened.apply(accept(1), assigned(2));
        expect(
          await opened.apply(
            failed("unknown", 1),
            failed("unknown", 2, 1),
            failed("unknown", 2),
            failed("unknown", 2),
          ),
        ).toEqual([moved("accepted"), moved("assigned"), DONE, DONE]);
      });

      test("to settled once, from assigned or unknown, at its processor only", async () => {
        await using opened = await fresh();
        await opened.apply(accept(1), assigned(2), assigned(3));
        expect(
          await opened.apply(
            failed("unknown", 3),
            settle(1, 0),
            settle(2, 0, { processor: 1 }),
            settle(2, 0),
            settle(2, 1),
            settle(3, 1),
            failed("conflict", 3),
            failed("unknown", 3),
          ),
        ).toEqual([
          DONE,
          moved("accepted"),
          moved("assigned"),
          DONE,
          moved("settled"),
          DONE,
          moved("settled"),
          moved("settled"),
        ]);
        const { requestedAtMs } = await opened.journal.rows(0, 10);
        expect([...requestedAtMs]).toEqual([AT_MS + 102, AT_MS + 103]);
      });

      test("to rejected only when nothing is unknown, and to conflict from both", async () => {
        await using opened = await fresh();
        await opened.apply(accept(1), assigned(2), assigned(3), assigned(4));
        await opened.apply(failed("unknown", 3), failed("unknown", 4));
        expect(
          await opened.apply(
            failed("reject", 1),
            failed("reject", 2, 1),
            failed("reject", 2),
            failed("reject", 3),
            failed("conflict", 3),
            failed("conflict", 1),
            failed("conflict", 4, 1),
          ),
        ).toEqual([
          moved("accepted"),
          moved("assigned"),
          DONE,
          moved("unknown"),
          DONE,
          moved("accepted"),
          moved("unknown"),
        ]);
        // Both wait for an operator; nothing moves them by itself.
        expect(
          await opened.apply(assign(2), settle(2, 0), settle(3, 0), failed("release", 3)),
        ).toEqual([moved("rejected"), moved("rejected"), moved("conflict"), moved("conflict")]);
      });
    });

    test("answers in order, and one commit takes all that a turn appends", async () => {
      await using opened = await fresh();
      const { journal } = opened;
      const order: number[] = [];
      const commits: number[] = [];
      journal.onCommit = (durationMs) => commits.push(durationMs);
      const results: (string | undefined)[] = [];
      for (let seq = 1; seq <= 500; seq++) {
        journal.append(accept(seq), (result) => {
          order.push(seq);
          results.push(result?.kind);
        });
      }
      expect([journal.queued, order.length]).toEqual([500, 0]);
      await opened.apply(accept(501));
      expect(order).toEqual(Array.from({ length: 500 }, (__, n) => n + 1));
      expect(new Set(results)).toEqual(new Set(["done"]));
      expect([commits.length, journal.stats.commits, journal.stats.transitions]).toEqual([
        1, 1, 501,
      ]);
      expect(commits[0]).toBeGreaterThan(0);
      expect([journal.queued, journal.trouble]).toEqual([0, null]);
    });

    test("lists what is open, oldest first, with the body that it was assigned with", async () => {
      await using opened = await fresh();
      const all = [1, 2, 3, 4, 5, 6].map((seq) => (seq === 1 ? accept(1) : assigned(seq, seq % 2)));
      await opened.apply(...all);
      await opened.apply(
        failed("unknown", 3, 1),
        settle(4, 0),
        failed("reject", 5, 1),
        failed("release", 6),
      );
      const row = (seq: number, state: string, processor: number | null) => ({
        seq,
        correlationId: uuid(seq),
        amountCents: 1990,
        state,
        acceptedAtMs: AT_MS + seq,
        assignment: processor === null ? null : { processor, requestedAtMs: AT_MS + 100 + seq },
        isClaimed: false,
      });
      expect(await opened.journal.open()).toEqual([
        row(1, "accepted", null),
        row(2, "assigned", 0),
        row(3, "unknown", 1),
        row(5, "rejected", 1),
        row(6, "accepted", null),
      ] as never);
    });

    test("tells of which its processor said last that it has some attempt", async () => {
      await using opened = await fresh();
      await opened.apply(...[1, 2, 3, 4].map((seq) => assigned(seq, seq % 2)));
      await opened.apply(
        failed("unknown", 1, 1, CLAIMED),
        failed("unknown", 2, 0, CLAIMED),
        failed("unknown", 2, 0),
        failed("unknown", 3, 1),
        failed("unknown", 3, 1, CLAIMED),
      );
      const open = await opened.journal.open();
      expect(open.map(({ isClaimed }) => isClaimed)).toEqual([true, false, true, false]);
    });

    test("tells what a processor has settled by its own word, newest first, also after a purge", async () => {
      await using opened = await fresh();
      const ns = [1, 2, 3, 4, 5, 6, 7];
      await opened.apply(...ns.map((n) => assigned(n)), accept(8));
      const byHand = { atMs: AT_MS, who: "ana", action: "settle", why: "", evidence: "a mail" };
      await opened.apply(
        ...ns.slice(0, 5).map((n, row) => settle(n, row)),
        { ...settle(6, 5), intervention: byHand },
        { kind: "purge", baseRow: 1_024, atMs: AT_MS },
      );
      const [earlyMs, lateMs] = [settle(3, 0).settledAtMs, settle(9, 0).settledAtMs];
      const ALL = Number.MAX_SAFE_INTEGER;
      const idsOf = async (of: number, seq: number, ms: number, among = ALL) =>
        (await opened.journal.settled(of, seq, ms, among)).map(
          ({ correlationId }) => correlationId,
        );
      const processor = settle(1, 0).processor;
      expect(await idsOf(processor, 9, lateMs)).toEqual([5, 4, 3].map(uuid));
      expect(await idsOf(processor, 3, lateMs)).toEqual([2, 1].map(uuid));
      expect(await idsOf(processor, 9, earlyMs)).toEqual([2, 1].map(uuid));
      expect(await idsOf(processor, 9, lateMs, 5)).toEqual([5, 4].map(uuid));
      expect(await idsOf(1 - processor, 9, lateMs)).toEqual([]);
      const [{ amountCents }] = (await opened.journal.settled(processor, 2, lateMs, ALL)) as [
        Settled,
      ];
      expect(amountCents).toBe(settle(1, 0).amountCents);
    });

    test("gives back the ledger's rows", async () => {
      await using opened = await fresh();
      const seqs = Array.from({ length: 300 }, (__, n) => n + 1);
      await opened.apply(...seqs.map((seq) => assigned(seq, seq % 2)));
      await opened.apply(
        ...seqs.map((seq) => settle(seq, seq - 1, { processor: seq % 2, amountCents: seq * 100 })),
      );
      const rows = await opened.journal.rows(10, 13);
      expect([...rows.requestedAtMs]).toEqual([AT_MS + 111, AT_MS + 112, AT_MS + 113]);
      expect([...rows.amountCents]).toEqual([1100, 1200, 1300]);
      expect([...rows.processor]).toEqual([1, 0, 1]);
      expect((await opened.journal.rows(299, 999)).processor).toHaveLength(1);
      expect((await opened.journal.rows(300, 999)).processor).toHaveLength(0);
    });

    test("gives back what full blocks of rows sum to", async () => {
      await using opened = await fresh();
      const seqs = Array.from({ length: 2 * BLOCK_ROWS + 1 }, (__, n) => n + 1);
      await opened.apply(...seqs.map((seq) => assigned(seq, 1)));
      const processor = 1;
      await opened.apply(...seqs.map((seq) => settle(seq, seq - 1, { processor, amountCents: 3 })));
      const totals = (firstSeq: number) => ({
        minMs: AT_MS + 100 + firstSeq,
        maxMs: AT_MS + 99 + firstSeq + BLOCK_ROWS,
        counts: [0, BLOCK_ROWS],
        cents: [0, 3 * BLOCK_ROWS],
      });
      const both = [totals(1), totals(1 + BLOCK_ROWS)];
      expect(await opened.journal.blocks(0, 2 * BLOCK_ROWS)).toEqual(both);
      expect(await opened.journal.blocks(BLOCK_ROWS, 2 * BLOCK_ROWS)).toEqual(both.slice(1));
      expect(await opened.journal.blocks(BLOCK_ROWS, BLOCK_ROWS)).toEqual([]);
    });

    test("forgets with a purge the ledger's rows and nothing else", async () => {
      await using opened = await fresh();
      await opened.apply(assigned(1), assigned(2), assigned(3), accept(4));
      expect(
        await opened.apply(
          settle(1, 0),
          failed("unknown", 2),
          { kind: "purge", baseRow: 1024, atMs: 0 },
          settle(3, 1024),
        ),
      ).toEqual([DONE, DONE, DONE, DONE]);
      expect((await opened.journal.rows(0, 1024)).processor).toHaveLength(0);
      expect((await opened.journal.rows(1024, 2048)).processor).toHaveLength(1);
      expect((await opened.journal.open()).map(({ seq }) => seq)).toEqual([2, 4]);
      expect(await opened.apply(settle(2, 1025), settle(1, 1026))).toEqual([
        DONE,
        moved("settled"),
      ]);
    });

    test("commits what waits when it is closed", async () => {
      await using opened = await fresh();
      const results: unknown[] = [];
      for (let seq = 1; seq <= 3_000; seq++) {
        opened.journal.append(accept(seq), (result) => results.push(result));
      }
      await opened[Symbol.asyncDispose]();
      expect(results).toHaveLength(3_000);
      expect(results.every((result) => Bun.deepEquals(result, DONE))).toBe(true);
    });
  });
}

for (const driver of [...LASTING_DRIVERS, POSTGRES_DRIVER]) {
  describe.skipIf(driver.missing !== null)(`a journal ${driver.name} that is opened again`, () => {
    test("knows every id for ever", async () => {
      using directory = temporaryDirectory();
      {
        await using first = await driver.open(directory.file());
        await first.apply(assigned(1), accept(2), assigned(3));
        await first.apply(settle(1, 0), failed("reject", 3));
      }
      await using second = await driver.open(directory.file());
      const { nextSeq } = second.journal.head;
      expect(
        await second.apply(
          accept(nextSeq, { correlationId: uuid(1) }),
          accept(nextSeq + 1, { correlationId: uuid(2), amountCents: 5 }),
          accept(nextSeq + 2, { correlationId: uuid(3) }),
          accept(nextSeq + 3),
        ),
      ).toEqual([DUPLICATE, CONFLICT, DUPLICATE, DONE]);
    });

    test("goes on behind what it holds, in a later epoch", async () => {
      using directory = temporaryDirectory();
      const heads = [];
      for (let round = 0; round < 3; round++) {
        await using opened = await driver.open(directory.file());
        const { head } = opened.journal;
        heads.push(head);
        await opened.apply(assigned(head.nextSeq), accept(head.nextSeq + 1));
        await opened.apply(settle(head.nextSeq, head.nextRow));
      }
      expect(heads.map(({ nextSeq, baseRow, nextRow }) => [nextSeq, baseRow, nextRow])).toEqual([
        [1, 0, 0],
        [3, 0, 1],
        [5, 0, 2],
      ]);
      const [first = 0, second = 0, third = 0] = heads.map(({ epoch }) => epoch);
      expect(second).toBeGreaterThan(first);
      expect(third).toBeGreaterThan(second);
      // A journal that is begun anew after it was deleted has a later epoch, too.
      expect(first).toBeGreaterThanOrEqual(Math.floor(AT_MS / 1_000));
    });

    test("begins the numbers of rows anew once they are far and nothing is left of them", async () => {
      using directory = temporaryDirectory();
      const far = 2 ** 31;
      const after = async (...transitions: Transition[]) => {
        {
          await using opened = await driver.open(directory.file());
          await opened.apply(...transitions);
        }
        await using again = await driver.open(directory.file());
        return [again.journal.head.baseRow, again.journal.head.nextRow];
      };
      const purge = { kind: "purge", baseRow: far, atMs: 0 } as const;
      expect(await after(assigned(1), purge, settle(1, far))).toEqual([far, far + 1]);
      expect(await after(assigned(2), purge)).toEqual([0, 0]);
      expect(await after(settle(2, 0))).toEqual([0, 1]);
    });

    test("begins the ledger where the last purge left it", async () => {
      using directory = temporaryDirectory();
      {
        await using first = await driver.open(directory.file());
        await first.apply(assigned(1), assigned(2));
        await first.apply(settle(1, 0), { kind: "purge", baseRow: 1024, atMs: 0 });
      }
      {
        await using second = await driver.open(directory.file());
        expect(second.journal.head).toMatchObject({ baseRow: 1024, nextRow: 1024, nextSeq: 3 });
        await second.apply(settle(2, 1024));
      }
      await using third = await driver.open(directory.file());
      expect(third.journal.head).toMatchObject({ baseRow: 1024, nextRow: 1025 });
      expect((await third.journal.open()).length).toBe(0);
    });

    test("keeps the processors' numbers, in whatever order they are configured", async () => {
      using directory = temporaryDirectory();
      const names = async (...configured: string[]) => {
        await using opened = await driver.open(directory.file(), configured);
        return opened.journal.head.processors;
      };
      expect(await names("default", "fallback")).toEqual(["default", "fallback"]);
      expect(await names("fallback", "default")).toEqual(["default", "fallback"]);
      expect(await names("fallback")).toEqual(["default", "fallback"]);
      expect(await names("third", "fallback")).toEqual(["default", "fallback", "third"]);
      expect(await names("default")).toEqual(["default", "fallback", "third"]);
    });

    test("has what was open as it was", async () => {
      using directory = temporaryDirectory();
      const before = [];
      {
        await using first = await driver.open(directory.file());
        await first.apply(accept(1), assigned(2, 1), assigned(3));
        await first.apply(failed("unknown", 3));
        before.push(...(await first.journal.open()));
      }
      await using second = await driver.open(directory.file());
      expect(before).toHaveLength(3);
      expect(await second.journal.open()).toEqual(before);
      expect(await second.apply(failed("release", 3), settle(3, 0))).toEqual([
        moved("unknown"),
        DONE,
      ]);
    });
  });
}
