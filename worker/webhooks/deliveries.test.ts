import { expect, test } from "bun:test";
import fc from "fast-check";
import { seededRandom } from "../../testing/random.ts";
import { Deliveries, type Changes, type Limits, type Positioned } from "./deliveries.ts";
import type { FailedWebhook } from "../transitions.ts";
import { GIVE_UP_MS, RETRY_MS_MAX } from "./schedule.ts";

const LIMITS: Limits = { concurrency: 4, windowMax: 8, retryingMax: 6, downAfter: 3 };
const REFUSED = { kind: "refused", reason: "answered 500", askedMs: 0 } as const;
const TAKEN = { kind: "taken" } as const;

/** The journal of a test: events in their order, and what deliveries have had kept. */
class Kept {
  cursor = "-1";
  endedAtMs: number | null = null;
  readonly failed = new Map<string, FailedWebhook>();

  keep({ cursor, put, drop, endedAtMs }: Changes): void {
    this.cursor = cursor;
    this.endedAtMs = endedAtMs;
    for (const id of drop) this.failed.delete(id);
    for (const failed of put) this.failed.set(failed.id, failed);
  }

  begin(random = seededRandom(1)): Deliveries {
    const all = [...this.failed.values()];
    const kept = all.filter(({ state }) => state === "retrying");
    const { cursor, endedAtMs } = this;
    return new Deliveries(
      { cursor, endedAtMs, kept, givenUp: all.length - kept.length },
      random,
      LIMITS,
    );
  }
}

function nth(n: number): Positioned {
  const id = `e${n}`;
  const event = {
    id,
    correlationId: id,
    type: "payment.settled",
    endedAtMs: n,
    body: "{}",
  } as const;
  return { event, cursor: String(n) };
}

function offerUpTo(deliveries: Deliveries, count: number): void {
  const from = Number(deliveries.readFrom) + 1;
  const to = Math.min(count, from + deliveries.wanted);
  const events: Positioned[] = [];
  for (let n = from; n < to; n++) events.push(nth(n));
  deliveries.offer(events);
}

/** Sends all that may be sent at an instant; gives the ids. */
function sendAll(deliveries: Deliveries, nowMs: number): string[] {
  const ids: string[] = [];
  for (let next = deliveries.next(nowMs); next !== null; next = deliveries.next(nowMs))
    ids.push(next.id);
  return ids;
}

test("events are sent in their order, some at a time, and the cursor follows the first that is not done", () => {
  const kept = new Kept();
  const deliveries = kept.begin();
  offerUpTo(deliveries, 20);
  expect(deliveries.wanted).toBe(0);
  expect(sendAll(deliveries, 0)).toEqual(["e0", "e1", "e2", "e3"]);
  deliveries.ended(0, "e1", TAKEN);
  expect(deliveries.takeChanges()).toBeNull();
  deliveries.ended(0, "e0", TAKEN);
  expect(deliveries.takeChanges()).toMatchObject({ cursor: "1", put: [], drop: [] });
  expect(sendAll(deliveries, 0)).toEqual(["e4", "e5"]);
});

test("what is refused is kept beside the cursor, and holds up nobody", () => {
  const kept = new Kept();
  const deliveries = kept.begin();
  offerUpTo(deliveries, 2);
  sendAll(deliveries, 0);
  deliveries.ended(0, "e0", REFUSED);
  deliveries.ended(0, "e1", TAKEN);
  const changes = deliveries.takeChanges()!;
  expect(changes).toMatchObject({ cursor: "1", put: [{ id: "e0", tries: 1, state: "retrying" }] });
  expect(sendAll(deliveries, RETRY_MS_MAX)).toEqual(["e0"]);
  deliveries.ended(RETRY_MS_MAX, "e0", TAKEN);
  expect(deliveries.takeChanges()).toMatchObject({ put: [], drop: ["e0"] });
});

test("an event that is refused for three days is given up and listed, without its body", () => {
  const deliveries = new Kept().begin();
  offerUpTo(deliveries, 1);
  let nowMs = 0;
  for (; deliveries.figures.givenUp === 0; nowMs += RETRY_MS_MAX) {
    for (const id of sendAll(deliveries, nowMs)) deliveries.ended(nowMs, id, REFUSED);
    expect(nowMs).toBeLessThanOrEqual(GIVE_UP_MS + RETRY_MS_MAX);
  }
  expect(nowMs).toBeGreaterThanOrEqual(GIVE_UP_MS);
  expect(deliveries.takeChanges()).toMatchObject({
    cursor: "0",
    put: [{ id: "e0", state: "given up", body: "", reason: "answered 500" }],
  });
  expect(sendAll(deliveries, nowMs + GIVE_UP_MS)).toEqual([]);
});

test("a receiver that takes nothing is probed one at a time, and new events wait behind the cursor", () => {
  const deliveries = new Kept().begin();
  offerUpTo(deliveries, 8);
  for (const id of sendAll(deliveries, 0)) deliveries.ended(0, id, REFUSED);
  const { retrying, isDown } = deliveries.figures;
  expect({ retrying, isDown }).toEqual({ retrying: LIMITS.downAfter - 1, isDown: true });
  let probes = 0;
  for (let nowMs = 0; nowMs < 3_600_000; nowMs += 1_000) {
    const sent = sendAll(deliveries, nowMs);
    expect(sent.length).toBeLessThanOrEqual(1);
    for (const id of sent) deliveries.ended(nowMs, id, REFUSED);
    probes += sent.length;
  }
  expect(probes).toBeGreaterThan(12);
  expect(probes).toBeLessThan(120);
  expect(deliveries.figures.retrying).toBe(LIMITS.downAfter - 1);
});

test("once it takes one again, all that was refused follows within seconds", () => {
  const deliveries = new Kept().begin();
  offerUpTo(deliveries, 8);
  for (const id of sendAll(deliveries, 0)) deliveries.ended(0, id, REFUSED);
  let nowMs = 0;
  while (deliveries.figures.isDown) {
    nowMs += 1_000;
    for (const id of sendAll(deliveries, nowMs)) deliveries.ended(nowMs, id, TAKEN);
  }
  const untilMs = nowMs + 15_000;
  for (; nowMs < untilMs; nowMs += 100) {
    for (const id of sendAll(deliveries, nowMs)) deliveries.ended(nowMs, id, TAKEN);
  }
  expect(deliveries.figures).toMatchObject({ delivered: 8, retrying: 0, oldestAtMs: null });
});

test("410 ends all of it, also after a restart, until events are asked for again", () => {
  const kept = new Kept();
  const deliveries = kept.begin();
  offerUpTo(deliveries, 3);
  sendAll(deliveries, 5);
  deliveries.ended(5, "e0", TAKEN);
  deliveries.ended(5, "e1", { kind: "gone" });
  kept.keep(deliveries.takeChanges()!);
  const again = kept.begin();
  for (const each of [deliveries, again]) {
    expect(each.wanted).toBe(0);
    expect(each.next(1_000_000_000)).toBeNull();
    expect(each.figures.endedAtMs).toBe(5);
  }
  again.rewind("-1");
  offerUpTo(again, 3);
  expect(sendAll(again, 6)).toEqual(["e0", "e1", "e2"]);
});

test("what is under way while all is read anew is sent once more, and counted once", () => {
  const deliveries = new Kept().begin();
  offerUpTo(deliveries, 2);
  expect(sendAll(deliveries, 0)).toEqual(["e0", "e1"]);
  deliveries.rewind("-1");
  deliveries.ended(0, "e0", TAKEN);
  offerUpTo(deliveries, 2);
  expect(sendAll(deliveries, 0)).toEqual(["e0", "e1"]);
  for (const id of ["e0", "e1", "e1"]) deliveries.ended(0, id, TAKEN);
  expect(deliveries.figures).toMatchObject({ delivered: 2, sending: 0, oldestAtMs: null });
  expect(deliveries.takeChanges()).toMatchObject({ cursor: "1" });
});

/** Runs a receiver of moods and kills at random; everything is taken in the end. */
test("whatever happens, each event is delivered or listed, memory is bounded, and one call at a time has it", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 60 }), (seed, count) => {
      const random = seededRandom(seed);
      const kept = new Kept();
      let deliveries = kept.begin(random);
      let unkept: Changes | null = null;
      const taken = new Set<string>();
      const sending = new Set<string>();
      let mood = 0.5;
      let nowMs = 0;
      const step = (isHealed: boolean) => {
        offerUpTo(deliveries, count);
        for (let next = deliveries.next(nowMs); next !== null; next = deliveries.next(nowMs)) {
          expect(sending.has(next.id)).toBe(false);
          sending.add(next.id);
        }
        expect(sending.size).toBeLessThanOrEqual(LIMITS.concurrency);
        for (const id of sending) {
          if (random() < 0.5) continue;
          sending.delete(id);
          const isTaken = isHealed || random() < mood;
          if (isTaken) taken.add(id);
          deliveries.ended(nowMs, id, isTaken ? TAKEN : REFUSED);
        }
        expect(deliveries.figures.retrying).toBeLessThanOrEqual(LIMITS.retryingMax);
        unkept ??= deliveries.takeChanges();
        if (unkept !== null && random() < 0.5) {
          kept.keep(unkept);
          unkept = null;
        }
      };
      for (let i = 0; i < 200; i++) {
        if (random() < 0.05) mood = [0, 0.3, 0.9][Math.floor(random() * 3)]!;
        nowMs += random() * (random() < 0.1 ? RETRY_MS_MAX : 1_000);
        step(false);
        if (random() < 0.03) {
          deliveries = kept.begin(random);
          sending.clear();
          unkept = null;
        }
      }
      for (let i = 0; i < 2_000 && Number(kept.cursor) < count - 1; i++) {
        nowMs += RETRY_MS_MAX;
        step(true);
      }
      for (let i = 0; i < 200; i++) {
        nowMs += RETRY_MS_MAX;
        step(true);
      }
      const listed = [...kept.failed.values()].filter(({ state }) => state === "given up");
      for (let n = 0; n < count; n++) {
        const { id } = nth(n).event;
        expect([id, taken.has(id) || listed.some((failed) => failed.id === id)]).toEqual([
          id,
          true,
        ]);
      }
      expect(deliveries.figures.retrying).toBe(0);
    }),
    { numRuns: 200 },
  );
});
