/**
 * The contract of webhooks over both journals: what the source reads is what was committed, and the outbox
 * delivers at least once all that ended, wherever it is cut off.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { seededRandom } from "../../testing/random.ts";
import { until } from "../../testing/until.ts";
import { KNOWN, PLACES } from "../events/endings.fixture.ts";
import { cursorOf } from "../event-position.ts";
import type { PaymentEvent } from "../events/event.ts";
import {
  assigned,
  AT_MS,
  failedWebhook,
  settle,
  uuid,
  type Opened,
} from "../journal/journal.fixture.ts";
import { stopPostgres } from "../journal/postgres/postgres.fixture.ts";
import type { Transition, WebhookChanges } from "../transitions.ts";
import { openSource } from "./open-source.ts";
import { BEAT_MS, Outbox, type OutboxParts } from "./outbox.ts";
import type { WebhookSource } from "./source.ts";

/** A clock by which retries are due a thousand times sooner. */
const QUICK = { wallMs: () => AT_MS + Math.round(performance.now() * 1_000) };

afterAll(stopPostgres);

const CHANGES: WebhookChanges = {
  cursor: cursorOf({ attempt: 3, row: 7 }),
  target: "abc",
  endedAtMs: null,
  put: [],
  drop: [],
};

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
    const source = openSource(place.journal);
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
    "all that ended is delivered in a run of outboxes that are cut off, and none of before the first",
    async () => {
      await using place = await make();
      await using opened = await place.open();
      const source = openSource(place.journal);
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
        if (isCutOff) await until("some are taken", () => taken.length > 60 * round + 20);
        else await until("all are taken", () => new Set(taken).size === expected.length);
        // A try that is under way then may be made once more.
        await outbox.stop();
      }
      expect([...new Set(taken)].toSorted()).toEqual(expected.toSorted());
      await source.close();
    },
  );

  given("one with nothing to send rests until the journal is said to have grown", async () => {
    await using place = await make();
    await using opened = await place.open();
    const source = openSource(place.journal);
    const taken: string[] = [];
    let beats = 0;
    // It would rest for longer than the test takes.
    const quiet = { quietMs: 3_600_000, onBeat: () => void beats++ };
    const parts = partsOf(opened, source, taken);
    let kept = 0;
    const keep: OutboxParts["keep"] = (changes) => parts.keep(changes).then(() => void kept++);
    const outbox = await Outbox.open({ ...parts, ...quiet, keep });
    const rests = async () => {
      const before = beats;
      await Bun.sleep(2 * BEAT_MS);
      return beats === before;
    };
    for (let n = 1; n <= 2; n++) {
      await until("it rests", rests);
      kept = 0;
      await opened.apply(assigned(n));
      await opened.apply(settle(n, n - 1));
      outbox.grown();
      await until("it is taken", () => taken.length === n);
      await until("that is kept", () => kept > 0, 20 * BEAT_MS);
    }
    expect(taken).toEqual([1, 2].map((n) => `settled_${uuid(n)}`));
    await outbox.stop();
    await source.close();
  });
});
