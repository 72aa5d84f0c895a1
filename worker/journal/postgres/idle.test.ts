/** A journal on PostgreSQL that has nothing to commit wakes nobody; a settlement is committed by a timer. */
import { afterAll, describe, expect, test } from "bun:test";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { RecordedTimers } from "../../../testing/timers.ts";
import { TICK_MS } from "../../ticker.ts";
import { assigned, settle } from "../journal.fixture.ts";
import { freshDatabase, openAt, stopPostgres } from "./postgres.fixture.ts";

const DONE = { kind: "done" } as const;

afterAll(stopPostgres);

describe.skipIf(WHY_NO_POSTGRES !== null)(`a journal on PostgreSQL${NO_POSTGRES}`, () => {
  test("to which nothing happens sets no timer that is due soon", async () => {
    const url = await freshDatabase();
    using timers = new RecordedTimers();
    const dueSoon = () => timers.delaysMs.filter((ms) => ms <= TICK_MS);
    await using opened = await openAt(url);
    expect(timers.delaysMs.length).toBeGreaterThan(0);
    expect(dueSoon()).toEqual([]);
    expect(await opened.apply(assigned(1))).toEqual([DONE]);
    expect(await opened.apply(settle(1, 0))).toEqual([DONE]);
    expect(dueSoon()).not.toEqual([]);
  });
});
