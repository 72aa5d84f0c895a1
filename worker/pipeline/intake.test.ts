import { describe, expect, test } from "bun:test";
import { AMOUNT_CENTS_MAX } from "../../shared/limits.ts";
import { BLOCK_ROWS, CENTS_MAX } from "../limits.ts";
import { ACCEPTED, Bench, last } from "./scripted.fixture.ts";

test("nobody is answered before the payment is durable (I1)", async () => {
  using bench = new Bench();
  bench.take(1);
  bench.clock.nowMs += 1_000;
  bench.pipeline.tick();
  expect(bench.verdicts).toEqual([]);
  await bench.commit();
  expect(bench.verdictsOf(1)).toEqual(["stored"]);
});

test("acceptance and first assignment share a commit when a processor can take it at once", async () => {
  using bench = new Bench();
  await bench.send(1);
  expect(bench.journal.stats).toMatchObject({ commits: 1, transitions: 1 });
  expect(bench.stateOf(1)).toBe("assigned");
});

test("a payment that no processor can take at once is accepted and waits", async () => {
  using bench = new Bench();
  bench.openLane(0);
  bench.take(1);
  await bench.commit();
  expect(bench.verdictsOf(1)).toEqual(["stored"]);
  expect(bench.stateOf(1)).toBe("accepted");
  expect(bench.pipeline.queue.length).toBe(1);
});

test("a new payment does not overtake one that waits", async () => {
  using bench = new Bench({ inFlightMax: 1 });
  await bench.send(1);
  for (const n of [2, 3]) bench.take(n);
  await bench.commit();
  expect(bench.pipeline.queue.length).toBe(2);
  await last(bench.default.charges).answer(ACCEPTED);
  bench.take(4);
  await bench.commit();
  expect(last(bench.default.charges).asked.correlationId).toEndWith("2");
});

describe("a payment that is known", () => {
  test("with the same amount is a duplicate, is sent once, and gives back its place", async () => {
    using bench = new Bench();
    const charge = await bench.send(1);
    bench.take(1);
    expect(bench.inFlight).toEqual([2, 0]);
    await bench.commit();
    expect(bench.verdictsOf(1)).toEqual(["stored", "duplicate"]);
    expect(bench.default.charges).toHaveLength(1);
    expect(bench.inFlight).toEqual([1, 0]);
    await charge.answer(ACCEPTED);
    expect(bench.inFlight).toEqual([0, 0]);
    expect(bench.pipeline.payments.count).toBe(0);
  });

  test("with another amount is a conflict, and gives back its place", async () => {
    using bench = new Bench();
    const charge = await bench.send(1);
    bench.take(1, 2_000);
    await bench.commit();
    expect(bench.verdictsOf(1)).toEqual(["stored", "conflict"]);
    await charge.answer(ACCEPTED);
    expect(bench.inFlight).toEqual([0, 0]);
    expect(bench.settled).toEqual([1, 0]);
  });

  test("in the same commit is acknowledged only with the original", async () => {
    using bench = new Bench();
    for (let i = 0; i < 3; i++) bench.take(1);
    expect(bench.verdicts).toEqual([]);
    await bench.commit();
    expect(bench.verdictsOf(1)).toEqual(["stored", "duplicate", "duplicate"]);
    expect(bench.default.charges).toHaveLength(1);
    expect(bench.inFlight).toEqual([1, 0]);
  });

  test("is still known after it settled", async () => {
    using bench = new Bench();
    await (await bench.send(1)).answer(ACCEPTED);
    await bench.commit();
    bench.take(1);
    await bench.commit();
    expect(bench.verdictsOf(1)).toEqual(["stored", "duplicate"]);
    expect(bench.settled).toEqual([1, 0]);
    expect(bench.inFlight).toEqual([0, 0]);
  });
});

describe("busy", () => {
  test("is the answer when the backlog is full, until something has settled", async () => {
    using bench = new Bench({ backlogMax: 2 });
    const charge = await bench.send(1);
    bench.take(2);
    bench.take(3);
    expect(bench.verdicts.at(-1)).toEqual({ n: 3, verdict: { kind: "busy", retryAfterMs: 1_000 } });
    await charge.answer(ACCEPTED);
    bench.take(3);
    await bench.commit();
    expect(bench.verdictsOf(3)).toEqual(["busy", "stored"]);
  });

  test("is the answer when the journal is far behind", async () => {
    using bench = new Bench();
    for (let n = 0; n < 20_000; n++) bench.take(n);
    expect(bench.verdicts).toEqual([]);
    bench.take(20_000);
    expect(bench.verdictsOf(20_000)).toEqual(["busy"]);
    await bench.commit();
    bench.take(20_000);
    await bench.commit();
    expect(bench.verdictsOf(20_000)).toEqual(["busy", "stored"]);
  });

  test("is the answer to what a failed commit did not store, and its place is given back", async () => {
    using bench = new Bench();
    const repair = bench.breakJournal();
    bench.take(1);
    expect(bench.inFlight).toEqual([1, 0]);
    await bench.commit();
    expect(bench.verdictsOf(1)).toEqual(["busy"]);
    expect(bench.inFlight).toEqual([0, 0]);
    expect(bench.pipeline.payments.count).toBe(0);
    expect(bench.default.charges).toEqual([]);
    repair();
  });

  test("is the answer at the door while commits fail, and ends when they work again", async () => {
    using bench = new Bench();
    const repair = bench.breakJournal();
    bench.take(1);
    await bench.commit();
    bench.take(2);
    expect(bench.verdictsOf(2)).toEqual(["busy"]);
    expect(bench.journal.queued).toBe(0);
    repair();
    await bench.tick(1_000);
    bench.take(2);
    await bench.commit();
    expect(bench.verdictsOf(2)).toEqual(["busy", "stored"]);
  });

  test("leaves no trace in the books", async () => {
    using bench = new Bench({ backlogMax: 1 });
    await bench.send(1);
    for (let n = 2; n < 100; n++) bench.take(n);
    await bench.commit();
    expect(bench.pipeline.payments.count).toBe(1);
    expect(bench.pipeline.verdicts).toMatchObject({ stored: 1, busy: 98 });
    expect(bench.pipeline.payments.countByState).toEqual({
      accepting: 0,
      queued: 0,
      assigned: 1,
      unknown: 0,
      held: 0,
    });
  });
});

describe("before the ledger's end payments are turned away, and nothing breaks", () => {
  test("when rows end: as many are taken as can be settled", async () => {
    using bench = new Bench();
    bench.ledger.startAt(bench.ledger.rowsLeft - BLOCK_ROWS);
    for (let n = 0; n < BLOCK_ROWS; n++) bench.take(n);
    expect(bench.pipeline.ledgerEnd).toStartWith("256 rows");
    bench.take(1_000);
    expect(bench.verdictsOf(1_000)).toEqual(["busy"]);
    await bench.commit();
    for (let i = 0; bench.settled[0]! < BLOCK_ROWS && i < 10_000; i++) {
      await bench.tick();
      for (const charge of bench.default.charges) await charge.answer(ACCEPTED);
    }
    expect([bench.ledger.rowsLeft, bench.pipeline.payments.count]).toEqual([0, 0]);
    bench.take(1_001);
    expect(bench.verdictsOf(1_001)).toEqual(["busy"]);
  });

  test("when a sum would not be exact any more, until a purge", async () => {
    using bench = new Bench();
    for (let n = 0; n < Math.floor(CENTS_MAX / AMOUNT_CENTS_MAX); n++) {
      bench.ledger.append(1, AMOUNT_CENTS_MAX, 0);
    }
    const left = bench.ledger.centsLeft;
    bench.take(1, left - 5);
    bench.take(2, 6);
    bench.take(3, 5);
    expect(bench.verdictsOf(2)).toEqual(["busy"]);
    expect(bench.pipeline.ledgerEnd).toContain("begin it anew");
    await bench.commit();
    expect([1, 3].map((n) => bench.verdictsOf(n))).toEqual([["stored"], ["stored"]]);
    void bench.pipeline.purge();
    await bench.commit();
    bench.take(4, AMOUNT_CENTS_MAX);
    await bench.commit();
    expect(bench.verdictsOf(4)).toEqual(["stored"]);
    expect(bench.pipeline.ledgerEnd).toBeNull();
  });

  test("when this worker has accepted its part of what a sum over all workers holds, whoever settles it", async () => {
    using bench = new Bench();
    Object.assign(bench.journal.head, { centsLeft: 10 });
    bench.take(1, 6);
    bench.take(2, 5);
    bench.take(1, 4);
    await bench.commit();
    expect([1, 2].map((n) => bench.verdictsOf(n))).toEqual([["stored", "conflict"], ["busy"]]);
    bench.take(3, 4);
    await bench.tick();
    for (const charge of bench.default.charges) await charge.answer(ACCEPTED);
    await bench.commit();
    bench.take(4, 1);
    expect([3, 4].map((n) => bench.verdictsOf(n))).toEqual([["stored"], ["busy"]]);
    expect(bench.pipeline.ledgerEnd).toContain("0 cents are left");
  });
});
