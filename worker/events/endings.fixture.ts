/** Journals of both kinds, for the tests that hold what is read of both to one contract. */
import { join } from "node:path";
import { shareOf } from "../../shared/tariff.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import {
  LASTING_DRIVERS,
  NAMES,
  temporaryDirectory,
  type Opened,
} from "../journal/journal.fixture.ts";
import { freshDatabase, openAt } from "../journal/postgres/postgres.fixture.ts";
import { erasOf, type Known } from "../tariffs.ts";

export const KNOWN: Known = {
  names: NAMES,
  eras: erasOf([{ number: 1, processor: 0, fromMs: 0, terms: shareOf(0.05) }], NAMES.length),
};

export type Place = AsyncDisposable & {
  /** Setting of a worker at it. */
  readonly journal: string;
  open(): Promise<Opened>;
};

/** Where a journal may be. Whoever uses it calls `stopPostgres` in the end. */
export const PLACES = [
  {
    name: "in a file",
    missing: null,
    async make(): Promise<Place> {
      const folder = temporaryDirectory();
      const journal = join(folder.path, "payments.db");
      return {
        journal,
        open: () => LASTING_DRIVERS.at(-1)!.open(journal),
        [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
      };
    },
  },
  {
    name: `on PostgreSQL${NO_POSTGRES}`,
    missing: WHY_NO_POSTGRES,
    async make(): Promise<Place> {
      const journal = await freshDatabase();
      return { journal, open: () => openAt(journal), [Symbol.asyncDispose]: async () => {} };
    },
  },
];
