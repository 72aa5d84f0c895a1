/** Tests an operator's decisions at the real pipeline: every action, every refusal, before and after a restart. */
import { describe, expect, test } from "bun:test";
import type { PaymentAction } from "../intervention.ts";
import type { Journal } from "../journal.ts";
import type { ProcessorMode } from "../transitions.ts";
import {
  GROUNDS,
  TIMEOUT_MS,
  TWICE_MS,
  operate,
  setMode,
  reasonOf,
  stateOf,
  unknownAt,
  heldAt,
  benchOf,
} from "./operator.fixture.ts";
import { ACCEPTED, Bench, last, NOTHING, REFUSED, REJECTED, UNKNOWN } from "./scripted.fixture.ts";
import { idOf, settlePromises, WALL_START_MS } from "./world.fixture.ts";

/** A payment that nobody takes, because every processor is drained. */
async function queued(bench: Bench, n = 1): Promise<void> {
  await setMode(bench, "drain", "default");
  await setMode(bench, "drain", "fallback");
  bench.take(n);
  await bench.commit();
}

describe("hold", () => {
  test("takes a queued payment out of the queue, and release puts it back", async () => {
    using bench = benchOf();
    await queued(bench);
    expect(stateOf(await operate(bench, "hold", 1, "accepted"))).toBe("held");
    expect(bench.stateOf(1)).toBe("held");
    await setMode(bench, "resume");
    await bench.tick(20_000);
    expect(bench.default.charges).toEqual([]);
    expect(bench.pipeline.payments.countByState).toMatchObject({ held: 1, queued: 0 });
    expect(stateOf(await operate(bench, "release", 1, "held"))).toBe("accepted");
    await bench.tick();
    expect(bench.default.bodiesOf(1)).toHaveLength(1);
    await last(bench.default.charges).answer(ACCEPTED);
    expect(bench.settled).toEqual([1, 0]);
  });

  test("takes one that rests after refusals", async () => {
    using bench = benchOf();
    const first = await bench.send(1);
    await setMode(bench, "drain", "fallback");
    await first.answer(REFUSED);
    await bench.commit();
    await last(bench.default.charges).answer(REFUSED);
    await bench.commit();
    expect(stateOf(await operate(bench, "hold", 1, "accepted"))).toBe("held");
    for (let i = 0; i < 10; i++) await bench.tick(100);
    expect(bench.default.bodiesOf(1)).toHaveLength(2);
  });

  test("keeps an unknown payment from being looked up or sent", async () => {
    using bench = benchOf();
    await heldAt(bench);
    for (let i = 0; i < 10; i++) await bench.tick(5_000);
    expect(bench.default.looks).toEqual([]);
    expect(bench.default.bodiesOf(1)).toHaveLength(1);
    expect(stateOf(await operate(bench, "release", 1, "held"))).toBe("unknown");
    await bench.tick();
    await last(bench.default.looks).answer(NOTHING);
    await bench.tick();
    const [first, second] = bench.default.bodiesOf(1);
    expect(second).toBe(first as string);
    expect(bench.fallback.charges).toEqual([]);
  });

  test("during a call lets that end: it settles", async () => {
    using bench = benchOf();
    await unknownAt(bench);
    await bench.tick();
    const answer = await operate(bench, "hold", 1);
    expect(answer).toMatchObject({ state: "held", detail: expect.stringContaining("under way") });
    await last(bench.default.looks).answer(bench.default.found());
    await bench.commit();
    expect(bench.stateOf(1)).toBeUndefined();
    expect(bench.settled).toEqual([1, 0]);
  });

  test.each([UNKNOWN, REFUSED, REJECTED].map((outcome) => [outcome.kind, outcome] as const))(
    "during a charge that ends as %s stays, and nothing follows",
    async (_, outcome) => {
      using bench = benchOf();
      await unknownAt(bench);
      await bench.tick();
      await last(bench.default.looks).answer(NOTHING);
      await bench.tick();
      expect(bench.default.charges).toHaveLength(2);
      await operate(bench, "hold", 1);
      await last(bench.default.charges).answer(outcome);
      for (let i = 0; i < 5; i++) await bench.tick(5_000);
      expect(bench.stateOf(1)).toBe("held");
      expect(bench.default.charges).toHaveLength(2);
      expect(bench.default.looks).toHaveLength(1);
      await operate(bench, "release", 1, "held");
      await bench.tick();
      expect(bench.default.looks).toHaveLength(2);
    },
  );

  test("released during the call comes back once, by that call", async () => {
    using bench = benchOf();
    await unknownAt(bench);
    await bench.tick();
    await operate(bench, "hold", 1);
    await operate(bench, "release", 1, "held");
    await bench.tick(1_000);
    expect(bench.default.looks).toHaveLength(1);
    await last(bench.default.looks).answer(NOTHING);
    await bench.tick();
    expect(bench.default.charges).toHaveLength(2);
  });

  test("is in memory at once and answered when it is durable", async () => {
    using bench = benchOf();
    await unknownAt(bench);
    const repair = bench.breakJournal();
    let answered = false;
    const command = { kind: "payment", action: "hold", seq: 1, correlationId: idOf(1) } as const;
    void bench.pipeline
      .operate({ ...command, state: "unknown", grounds: GROUNDS })
      .then(() => (answered = true));
    await bench.tick(5_000);
    expect(answered).toBe(false);
    expect(bench.default.looks).toEqual([]);
    expect(reasonOf(await operate(bench, "release", 1))).toContain("Another decision");
    repair();
    await bench.tick(1_000);
    expect(answered).toBe(true);
    expect(bench.stateOf(1)).toBe("held");
  });
});

describe("release", () => {
  test("sends nothing before it is durable", async () => {
    using bench = benchOf();
    await heldAt(bench);
    const repair = bench.breakJournal();
    void operate(bench, "release", 1, "held");
    for (let i = 0; i < 5; i++) await bench.tick(1_000);
    expect(bench.default.looks).toEqual([]);
    repair();
    for (let i = 0; i < 2; i++) await bench.tick(1_000);
    expect(bench.default.looks).toHaveLength(1);
  });
});

describe("ask", () => {
  test("settles what the processor has, unknown or held", async () => {
    for (const prepare of [unknownAt, heldAt]) {
      using bench = benchOf();
      await prepare(bench);
      const answer = operate(bench, "ask", 1);
      await settlePromises();
      await last(bench.default.looks).answer(bench.default.found());
      await bench.commit();
      expect(stateOf(await answer)).toBe("settled");
      await bench.commit();
      expect(bench.stateOf(1)).toBeUndefined();
      expect(bench.settled).toEqual([1, 0]);
    }
  });

  test("parks what the processor has with other data", async () => {
    using bench = benchOf();
    await heldAt(bench);
    const answer = operate(bench, "ask", 1);
    await settlePromises();
    await last(bench.default.looks).answer(bench.default.found({ amountCents: 1 }));
    await bench.commit();
    expect(stateOf(await answer)).toBe("conflict");
    await bench.commit();
    expect(bench.stateOf(1)).toBe("conflict");
  });

  test("leaves it as it is when there is no information", async () => {
    for (const [prepare, state] of [
      [unknownAt, "unknown"],
      [heldAt, "held"],
    ] as const) {
      using bench = benchOf();
      await prepare(bench);
      const answer = operate(bench, "ask", 1);
      await settlePromises();
      await last(bench.default.looks).answer(NOTHING);
      await bench.commit();
      expect(await answer).toMatchObject({
        state,
        detail: "default gives no proof (status 404).",
      });
      for (let i = 0; i < 3; i++) await bench.tick(1_000);
      expect(bench.default.charges).toHaveLength(state === "held" ? 1 : 2);
    }
  });
});

describe("settle", () => {
  test("counts at the frozen time, once, for an unknown and a held payment", async () => {
    for (const prepare of [unknownAt, heldAt]) {
      using bench = benchOf();
      await prepare(bench);
      bench.clock.nowMs += 7_000;
      expect(stateOf(await operate(bench, "settle", 1))).toBe("settled");
      expect(bench.stateOf(1)).toBeUndefined();
      expect(bench.settled).toEqual([1, 0]);
      expect(bench.ledger.head).toBe(1);
      const { requestedAtMs } = await bench.journal.rows(0, 10);
      expect([...requestedAtMs]).toEqual([WALL_START_MS]);
      for (let i = 0; i < 3; i++) await bench.tick(5_000);
      expect(bench.default.looks).toEqual([]);
      expect(reasonOf(await operate(bench, "settle", 1, "settled"))).toContain("final");
    }
  });
});

test("a payment of a processor that is not configured can be decided about, but not asked for", async () => {
  using bench = new Bench({
    processorTimeoutMs: TIMEOUT_MS,
    known: ["gone", "fallback", "default"],
  });
  const assignment = { processor: 0, requestedAtMs: WALL_START_MS };
  await bench.crash([1, 2].map((n) => ({ n, acceptedAtMs: WALL_START_MS, assignment })));
  const [first, second] = await bench.journal.open();
  const decide = async (action: PaymentAction, seq: number, unasked = false) => {
    const command = { kind: "payment", action, seq, correlationId: "", grounds: GROUNDS } as const;
    const answer = bench.pipeline.operate({ ...command, state: "unknown", unasked });
    await bench.commit();
    return answer;
  };
  expect(reasonOf(await decide("ask", first!.seq))).toBe("gone is not configured.");
  expect(stateOf(await decide("settle", first!.seq))).toBe("settled");
  bench.clock.nowMs += TWICE_MS;
  expect(reasonOf(await decide("absent", second!.seq))).toContain("(it is not configured)");
  expect(stateOf(await decide("absent", second!.seq, true))).toBe("accepted");
  expect(bench.default.looks).toEqual([]);
});

describe("a refusal", () => {
  test("for a payment on its first way, and one that is not open", async () => {
    using bench = benchOf();
    await (await bench.send(2)).answer(ACCEPTED);
    await bench.send(1);
    expect(reasonOf(await operate(bench, "hold", 2, "assigned"))).toContain(
      "first call to default",
    );
  });

  test("for one that is rejected", async () => {
    using bench = benchOf();
    await bench.reject(1, 2);
    for (const action of ["hold", "settle", "absent"] as const) {
      expect(reasonOf(await operate(bench, action, 1, "rejected"))).toContain("does not take");
    }
  });

  test("while the worker shuts down", async () => {
    using bench = benchOf();
    await heldAt(bench);
    bench.pipeline.startDrain();
    expect(await operate(bench, "release", 1, "held")).toMatchObject({ status: 503 });
  });
});

describe("a processor", () => {
  test("that is drained gets no new payment and no trial, but resolves its unknown ones", async () => {
    using bench = benchOf();
    await unknownAt(bench);
    expect(stateOf(await setMode(bench, "drain"))).toBe("drained");
    bench.openLane(0);
    bench.take(2);
    await bench.commit();
    expect(bench.fallback.bodiesOf(2)).toHaveLength(1);
    await bench.tick();
    await last(bench.default.looks).answer(NOTHING);
    await bench.commit();
    for (let i = 0; i < 3; i++) await bench.tick(100);
    expect(bench.default.bodiesOf(1)).toHaveLength(2);
    expect(bench.default.bodiesOf(2)).toEqual([]);
  });

  test("all drained: payments are taken and wait", async () => {
    using bench = benchOf();
    await queued(bench);
    await bench.tick(60_000);
    expect(bench.verdictsOf(1)).toEqual(["stored"]);
    expect([...bench.default.charges, ...bench.fallback.charges]).toEqual([]);
    await setMode(bench, "resume", "fallback");
    await bench.tick();
    expect(bench.fallback.bodiesOf(1)).toHaveLength(1);
  });

  test("that is forced is used although its breaker is open, which goes on observing", async () => {
    using bench = benchOf();
    bench.openLane(0);
    expect(stateOf(await setMode(bench, "force"))).toBe("forced");
    for (const n of [1, 2, 3]) bench.take(n);
    await bench.commit();
    expect(bench.default.charges).toHaveLength(3);
    for (const charge of bench.default.charges) await charge.answer(ACCEPTED);
    expect(bench.lanes[0]!.breaker.kind).toBe("half-open");
    expect(bench.inFlight).toEqual([0, 0]);
    expect(stateOf(await setMode(bench, "resume"))).toBe("auto");
  });

  test("that nobody knows is 404, and one of earlier is refused", async () => {
    using bench = benchOf();
    expect(await setMode(bench, "drain", "nobody")).toMatchObject({ status: 404 });
    const configured = [{ name: "fallback", fee: 0.15 }];
    using later = new Bench({ journal: bench.journal, configured });
    expect(reasonOf(await setMode(later, "drain", "default"))).toContain("not configured any more");
  });

  test("is shown as the router sees it", async () => {
    using bench = benchOf();
    await setMode(bench, "drain", "fallback");
    const answer = await bench.pipeline.operate({ kind: "processors" });
    expect(answer).toEqual({
      kind: "processors",
      processors: [
        expect.objectContaining({ name: "default", mode: "auto", breaker: "closed" }),
        expect.objectContaining({ name: "fallback", mode: "drained", fee: 0.15 }),
      ],
    });
  });
});

test("holds and modes survive a restart, and can be taken back then", async () => {
  using before = benchOf();
  await heldAt(before, 1);
  await setMode(before, "drain", "fallback");
  await queuedBehind(before, 2);
  // The next process over the same journal, whose head is read anew.
  const modes: ProcessorMode[] = ["auto", "drained"];
  const read = (journal: Journal, name: keyof Journal) => {
    if (name === "head") return { ...journal.head, modes };
    const value = journal[name];
    return typeof value === "function" ? value.bind(journal) : value;
  };
  const journal = new Proxy(before.journal as Journal, {
    get: (target, name) => read(target, name as keyof Journal),
  });
  using after = new Bench({ journal, processorTimeoutMs: TIMEOUT_MS });
  await after.pipeline.recover();
  expect(after.pipeline.payments.countByState).toMatchObject({ held: 2, unknown: 0, queued: 0 });
  expect(after.lanes.map(({ mode }) => mode)).toEqual(modes);
  expect(after.pipeline.payments.oldest()).toBeUndefined();
  const commit = async () => {
    while (before.journal.commit(before.clock.nowMs)) await settlePromises();
    await settlePromises();
  };
  const release = async (n: number) => {
    const command = { kind: "payment", action: "release", seq: n, correlationId: idOf(n) } as const;
    const answer = after.pipeline.operate({ ...command, state: "held", grounds: GROUNDS });
    await commit();
    return stateOf(await answer);
  };
  expect(await release(1)).toBe("unknown");
  expect(await release(2)).toBe("accepted");
  after.pipeline.tick();
  await commit();
  expect(after.default.looks).toHaveLength(1);
  expect(after.default.bodiesOf(2)).toHaveLength(1);
  expect(after.fallback.charges).toEqual([]);
});

/** A payment without a processor, held. */
async function queuedBehind(bench: Bench, n: number): Promise<void> {
  await setMode(bench, "drain", "default");
  bench.take(n);
  await bench.commit();
  expect(stateOf(await operate(bench, "hold", n, "accepted"))).toBe("held");
  await setMode(bench, "resume", "default");
}
