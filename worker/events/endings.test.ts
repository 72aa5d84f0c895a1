/** The contract of what ended over both journals: what is read is what was committed, in its order. */
import { afterAll, describe, expect, test } from "bun:test";
import {
  accept,
  assigned,
  AT_MS,
  failed,
  openInline,
  settle,
  temporaryDirectory,
  uuid,
} from "../journal/journal.fixture.ts";
import { stopPostgres } from "../journal/postgres/postgres.fixture.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import { shareOf, type Tariff } from "../../shared/tariff.ts";
import { PLACES } from "./endings.fixture.ts";
import { cursorOf } from "../event-position.ts";
import {
  eventCursorOf,
  firstPlace,
  placeBehind,
  readEventCursor,
  whyNotHeld,
} from "../http/event-cursor.ts";
import { openEndings } from "./open-endings.ts";

afterAll(stopPostgres);

describe.each(PLACES)("what ended in a journal $name", ({ missing, make }) => {
  const given = test.skipIf(missing !== null);

  given(
    "what ended is read in its order, from any position, and attempts that ended nothing are not",
    async () => {
      await using place = await make();
      await using opened = await place.open();
      const source = openEndings(place.journal);
      const start = await source.end();
      expect(await source.after(start, 10)).toEqual([]);
      await opened.apply(
        ...[1, 2, 4, 6].map((seq) => assigned(seq)),
        ...[3, 5].map((seq) => assigned(seq, 0, { reference: `order ${seq}` })),
        accept(7),
      );
      await opened.apply(failed("unknown", 1), failed("reject", 2, 0, "402: no", "no_funds"));
      await opened.apply(failed("conflict", 1, 0, "another amount"), settle(3, 0));
      await opened.apply(failed("release", 4), settle(5, 1));
      const all = await source.after(start, 10);
      const told = all.map(({ ended: { correlationId, state, reason, code, reference } }) => [
        correlationId,
        state,
        reason ?? reference,
        code,
      ]);
      expect(told).toEqual([
        [uuid(2), "rejected", "402: no", "no_funds"],
        [uuid(1), "conflict", "another amount", null],
        [uuid(3), "settled", "order 3", null],
        [uuid(5), "settled", "order 5", null],
      ]);
      expect(all[2]!.ended).toMatchObject({
        amountCents: 1_990,
        processor: 0,
        requestedAtMs: AT_MS + 103,
        endedAtMs: AT_MS + 203,
      });
      for (const [i, { cursor }] of all.entries()) {
        expect(await source.after(cursor, 10)).toEqual(all.slice(i + 1));
        expect(await source.withinReach(cursor)).toBe(cursor);
      }
      for (let limit = 1; limit < 4; limit++) {
        expect(await source.after(start, limit)).toEqual(all.slice(0, limit));
      }
      const end = await source.end();
      expect(await source.after(end, 10)).toEqual([]);
      const since = await source.since(AT_MS + 204);
      expect((await source.after(since, 10)).map(({ ended }) => ended.correlationId)).toEqual([
        uuid(5),
      ]);
      expect(await source.after(await source.since(0), 10)).toEqual(all);
      await source.close();
    },
  );

  given(
    "a position behind all rows, as after a purge that numbers them anew, is brought into reach",
    async () => {
      await using place = await make();
      await using opened = await place.open();
      const source = openEndings(place.journal);
      await opened.apply(assigned(1));
      await opened.apply(settle(1, 0));
      const far = cursorOf({ attempt: 0, row: 1_000_000 });
      const all = await source.after(await source.withinReach(far), 10);
      expect(all.map(({ ended }) => ended.correlationId)).toEqual([uuid(1)]);
      await source.close();
    },
  );
});

test.skipIf(WHY_NO_POSTGRES !== null)(
  `what ended in several streams is read once, and goes on from each cursor${NO_POSTGRES}`,
  async () => {
    await using place = await PLACES[1]!.make();
    await using opened = await place.open();
    const seqs = [1, 2, 3, 4, 5, 6, 7, 8];
    await opened.apply(...seqs.map((seq) => assigned(seq)));
    await opened.apply(...[1, 2, 3, 4, 5].map((seq, row) => settle(seq, row)));
    await opened.apply(failed("reject", 6), failed("conflict", 7), failed("reject", 8));
    const endings = openEndings(place.journal);
    const early = firstPlace(await endings.begin());
    await using sql = new Bun.SQL({ url: place.journal, max: 1 });
    // Others have committed some of it.
    const others = [
      ["ledger", 5, 2, "row = 0"],
      ["ledger", 5, 4, "row = 1"],
      ["ledger", 0, 3, "row = 1"],
      ["ledger", 0, 5, "row = 2"],
      ["attempts", 5, 7, ""],
      ["attempts", 9, 8, ""],
    ] as const;
    for (const [table, stream, seq, at] of others) {
      const set = table === "ledger" ? `stream = ${stream}, ${at}` : `stream = ${stream}`;
      await sql.unsafe(`UPDATE ${table} SET ${set} WHERE id = '${uuid(seq)}'`);
    }
    await sql.unsafe(
      "UPDATE streams SET rows = CASE stream WHEN 0 THEN 3 WHEN 5 THEN 2 ELSE 0 END",
    );
    let all: string[] | null = null;
    for (let limit = 9; limit > 0; limit--) {
      let at = early;
      const read: string[] = [];
      for (;;) {
        const some = await endings.after(at.position, limit);
        for (const one of some) {
          at = placeBehind(at, one);
          read.push(one.ended.correlationId);
          expect(at.position).toBe(one.cursor);
          expect(whyNotHeld(at, await endings.marks(at.position))).toBeNull();
        }
        if (some.length === 0) break;
        at = readEventCursor(eventCursorOf(at))!;
      }
      all ??= read;
      expect(read).toEqual(all);
    }
    expect(all!.toSorted()).toEqual(seqs.map(uuid).sort());
    expect(all!.slice(0, 3)).toEqual([6, 7, 8].map(uuid));
    expect(all!.slice(3)).toEqual([1, 2, 3, 4, 5].map(uuid));
    expect(await endings.after(await endings.end(), 9)).toEqual([]);
    expect(await endings.after(await endings.since(0), 9)).toHaveLength(8);
    const since = await endings.after(await endings.since(AT_MS + 204), 9);
    const settled = since.filter(({ ended }) => ended.state === "settled");
    expect(settled.map(({ ended }) => ended.correlationId)).toEqual([4, 5].map(uuid));
    const end = await endings.end();
    expect(await endings.withinReach(end)).toBe(end);
    await endings.close();
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `tariffs that another worker began are told before a payment that was charged under them${NO_POSTGRES}`,
  async () => {
    await using place = await PLACES[1]!.make();
    await using opened = await place.open();
    const tariffs = (terms: Tariff) =>
      opened.journal.tariffs([0, 1].map((processor) => ({ processor, terms })));
    await tariffs(shareOf(0.05));
    const told: number[] = [];
    const endings = openEndings(place.journal, (all) => told.push(all.length));
    const begin = await endings.begin();
    expect([await endings.after(begin, 9), told]).toEqual([[], []]);
    await opened.apply(assigned(1), assigned(2));
    await opened.apply(settle(1, 0));
    expect([await endings.after(begin, 9), told]).toMatchObject([{ length: 1 }, [2]]);
    await tariffs(shareOf(0.06));
    await opened.apply(settle(2, 1));
    expect([await endings.after(begin, 9), told]).toMatchObject([{ length: 2 }, [2, 4]]);
    await endings.after(begin, 9);
    expect(told).toEqual([2, 4]);
    await endings.close();
  },
);

test("an end behind many attempts that ended nothing is found by the first question, wherever others stand", async () => {
  using folder = temporaryDirectory();
  const path = folder.file("payments.db");
  await using opened = openInline(path);
  await opened.apply(assigned(1), assigned(2), assigned(3));
  const dull = () =>
    opened.db.run(
      `INSERT INTO attempts WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
       SELECT 3, ${AT_MS}, 0, 'unknown', 'test' FROM n`,
    );
  dull();
  await opened.apply(failed("reject", 1));
  const endings = openEndings(path);
  const idsBehind = async (cursor: string) =>
    (await endings.after(cursor, 10)).map(({ ended }) => ended.correlationId);
  const begin = await endings.begin();
  expect(await idsBehind(begin)).toEqual([uuid(1)]);
  const { cursor } = (await endings.after(begin, 10))[0]!;
  dull();
  expect(await idsBehind(cursor)).toEqual([]);
  expect(await idsBehind(begin)).toEqual([uuid(1)]);
  await opened.apply(failed("reject", 2));
  expect(await idsBehind(cursor)).toEqual([uuid(2)]);
  expect(await idsBehind(begin)).toEqual([uuid(1)]);
  await endings.close();
});
