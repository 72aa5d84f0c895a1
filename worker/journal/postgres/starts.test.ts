/** Several workers that start at the same moment over one database, which is new. */
import { afterAll, expect, test } from "bun:test";
import { systemClock } from "../../../shared/clock.ts";
import { shareOf } from "../../../shared/tariff.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { openPostgresJournal } from "../postgres.ts";
import { NAMES } from "../journal.fixture.ts";
import { ask, freshDatabase, settingsAt, stopPostgres } from "./postgres.fixture.ts";

const STARTS = 4;

afterAll(stopPostgres);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `begin one set of tariffs, and number processors alike${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    const opened = await Promise.all(
      Array.from({ length: STARTS }, () => openPostgresJournal(settingsAt(url), systemClock)),
    );
    const priced = NAMES.map((_, processor) => ({ processor, terms: shareOf(0.05) }));
    const known = await Promise.all(opened.map(({ journal }) => journal.tariffs(priced)));
    expect(known.map((tariffs) => tariffs.length)).toEqual(
      Array.from({ length: STARTS }, () => NAMES.length),
    );
    for (const tariffs of known) expect(tariffs).toEqual(known[0]!);
    for (const { journal } of opened) expect(journal.head.processors).toEqual(NAMES);
    const streams = new Set(opened.map(({ journal }) => journal.head.stream));
    expect(streams.size).toBe(STARTS);
    await Promise.all(opened.map(({ journal }) => journal.close()));
    expect(await ask(url, "SELECT 1 FROM streams WHERE worker IS NOT NULL")).toEqual([]);
  },
);
