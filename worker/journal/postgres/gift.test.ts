/** Gives shards to another worker, also while the database does not answer. */
import { afterAll, expect, test } from "bun:test";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../../testing/postgres.ts";
import { TcpRelay } from "../../../testing/tcp-relay.ts";
import { until } from "../../../testing/until.ts";
import type { SharedNews } from "../driver.ts";
import { accept } from "../journal.fixture.ts";
import { freshDatabase, openAt, stopPostgres, through } from "./postgres.fixture.ts";

afterAll(stopPostgres);

const DONE = { kind: "done" } as const;
/** Number that no worker has. */
const NOBODY = 1;
const GIVEN = 100;

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
    await until("the gift is in doubt", () => journal.trouble !== null);
    expect(journal.trouble).toContain("not answered");
    expect(await late).toEqual([null]);
    relay.still = false;
    expect(await given).toBeNull();
    await until("that is over", () => journal.trouble === null);
    expect(await opened.apply(accept(2))).toEqual([DONE]);
  },
);

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a worker hears which of its new shards were given to it, and which another one has left by its end${NO_POSTGRES}`,
  async () => {
    const url = await freshDatabase();
    await using relay = await TcpRelay.start(Number(new URL(url).port));
    await using first = await openAt(url);
    await using second = await openAt(through(url, relay));
    const gifts: SharedNews["gifts"][number][] = [];
    const gained: Record<string, Pick<SharedNews, "gained" | "abandoned">> = {};
    const listen = (name: string, { journal }: typeof first) => {
      const { shared } = journal;
      shared.onNews = (news) => {
        if (news.gained.length > 0) gained[name] = news;
        gifts.push(...news.gifts);
      };
      return shared;
    };
    const giver = listen("first", first);
    const taker = listen("second", second);
    giver.holding.loaded(giver.holding.loading);
    await until("the second one is to have some", () => gifts.length > 0);
    const shards = giver.map.workers.flatMap((one) => one.shards).slice(0, GIVEN);
    expect(await giver.give(shards, gifts[0]!.to)).toBeNumber();
    await until("the second one has them", () => taker.holding.count === GIVEN);
    expect(gained["second"]).toMatchObject({ gained: shards, abandoned: 0 });
    relay.still = true;
    await until("the first one has them again", () => gained["first"] !== undefined);
    expect(gained["first"]).toMatchObject({ gained: shards, abandoned: GIVEN });
  },
);
