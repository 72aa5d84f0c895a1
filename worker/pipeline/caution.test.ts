/** Tests payments on a journal that was restored from a copy, at the real pipeline between scripted processors. */
import { describe, expect, test } from "bun:test";
import type { LookOutcome } from "../processor.ts";
import { ASKING_DEFAULTS } from "./asking.ts";
import { chargesOf, FOUND, looked, restored, rowsOf, taken, THEN_MS } from "./caution.fixture.ts";
import { GROUNDS, operate, reasonOf, stateOf, TIMEOUT_MS, TWICE_MS } from "./operator.fixture.ts";
import {
  ACCEPTED,
  Bench,
  last,
  NOTHING,
  UNASKED,
  UNCLEAR,
  UNKNOWN,
  type ScriptedProcessor,
} from "./scripted.fixture.ts";
import { idOf, settlePromises, WALL_START_MS } from "./world.fixture.ts";

const { inFlightMax, triesMax } = ASKING_DEFAULTS;

/** Gives both answers to the newest looks. */
async function answerBoth(bench: Bench, first: LookOutcome, second: LookOutcome): Promise<void> {
  await last(bench.default.looks).answer(first);
  await last(bench.fallback.looks).answer(second);
  await looked(bench);
}

/** Answers so until a processor counts as one that cannot be asked. */
async function failLooks(bench: Bench, processor: ScriptedProcessor, by = UNASKED): Promise<void> {
  for (let tries = 1; tries <= triesMax; tries++) {
    await last(processor.looks).answer(by);
    await looked(bench, 10_000);
  }
}

const looksOf = (bench: Bench) => [bench.default.looks.length, bench.fallback.looks.length];
const left = (n: number, processor: number | null) => ({
  n,
  acceptedAtMs: WALL_START_MS - 20_000,
  assignment: processor === null ? null : { processor, requestedAtMs: WALL_START_MS - 19_000 },
});
const reasonsOf = (bench: Bench) => bench.db.query("SELECT reason FROM attempts").values().flat();

async function trust(bench: Bench) {
  const answer = bench.pipeline.operate({ kind: "journal", action: "trust", grounds: GROUNDS });
  await bench.commit();
  return answer;
}

describe("a new payment", () => {
  test("is answered, and asked for everywhere before it is charged", async () => {
    using bench = await restored();
    await taken(bench);
    expect(bench.verdictsOf(1)).toEqual(["stored"]);
    expect([looksOf(bench), chargesOf(bench)]).toEqual([
      [1, 1],
      [0, 0],
    ]);
    await last(bench.default.looks).answer(NOTHING);
    await looked(bench);
    expect(chargesOf(bench)).toEqual([0, 0]);
    await last(bench.fallback.looks).answer(NOTHING);
    await looked(bench);
    expect(chargesOf(bench)).toEqual([1, 0]);
    await last(bench.default.charges).answer(ACCEPTED);
    expect(bench.settled).toEqual([1, 0]);
    expect(bench.pipeline.caution?.counts).toEqual({ nowhere: 1, found: 0, conflict: 0 });
  });

  test("that was charged already settles where it was, with that instant, and is charged nowhere", async () => {
    using bench = await restored();
    await taken(bench);
    await answerBoth(bench, NOTHING, FOUND);
    await looked(bench);
    expect(chargesOf(bench)).toEqual([0, 0]);
    expect(rowsOf(bench)).toEqual([{ processor: 1, atMs: THEN_MS, cents: 1_990 }]);
    const moves = bench.written.map(({ kind }) => kind);
    expect(moves).toEqual(["accept", "find", "settle"]);
    expect(bench.settled).toEqual([0, 1]);
  });

  test("that was charged with another amount is in conflict", async () => {
    using bench = await restored();
    await taken(bench);
    await answerBoth(bench, { ...FOUND, amountCents: 5 } as LookOutcome, NOTHING);
    expect(chargesOf(bench)).toEqual([0, 0]);
    expect(bench.stateOf(1)).toBe("conflict");
    expect(reasonsOf(bench)).toEqual([expect.stringContaining("another amount")]);
    expect(rowsOf(bench)).toEqual([]);
  });

  test("that two have charged is in conflict, with a sentence that names both", async () => {
    using bench = await restored();
    await taken(bench);
    await answerBoth(bench, FOUND, { ...FOUND, requestedAtMs: THEN_MS + 1 } as LookOutcome);
    expect(chargesOf(bench)).toEqual([0, 0]);
    expect(bench.stateOf(1)).toBe("conflict");
    expect(reasonsOf(bench)).toEqual([
      "more than one processor has charged it: default has 19.90 at 2025-12-31T23:59:55.000Z, " +
        "and fallback has 19.90 at 2025-12-31T23:59:55.001Z",
    ]);
  });

  test("is asked for again while a processor does not answer, and goes on when it does", async () => {
    using bench = await restored();
    await taken(bench);
    await last(bench.default.looks).answer(NOTHING);
    await failLooks(bench, bench.fallback);
    expect(bench.pipeline.caution?.stuckAt(bench.lanes[1]!)).toBe(1);
    await taken(bench, 2);
    await last(bench.default.looks).answer(NOTHING);
    expect(bench.pipeline.caution?.stuckAt(bench.lanes[1]!)).toBe(2);
    expect(chargesOf(bench)).toEqual([0, 0]);
    // A single look shows that it works again; then the others follow.
    await looked(bench, 10_000);
    for (let i = 0; i < 2; i++) {
      await last(bench.fallback.looks).answer(NOTHING);
      await looked(bench);
    }
    expect(bench.pipeline.caution?.stuckAt(bench.lanes[1]!)).toBe(0);
    expect(chargesOf(bench)).toEqual([2, 0]);
  });

  test("that one processor has settles there though another cannot be asked", async () => {
    using bench = await restored();
    await taken(bench);
    await last(bench.default.looks).answer(FOUND);
    await looked(bench);
    expect(rowsOf(bench)).toEqual([]);
    await failLooks(bench, bench.fallback);
    expect(rowsOf(bench)).toEqual([{ processor: 0, atMs: THEN_MS, cents: 1_990 }]);
    // It is known by now who cannot be asked.
    await taken(bench, 2);
    await last(bench.default.looks).answer(FOUND);
    await looked(bench);
    expect(rowsOf(bench)).toHaveLength(2);
  });

  test("waits while an answer cannot be read, and keeps nobody else waiting", async () => {
    using bench = await restored();
    await taken(bench);
    await last(bench.default.looks).answer(UNCLEAR);
    await last(bench.fallback.looks).answer(NOTHING);
    await taken(bench, 2);
    await looked(bench, 300);
    for (const question of bench.default.looks.slice(1)) {
      await question.answer(question.asked === idOf(2) ? NOTHING : UNCLEAR);
    }
    await looked(bench, 10_000);
    await last(bench.fallback.looks).answer(NOTHING);
    for (const question of bench.default.looks.slice(1)) {
      await question.answer(question.asked === idOf(2) ? NOTHING : UNCLEAR);
    }
    await looked(bench);
    expect(bench.default.bodiesOf(1)).toEqual([]);
    expect(bench.default.bodiesOf(2)).toHaveLength(1);
  });

  test("is not asked for before what the last worker had under way has ended", async () => {
    using bench = await restored({ restoredAtMs: WALL_START_MS - TIMEOUT_MS });
    await taken(bench);
    await bench.tick(TWICE_MS - TIMEOUT_MS - 40);
    expect(looksOf(bench)).toEqual([0, 0]);
    expect(reasonOf(await operate(bench, "absent", 1, "accepted"))).toContain("wait another 2 s");
    await looked(bench, 30);
    expect(looksOf(bench)).toEqual([1, 1]);
  });

  test("waits for a processor with another address; a clock that was set back waits no longer", async () => {
    using bench = await restored({ restoredAtMs: WALL_START_MS + 9_000_000 });
    bench.lanes[1]!.movedFrom = "http://elsewhere";
    await taken(bench);
    await looked(bench, TWICE_MS);
    await last(bench.default.looks).answer(NOTHING);
    await looked(bench, 60_000);
    expect([looksOf(bench), chargesOf(bench)]).toEqual([
      [1, 0],
      [0, 0],
    ]);
    expect(bench.pipeline.caution?.stuckAt(bench.lanes[1]!)).toBe(1);
  });
});

describe("an open payment of the copy", () => {
  test("of nobody is asked for everywhere", async () => {
    using bench = await restored({}, [left(1, null)]);
    await looked(bench);
    expect([looksOf(bench), chargesOf(bench)]).toEqual([
      [1, 1],
      [0, 0],
    ]);
    await answerBoth(bench, FOUND, NOTHING);
    expect(rowsOf(bench)).toEqual([{ processor: 0, atMs: THEN_MS, cents: 1_990 }]);
  });

  test("that has gone elsewhere since settles there", async () => {
    using bench = await restored({}, [left(1, 0)]);
    await looked(bench);
    await answerBoth(bench, NOTHING, FOUND);
    expect(rowsOf(bench)).toEqual([{ processor: 1, atMs: THEN_MS, cents: 1_990 }]);
    expect(chargesOf(bench)).toEqual([0, 0]);
  });

  test("that was released and assigned to the same processor again settles with the later instant", async () => {
    using bench = await restored({}, [left(1, 0)]);
    await looked(bench);
    await answerBoth(bench, FOUND, NOTHING);
    expect(rowsOf(bench)).toEqual([{ processor: 0, atMs: THEN_MS, cents: 1_990 }]);
  });

  test("that is recorded nowhere is resolved at its processor, with the body that it had", async () => {
    using bench = await restored({}, [left(1, 1)]);
    await looked(bench, 500);
    await answerBoth(bench, NOTHING, NOTHING);
    expect(chargesOf(bench)).toEqual([0, 0]);
    await looked(bench, 500);
    await last(bench.fallback.looks).answer(NOTHING);
    await looked(bench);
    expect(bench.fallback.bodiesOf(1)).toEqual([
      expect.stringContaining("2025-12-31T23:59:41.000Z"),
    ]);
    // From here on it goes the usual way.
    await last(bench.fallback.charges).answer(UNKNOWN);
    await looked(bench, 20_000);
    expect(looksOf(bench)).toEqual([1, 3]);
  });

  test("that is held is left alone until it is released, and asked for then", async () => {
    using bench = await restored({}, [left(1, null)]);
    const seq = 10_001;
    const on = (action: "hold" | "release") =>
      bench.pipeline.operate({
        kind: "payment",
        action,
        seq,
        correlationId: idOf(1),
        state: "accepted",
        grounds: GROUNDS,
      });
    const held = on("hold");
    await bench.commit();
    expect(stateOf(await held)).toBe("held");
    await looked(bench);
    expect(looksOf(bench)).toEqual([0, 0]);
    void on("release");
    await bench.commit();
    await looked(bench);
    expect(looksOf(bench)).toEqual([1, 1]);
    expect(chargesOf(bench)).toEqual([0, 0]);
  });
});

describe("an operator", () => {
  test("asks every processor about a payment that waits", async () => {
    using bench = await restored();
    await taken(bench);
    await last(bench.default.looks).answer(NOTHING);
    await failLooks(bench, bench.fallback);
    const asked = operate(bench, "ask", 1, "accepted");
    await settlePromises();
    await last(bench.default.looks).answer(NOTHING);
    await last(bench.fallback.looks).answer(UNASKED);
    await bench.commit();
    expect(await asked).toMatchObject({
      kind: "done",
      detail: "a processor gives no proof (default: status 404; fallback: status 503).",
    });
    const found = operate(bench, "ask", 1, "accepted");
    await settlePromises();
    await last(bench.default.looks).answer(NOTHING);
    await last(bench.fallback.looks).answer(FOUND);
    await bench.commit();
    expect(stateOf(await found)).toBe("settled");
    expect(rowsOf(bench)).toHaveLength(1);
  });

  test.each(["accepted", "held"] as const)(
    "ends the wait of one that is %s by absent",
    async (state) => {
      using bench = await restored();
      await taken(bench);
      if (state === "held") await operate(bench, "hold", 1, "accepted");
      await looked(bench, TWICE_MS);
      const absent = async (unasked: boolean) => {
        const answer = operate(bench, "absent", 1, state, unasked);
        await settlePromises();
        await last(bench.default.looks).answer(NOTHING);
        await last(bench.fallback.looks).answer(UNASKED);
        await bench.commit();
        return answer;
      };
      expect(reasonOf(await absent(false))).toContain("fallback: status 503");
      await looked(bench);
      expect(chargesOf(bench)).toEqual([0, 0]);
      expect(stateOf(await absent(true))).toBe("accepted");
      await looked(bench);
      expect(chargesOf(bench)).toEqual([1, 0]);
      const actions = bench.db.query("SELECT action FROM interventions").values().flat();
      expect(actions.slice(-3)).toEqual(["ask", "ask", "absent"]);
    },
  );

  test.each(["unknown", "held"] as const)(
    "lets one that is %s, and that its processor said it has, be sent there again by absent",
    async (state) => {
      using bench = await restored({}, [{ ...left(1, 0), isClaimed: true }]);
      const { seq } = (await bench.journal.open())[0]!;
      if (state === "held") await operate(bench, "hold", seq, "unknown");
      await looked(bench, TWICE_MS);
      const absent = async (unasked: boolean) => {
        const answer = operate(bench, "absent", seq, state, unasked);
        await settlePromises();
        await last(bench.default.looks).answer(NOTHING);
        await last(bench.fallback.looks).answer(UNASKED);
        await bench.commit();
        return answer;
      };
      expect(reasonOf(await absent(false))).toContain("fallback: status 503");
      await looked(bench);
      expect(chargesOf(bench)).toEqual([0, 0]);
      expect(await absent(true)).toMatchObject({
        state: "unknown",
        detail: expect.stringContaining("sent to default again"),
      });
      await looked(bench);
      await last(bench.default.looks).answer(NOTHING);
      await looked(bench);
      expect(chargesOf(bench)).toEqual([1, 0]);
      await last(bench.default.charges).answer(ACCEPTED);
      await bench.commit();
      expect(rowsOf(bench)).toMatchObject([{ processor: 0, atMs: WALL_START_MS - 19_000 }]);
    },
  );

  test("is told that the processor it belongs to was not asked, when that is not configured", async () => {
    using bench = await restored({ known: ["gone", "fallback", "default"] }, [left(1, 0)]);
    await looked(bench, TWICE_MS);
    const seq = (await bench.journal.open())[0]!.seq;
    const absent = async (unasked: boolean) => {
      const answer = operate(bench, "absent", seq, "unknown", unasked);
      await settlePromises();
      await answerBoth(bench, NOTHING, NOTHING);
      await bench.commit();
      return answer;
    };
    expect(reasonOf(await absent(false))).toContain("asked (gone: it is not configured;");
    await looked(bench);
    expect(chargesOf(bench)).toEqual([0, 0]);
    expect(stateOf(await absent(true))).toBe("accepted");
  });

  test("trusts the journal: what waits goes its usual way, and nothing is asked for any more", async () => {
    using bench = await restored({}, [left(1, null), left(2, 1)]);
    await looked(bench);
    expect(await trust(bench)).toMatchObject({ kind: "done", state: "trusted" });
    expect(bench.pipeline.caution).toBeNull();
    await looked(bench, 100);
    expect(chargesOf(bench)).toEqual([1, 0]);
    expect(last(bench.fallback.looks).asked).toBe(idOf(2));
    const before = bench.default.looks.length;
    bench.take(3);
    await bench.commit();
    expect([chargesOf(bench), bench.default.looks.length]).toEqual([[2, 0], before]);
    // Answers that come now are nobody's.
    await bench.default.looks[0]!.answer(FOUND);
    expect(rowsOf(bench)).toEqual([]);
    expect(bench.db.query("SELECT 1 FROM meta WHERE key = 'restored_at_ms'").all()).toEqual([]);
    const said = bench.db.query("SELECT who, action, why, seq, processor FROM interventions").all();
    expect(said).toEqual([
      { who: "ana", action: "trust", why: "ticket 7", seq: null, processor: null },
    ]);
    expect(reasonOf(await trust(bench))).toContain("trusted already");
  });

  test("cannot trust it before anything could be asked for", async () => {
    using bench = await restored({ restoredAtMs: WALL_START_MS - TIMEOUT_MS });
    await taken(bench);
    expect(reasonOf(await trust(bench))).toContain(`wait another ${TIMEOUT_MS / 1_000} s`);
    expect(bench.pipeline.caution).not.toBeNull();
    await bench.tick(TIMEOUT_MS);
    expect(await trust(bench)).toMatchObject({ kind: "done", state: "trusted" });
  });

  test("who asks while the journal is trusted leaves no payment behind", async () => {
    using bench = await restored();
    await taken(bench);
    const asked = operate(bench, "ask", 1, "accepted");
    await settlePromises();
    await trust(bench);
    await last(bench.default.looks).answer(NOTHING);
    await last(bench.fallback.looks).answer(NOTHING);
    await bench.commit();
    await asked;
    await looked(bench);
    expect(chargesOf(bench)).toEqual([1, 0]);
  });

  test("has nothing to trust in a journal that was never restored", async () => {
    using bench = new Bench();
    expect(bench.pipeline.caution).toBeNull();
    expect(reasonOf(await trust(bench))).toContain("was not restored");
  });
});

test("a processor is asked for no more than its share at a time", async () => {
  using bench = await restored();
  for (let n = 0; n < inFlightMax + 5; n++) bench.take(n);
  await bench.commit();
  await looked(bench);
  expect(looksOf(bench)).toEqual([inFlightMax, inFlightMax]);
  await bench.default.looks[0]!.answer(NOTHING);
  await looked(bench);
  expect(looksOf(bench)).toEqual([inFlightMax + 1, inFlightMax]);
});

test("many calls that fail together are one try", async () => {
  using bench = await restored();
  for (let n = 0; n < inFlightMax; n++) bench.take(n);
  await bench.commit();
  await looked(bench);
  for (const question of bench.default.looks.splice(0)) await question.answer(UNASKED);
  await looked(bench);
  expect(bench.pipeline.caution?.stuckAt(bench.lanes[0]!)).toBe(0);
  await looked(bench, 1_000);
  expect(bench.default.looks).toHaveLength(1);
});
