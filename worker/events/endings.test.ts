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
import { PLACES } from "./endings.fixture.ts";
import { cursorOf } from "../event-position.ts";
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

test("an end behind many attempts that ended nothing is found by the first question, wherever others stand", async () => {
  using folder = temporaryDirectory();
  const path = folder.file("payments.db");
  await using opened = openInline(path);
  await opened.apply(assigned(1), assigned(2), assigned(3));
  const dull = () =>
    opened.db.run(
      `INSERT INTO attempts WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
       SELECT 3, ${AT_MS}, 0, 'unknown', 'test', NULL FROM n`,
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
