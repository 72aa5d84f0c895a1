import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import type { Verdict } from "../verdict.ts";
import {
  decodeVerdicts,
  ELSEWHERE_PER_FRAME_MAX,
  encodePay,
  encodeVerdicts,
  linkKeys,
  TRIAL_INSTANCE,
  type Keyring,
  VERDICTS_PER_FRAME_MAX,
} from "./frame.ts";
import { payment, sealByHand, uuid } from "./link.fixture.ts";
import { LinkServerCore, type Arrival } from "./server.ts";

const keys = linkKeys("a secret");
const INCARNATION = 5;
const STORED: Verdict = { kind: "stored" };

function server(keyring: Keyring = [keys]) {
  const arrivals: Arrival<string>[] = [];
  const sent: { bytes: Buffer; peer: string }[] = [];
  const core = new LinkServerCore<string>({
    keyring,
    incarnation: INCARNATION,
    transmit: (bytes, peer) => sent.push({ bytes, peer }),
    onArrivals: (some) => arrivals.push(...some),
  });
  const read = ({ bytes }: { bytes: Buffer }) => {
    const decoded = decodeVerdicts(keys.verdict, bytes);
    if (!decoded.ok) throw new Error(decoded.reason);
    return decoded.frame;
  };
  return { core, arrivals, sent, frames: () => sent.map(read) };
}

function frame(numbers: readonly number[], { instance = 1, sequence = 1 } = {}): Buffer {
  const some = numbers.map((n) => payment(n));
  return encodePay(keys.pay, { instance, incarnation: 0, sequence }, some);
}

test.each<[string, Verdict, number]>([
  ["a full frame of verdicts", STORED, VERDICTS_PER_FRAME_MAX],
  [
    "a full frame of verdicts elsewhere",
    { kind: "elsewhere", mapVersion: 1 },
    ELSEWHERE_PER_FRAME_MAX,
  ],
])("%s is one frame, and no empty one goes with it", (_, verdict, count) => {
  const { core, arrivals, sent } = server();
  const numbers = Array.from({ length: count }, (__, n) => n);
  for (const some of [numbers.slice(0, count / 2), numbers.slice(count / 2)]) {
    core.receive(frame(some, { sequence: 1 + (some[0] ?? 0) }), "api");
  }
  for (const arrival of arrivals) core.answer(arrival, verdict);
  core.flush();
  expect(sent).toHaveLength(1);
});

test("verdicts elsewhere have frames of their own, as many as it takes", () => {
  const { core, arrivals, sent, frames } = server();
  for (const sequence of [1, 2, 3]) {
    const numbers = Array.from({ length: 20 }, (_, n) => 20 * sequence + n);
    core.receive(frame(numbers, { sequence }), "a");
  }
  for (const [n, arrival] of arrivals.entries()) {
    core.answer(arrival, n % 4 === 0 ? STORED : { kind: "elsewhere", mapVersion: n });
  }
  core.flush();
  expect(sent.map(({ bytes }) => bytes[1])).toEqual([2, 4, 4, 4]);
  const answered = frames().flatMap(({ verdicts }) => verdicts);
  expect(answered.filter(({ verdict }) => verdict.kind === "stored")).toHaveLength(15);
  for (const { sequence, correlationId, verdict } of answered) {
    const n = arrivals.findIndex(({ payment: one }) => one.correlationId === correlationId);
    expect(sequence).toBe(arrivals[n]!.origin.sequence);
    expect(verdict).toEqual(n % 4 === 0 ? STORED : { kind: "elsewhere", mapVersion: n });
  }
  expect(answered).toHaveLength(60);
});

describe("a frame that comes again", () => {
  test("while its payments are in hand is counted and not looked at", () => {
    const { core, arrivals, sent } = server();
    core.receive(frame([1, 2]), "a");
    core.receive(frame([1, 2]), "a");
    core.answer(arrivals[0] as Arrival<string>, STORED);
    core.receive(frame([1, 2]), "a");
    expect(arrivals).toHaveLength(2);
    expect(core.stats.repeats).toBe(2);
    expect(sent).toEqual([]);
  });

  test("after its answer is looked at again, so that a lost verdict is given again", () => {
    const { core, arrivals, frames } = server();
    core.receive(frame([1]), "a");
    core.answer(arrivals[0] as Arrival<string>, STORED);
    core.flush();
    core.receive(frame([1]), "a");
    expect(arrivals).toHaveLength(2);
    core.answer(arrivals[1] as Arrival<string>, { kind: "duplicate" });
    core.flush();
    expect(frames().map(({ verdicts }) => verdicts[0]?.verdict.kind)).toEqual([
      "stored",
      "duplicate",
    ]);
  });

  test("from another instance with the same sequence is another frame", () => {
    const { core, arrivals } = server();
    core.receive(frame([1], { instance: 1 }), "a");
    core.receive(frame([1], { instance: 2 }), "b");
    expect(arrivals.map(({ origin }) => origin.peer)).toEqual(["a", "b"]);
  });
});

describe("verdicts", () => {
  test("of a turn are sent together, to each instance its own", () => {
    const { core, arrivals, sent, frames } = server();
    core.receive(frame([1, 2], { instance: 1, sequence: 7 }), "a");
    core.receive(frame([3], { instance: 2, sequence: 8 }), "b");
    core.receive(frame([4], { instance: 1, sequence: 9 }), "a");
    for (const arrival of arrivals) core.answer(arrival, STORED);
    expect(sent).toEqual([]);
    core.flush();
    expect(sent.map(({ peer }) => peer)).toEqual(["a", "b"]);
    expect(frames()).toMatchObject([
      {
        instance: 1,
        incarnation: INCARNATION,
        verdicts: [
          { sequence: 7, correlationId: uuid(1) },
          { sequence: 7, correlationId: uuid(2) },
          { sequence: 9, correlationId: uuid(4) },
        ],
      },
      {
        instance: 2,
        incarnation: INCARNATION,
        verdicts: [{ sequence: 8, correlationId: uuid(3) }],
      },
    ]);
    core.flush();
    expect(sent).toHaveLength(2);
  });

  test("that do not fit one frame go in several", () => {
    const { core, arrivals, frames } = server();
    for (let sequence = 0; sequence < 5; sequence++) {
      core.receive(frame([...new Array(24).keys()], { sequence: sequence + 1 }), "a");
    }
    for (const arrival of arrivals) core.answer(arrival, { kind: "busy", retryAfterMs: 60_000 });
    core.flush();
    const sizes = frames().map(({ verdicts }) => verdicts.length);
    expect(Math.max(...sizes)).toBe(VERDICTS_PER_FRAME_MAX);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(120);
  });
});

test("a frame without payments is answered at once, by its sequence and without verdicts", () => {
  const { core, arrivals, frames } = server();
  core.receive(frame([], { instance: 3, sequence: 77 }), "a");
  expect(arrivals).toEqual([]);
  expect(frames()).toMatchObject([
    { instance: 3, incarnation: INCARNATION, sequence: 77, verdicts: [] },
  ]);
});

test("verdicts of a turn go where the last of their frames came from", () => {
  const { core, arrivals, sent } = server();
  core.receive(frame([1], { sequence: 1 }), "before");
  core.receive(frame([2], { sequence: 2 }), "after");
  for (const arrival of arrivals) core.answer(arrival, STORED);
  core.flush();
  expect(sent.map(({ peer }) => peer)).toEqual(["after"]);
});

test("of instances that were answered nothing is kept", () => {
  const { core, arrivals } = server();
  const sets = () => {
    Bun.gc(true);
    return heapStats().objectTypeCounts["Set"] ?? 0;
  };
  const before = sets();
  for (let instance = 0; instance < 20_000; instance++) {
    core.receive(frame([1], { instance }), "a");
    for (const arrival of arrivals.splice(0)) core.answer(arrival, STORED);
    core.flush();
  }
  expect(sets() - before).toBeLessThan(1_000);
  expect(core.stats.repeats).toBe(0);
});

describe("while the secret is rotated", () => {
  const old = linkKeys("an old secret");
  const head = { instance: 1, incarnation: 0, sequence: 1 };

  test.each([
    ["new", keys, 0],
    ["old", old, 2],
  ])("a frame that was made with the %s one is answered with it", (_, by, oldFrames) => {
    const { core, arrivals, sent } = server([keys, old]);
    core.receive(encodePay(by.pay, head, []), "a");
    core.receive(encodePay(by.pay, head, [payment(1)]), "a");
    core.answer(arrivals[0] as Arrival<string>, STORED);
    core.flush();
    expect(sent.map(({ bytes }) => decodeVerdicts(by.verdict, bytes).ok)).toEqual([true, true]);
    expect(core.stats).toMatchObject({ framesReceived: 2, oldSecret: oldFrames });
    expect(core.stats.drops.mac).toBe(0);
  });

  test("a frame of neither is dropped, and counted once", () => {
    const { core, arrivals, sent } = server([keys, old]);
    core.receive(encodePay(linkKeys("a third").pay, head, [payment(1)]), "a");
    expect([core.stats.drops.mac, core.stats.oldSecret]).toEqual([1, 0]);
    expect([arrivals, sent]).toEqual([[], []]);
  });

  test("what is wrong with a frame of the old one is told by its own reason", () => {
    const { core } = server([keys, old]);
    core.receive(sealByHand(old.pay, Buffer.from("9101", "hex")), "a");
    expect(core.stats.drops).toMatchObject({ mac: 0, payload: 1 });
  });
});

test("a trial with another secret is counted apart, and nobody is complained of", () => {
  const forged: number[] = [];
  const core = new LinkServerCore<string>({
    keyring: [keys],
    incarnation: INCARNATION,
    transmit: () => {},
    onArrivals: () => {},
    onForged: (_peer, instance) => forged.push(instance),
  });
  for (const instance of [TRIAL_INSTANCE, 7]) {
    const other = linkKeys("another secret").pay;
    core.receive(encodePay(other, { instance, incarnation: 0, sequence: 1 }, []), "a");
  }
  expect(forged).toEqual([7]);
  expect(core.stats.drops).toMatchObject({ mac: 1, trial: 1 });
});

test("what is no frame is counted by reason and never answered", () => {
  const { core, arrivals, sent } = server();
  const good = frame([1]);
  core.receive(Buffer.alloc(0), "x");
  core.receive(good.subarray(0, 40), "x");
  core.receive(sealByHand(keys.pay, Buffer.from("90", "hex"), { version: 2 }), "x");
  core.receive(sealByHand(keys.pay, Buffer.from("90", "hex"), { kind: 2 }), "x");
  core.receive(sealByHand(keys.pay, Buffer.from("9101", "hex")), "x");
  core.receive(encodeVerdicts(keys.verdict, { instance: 1, incarnation: 1, sequence: 1 }, []), "x");
  expect(core.stats.drops).toEqual({
    length: 1,
    mac: 2,
    trial: 0,
    version: 1,
    kind: 1,
    payload: 1,
  });
  expect(core.stats.framesReceived).toBe(0);
  expect([arrivals, sent]).toEqual([[], []]);
});
