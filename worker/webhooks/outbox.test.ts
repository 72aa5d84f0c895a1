/**
 * The contract of webhooks over both journals: what the source reads is what was committed, and the outbox
 * delivers at least once all that ended, wherever it is cut off.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { shareOf } from "../../shared/tariff.ts";
import { seededRandom } from "../../testing/random.ts";
import { until } from "../../testing/until.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import {
  accept,
  assigned,
  AT_MS,
  failed,
  LASTING_DRIVERS,
  NAMES,
  settle,
  temporaryDirectory,
  uuid,
  type Opened,
} from "../journal/journal.fixture.ts";
import { freshDatabase, openAt, stopPostgres } from "../journal/postgres/postgres.fixture.ts";
import { erasOf } from "../tariffs.ts";
import type { FailedWebhook, Transition, WebhookChanges } from "../transitions.ts";
import type { PaymentEvent } from "../events/event.ts";
import { openSource } from "./open-source.ts";
import { Outbox, type OutboxParts } from "./outbox.ts";
import { cursorOf } from "../events/endings.ts";
import type { WebhookSource } from "./source.ts";

const WAIT_MS = 30_000;
const KNOWN = {
  names: NAMES,
  eras: erasOf([{ number: 1, processor: 0, fromMs: 0, terms: shareOf(0.05) }], NAMES.length),
};

/** A clock by which retries are due a thousand times sooner. */
const QUICK = { wallMs: () => AT_MS + Math.round(performance.now() * 1_000) };

afterAll(stopPostgres);

type Place = AsyncDisposable & {
  open(): Promise<Opened>;
  source(): WebhookSource;
};
const PLACES = [
  {
    name: "in a file",
    missing: null,
    async make(): Promise<Place> {
      const folder = temporaryDirectory();
      const path = join(folder.path, "payments.db");
      return {
        open: () => LASTING_DRIVERS.at(-1)!.open(path),
        source: () => openSource(path),
        [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
      };
    },
  },
  {
    name: `on PostgreSQL${NO_POSTGRES}`,
    missing: WHY_NO_POSTGRES,
    async make(): Promise<Place> {
      const url = await freshDatabase();
      return {
        open: () => openAt(url),
        source: () => openSource(url),
        [Symbol.asyncDispose]: async () => {},
      };
    },
  },
];

const CHANGES: WebhookChanges = {
  cursor: cursorOf({ attempt: 3, row: 7 }),
  target: "abc",
  endedAtMs: null,
  put: [],
  drop: [],
};

function failedWebhook(n: number, more: Partial<FailedWebhook> = {}): FailedWebhook {
  return {
    id: `settled_${uuid(n)}`,
    correlationId: uuid(n),
    type: "payment.settled",
    endedAtMs: AT_MS + n,
    body: '{"é":1}',
    state: "retrying",
    tries: 1,
    firstAtMs: AT_MS,
    nextAtMs: AT_MS + 10 - n,
    reason: "answered 500",
    ...more,
  };
}

const webhooks = (changes: Partial<WebhookChanges>): Transition => {
  return { kind: "webhooks", changes: { ...CHANGES, ...changes } };
};

/** Sends to nobody, and notes what was taken. */
function partsOf(
  { journal }: Opened,
  source: WebhookSource,
  taken: string[],
  isTaken: (event: PaymentEvent) => boolean = () => true,
): OutboxParts {
  return {
    source,
    known: KNOWN,
    target: "abc",
    clock: QUICK,
    random: seededRandom(1),
    keep: (changes) =>
      new Promise((resolve) => journal.append({ kind: "webhooks", changes }, () => resolve())),
    onTrouble(error) {
      if (error !== null) throw error;
    },
    async send(event) {
      await Bun.sleep(1);
      if (!isTaken(event)) return { kind: "refused", reason: "answered 500", askedMs: 0 };
      taken.push(event.id);
      return { kind: "taken" };
    },
  };
}

describe.each(PLACES)("webhooks of a journal $name", ({ missing, make }) => {
  const given = test.skipIf(missing !== null);

  given("state and failures are kept, replaced, forgotten and listed", async () => {
    await using place = await make();
    await using opened = await place.open();
    const source = place.source();
    expect(await source.state()).toBeNull();
    await opened.apply(webhooks({ put: [failedWebhook(1), failedWebhook(2), failedWebhook(3)] }));
    const { cursor } = CHANGES;
    expect(await source.state()).toEqual({ cursor, target: "abc", endedAtMs: null });
    expect(await source.retrying()).toEqual([failedWebhook(3), failedWebhook(2), failedWebhook(1)]);
    const givenUp = failedWebhook(2, { state: "given up", body: "", tries: 9, reason: "é" });
    await opened.apply(
      webhooks({ cursor: "4.9", endedAtMs: 5, put: [givenUp], drop: [failedWebhook(1).id] }),
    );
    expect(await source.state()).toEqual({ cursor: "4.9", target: "abc", endedAtMs: 5 });
    expect(await source.retrying()).toEqual([failedWebhook(3)]);
    const listed = await source.list(5);
    expect(listed).toMatchObject({ retrying: 1, givenUp: 1 });
    expect(listed.deliveries.map(({ id }) => id)).toEqual([givenUp.id, failedWebhook(3).id]);
    expect(listed.deliveries[0]).toMatchObject({ tries: 9, reason: "é", correlationId: uuid(2) });
    expect((await source.list(1)).deliveries).toHaveLength(1);
    await opened.apply(webhooks({ dropGivenUpFromMs: AT_MS + 3 }));
    expect(await source.list(0)).toMatchObject({ retrying: 1, givenUp: 1 });
    await opened.apply(webhooks({ dropGivenUpFromMs: AT_MS + 2 }));
    expect(await source.list(0)).toMatchObject({ retrying: 1, givenUp: 0 });
    await source.close();
  });

  given(
    "what ended is read in its order, from any position, and attempts that ended nothing are not",
    async () => {
      await using place = await make();
      await using opened = await place.open();
      const source = place.source();
      const start = await source.end();
      expect(await source.after(start, 10)).toEqual([]);
      await opened.apply(...[1, 2, 3, 4, 5, 6].map((seq) => assigned(seq)), accept(7));
      await opened.apply(failed("unknown", 1), failed("reject", 2, 0, "400: no"));
      await opened.apply(failed("conflict", 1, 0, "another amount"), settle(3, 0));
      await opened.apply(failed("release", 4), settle(5, 1));
      const all = await source.after(start, 10);
      const told = all.map(({ ended: { correlationId, state, reason } }) => [
        correlationId,
        state,
        reason,
      ]);
      expect(told).toEqual([
        [uuid(2), "rejected", "400: no"],
        [uuid(1), "conflict", "another amount"],
        [uuid(3), "settled", null],
        [uuid(5), "settled", null],
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
      const source = place.source();
      await opened.apply(assigned(1));
      await opened.apply(settle(1, 0));
      const far = cursorOf({ attempt: 0, row: 1_000_000 });
      const all = await source.after(await source.withinReach(far), 10);
      expect(all.map(({ ended }) => ended.correlationId)).toEqual([uuid(1)]);
      await source.close();
    },
  );

  given(
    "all that ended is delivered in a run of outboxes that are cut off, and none of before the first",
    async () => {
      await using place = await make();
      await using opened = await place.open();
      const source = place.source();
      await opened.apply(assigned(1));
      await opened.apply(settle(1, 0));
      const taken: string[] = [];
      const random = seededRandom(3);
      const expected: string[] = [];
      let next = 2;
      for (let round = 0; round < 4; round++) {
        const parts = partsOf(opened, source, taken, () => round === 3 || random() < 0.8);
        const outbox = await Outbox.open(parts);
        for (let i = 0; i < 100; i++, next++) {
          await opened.apply(assigned(next));
          await opened.apply(settle(next, next - 1));
          expected.push(`settled_${uuid(next)}`);
        }
        const isCutOff = round < 3;
        if (isCutOff) await until("some are taken", WAIT_MS, () => taken.length > 60 * round + 20);
        else await until("all are taken", WAIT_MS, () => new Set(taken).size === expected.length);
        // A try that is under way then may be made once more.
        await outbox.stop();
      }
      expect([...new Set(taken)].toSorted()).toEqual(expected.toSorted());
      await source.close();
    },
    60_000,
  );
});
