/** Gives shards to another worker while the database does not answer. */
import { afterAll, expect, test } from "bun:test";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { TcpRelay } from "../../../testing/tcp-relay.ts";
import { until } from "../../../testing/until.ts";
import { accept } from "../journal.fixture.ts";
import { freshDatabase, openAt, stopPostgres, through } from "./postgres.fixture.ts";

afterAll(stopPostgres);

const DONE = { kind: "done" } as const;
const WAIT_MS = 60_000;
/** Number that no worker has. */
const NOBODY = 1;

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a gift of shards that is in doubt is said, lets nobody wait for it, and is forgotten once it is known${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using relay = await TcpRelay.start(Number(new URL(url).port));
    await using opened = await openAt(through(url, relay));
    const { journal } = opened;
    const { shared } = journal;
    const [first] = shared!.holding.loading;
    await opened.apply(accept(1));
    relay.still = true;
    const given = shared!.give([first!], NOBODY);
    await Bun.sleep(0);
    const late = opened.apply(accept(2));
    await until("the gift is in doubt", WAIT_MS, () => journal.trouble !== null);
    expect(journal.trouble).toContain("not answered");
    expect(await late).toEqual([null]);
    relay.still = false;
    expect(await given).toBeNull();
    await until("that is over", WAIT_MS, () => journal.trouble === null);
    expect(await opened.apply(accept(2))).toEqual([DONE]);
  },
  WAIT_MS,
);
