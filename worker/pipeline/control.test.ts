/**
 * A "nothing" that nobody has proven, at the real pipeline: on a restored journal it charges nothing, and
 * on any journal it takes no payment from its processor.
 */
import { describe, expect, test } from "bun:test";
import type { LookOutcome } from "../processor.ts";
import { ASKING_DEFAULTS } from "./asking.ts";
import { chargesOf, FOUND, looked, restored, rowsOf, taken, THEN_MS } from "./caution.fixture.ts";
import { benchOf, heldAt, operate, reasonOf, stateOf, TWICE_MS } from "./operator.fixture.ts";
import {
  Bench,
  NOTHING,
  settledBeforeAt,
  UNASKED,
  UNCLEAR,
  type ScriptedProcessor,
} from "./scripted.fixture.ts";
import { idOf, settlePromises, WALL_START_MS } from "./world.fixture.ts";

const KNOWN: LookOutcome = { kind: "found", amountCents: 4_200, requestedAtMs: 0 };
const LONG_MS = 20_000;
const UNKNOWN_THERE = `it does not know ${settledBeforeAt(1).correlationId}, which it has settled`;

/** Answers all that a processor is asked, and gives what happens then the time for it. */
async function answer(bench: Bench, { looks }: ScriptedProcessor, by: LookOutcome): Promise<void> {
  for (const question of looks.splice(0)) await question.answer(by);
  await looked(bench);
}

const cannotAsk = (bench: Bench) =>
  bench.pipeline.incidents
    .open()
    .filter(({ kind }) => kind === "cannot-ask")
    .map(({ subject, details }) => [subject, details]);

describe("on a restored journal", () => {
  test("a processor that does not know what it has settled is not believed, and that is said", async () => {
    using bench = await restored();
    bench.fallback.aboutSettled = NOTHING;
    await taken(bench);
    await answer(bench, bench.default, NOTHING);
    await answer(bench, bench.fallback, NOTHING);
    for (let n = 0; n < ASKING_DEFAULTS.triesMax; n++) await looked(bench, LONG_MS);
    expect(chargesOf(bench)).toEqual([0, 0]);
    expect(cannotAsk(bench)).toEqual([["fallback", { reason: UNKNOWN_THERE, waiting: 1 }]]);
    bench.fallback.aboutSettled = KNOWN;
    await looked(bench, LONG_MS);
    // It answered nothing while nobody could believe it, and is asked again.
    await answer(bench, bench.fallback, FOUND);
    expect(chargesOf(bench)).toEqual([0, 0]);
    expect(rowsOf(bench)).toEqual([{ processor: 1, atMs: THEN_MS, cents: 1_990 }]);
    await looked(bench, LONG_MS);
    expect(cannotAsk(bench)).toEqual([]);
  });

  test("a payment is found at one that is not believed, and where another one has it that is enough", async () => {
    using bench = await restored();
    bench.fallback.aboutSettled = NOTHING;
    await taken(bench);
    await answer(bench, bench.default, NOTHING);
    await answer(bench, bench.fallback, FOUND);
    expect(rowsOf(bench)).toHaveLength(1);
    await taken(bench, 2);
    await answer(bench, bench.fallback, NOTHING);
    await answer(bench, bench.default, FOUND);
    expect(rowsOf(bench)).toHaveLength(2);
    expect(chargesOf(bench)).toEqual([0, 0]);
  });

  test.each([
    ["a 404", NOTHING],
    ["no answer", UNASKED],
    ["an answer that cannot be read", UNCLEAR],
    ["another amount", { ...KNOWN, amountCents: 4_201 } as LookOutcome],
  ])("it proves nothing when the control behind it has %s", async (_, control) => {
    using bench = await restored();
    await taken(bench);
    await answer(bench, bench.default, NOTHING);
    bench.fallback.aboutSettled = control;
    await answer(bench, bench.fallback, NOTHING);
    await looked(bench, LONG_MS);
    expect(chargesOf(bench)).toEqual([0, 0]);
    bench.fallback.aboutSettled = KNOWN;
    await looked(bench, LONG_MS);
    await answer(bench, bench.fallback, FOUND);
    expect([chargesOf(bench), rowsOf(bench).length]).toEqual([[0, 0], 1]);
  });

  test("it proves nothing when another call failed while it was on its way", async () => {
    using bench = await restored();
    for (const n of [1, 2]) await taken(bench, n);
    await answer(bench, bench.default, NOTHING);
    const [failing, other] = bench.fallback.looks.splice(0);
    await failing!.answer(UNASKED);
    await other!.answer(NOTHING);
    await looked(bench, LONG_MS);
    expect(chargesOf(bench)).toEqual([0, 0]);
    for (let n = 0; n < 3; n++) await answer(bench, bench.fallback, NOTHING);
    expect(chargesOf(bench)).toEqual([2, 0]);
  });

  test("it waits for a control that was asked for behind it, not for one on its way", async () => {
    using bench = await restored();
    for (const n of [1, 2]) await taken(bench, n);
    await answer(bench, bench.default, NOTHING);
    const [first, second] = bench.fallback.looks.splice(0);
    const control = Promise.withResolvers<LookOutcome>();
    bench.fallback.aboutSettled = control.promise;
    await first!.answer(NOTHING);
    await bench.tick();
    await second!.answer(NOTHING);
    bench.fallback.aboutSettled = NOTHING;
    control.resolve(KNOWN);
    await looked(bench);
    expect(chargesOf(bench)).toEqual([1, 0]);
    await looked(bench, LONG_MS);
    expect(chargesOf(bench)).toEqual([1, 0]);
  });

  test("a control that was on its way as a call failed begins nothing", async () => {
    using bench = await restored();
    for (const n of [1, 2]) await taken(bench, n);
    const [first, second] = bench.fallback.looks.splice(0);
    const control = Promise.withResolvers<LookOutcome>();
    bench.fallback.aboutSettled = control.promise;
    await first!.answer(NOTHING);
    await bench.tick();
    await second!.answer(UNASKED);
    control.resolve(KNOWN);
    bench.fallback.aboutSettled = KNOWN;
    await settlePromises();
    const { controls } = bench.fallback;
    await bench.tick(ASKING_DEFAULTS.backoffMsFirst);
    expect([bench.fallback.controls, bench.fallback.looks.length]).toEqual([controls + 1, 0]);
  });

  test("a look long after the control has one of its own before it", async () => {
    using bench = await restored();
    await taken(bench);
    await answer(bench, bench.default, NOTHING);
    await answer(bench, bench.fallback, NOTHING);
    const { controls } = bench.fallback;
    await bench.tick(LONG_MS);
    bench.take(2);
    await bench.commit();
    await bench.tick();
    expect([bench.fallback.controls, bench.fallback.looks.length]).toEqual([controls + 1, 0]);
  });

  test("another payment is the control when the newest is forgotten", async () => {
    using bench = await restored();
    bench.db.run("UPDATE payments SET processor = 1 WHERE seq <= 0");
    using next = new Bench({ journal: bench.journal });
    next.fallback.aboutSettled = NOTHING;
    await next.pipeline.recover();
    next.take(1);
    await bench.commit();
    const asked: string[] = [];
    const older = settledBeforeAt(0).correlationId;
    for (let n = 0; n < 8; n++) {
      await next.tick(100);
      for (const question of next.fallback.looks.splice(0)) {
        asked.push(question.asked);
        await question.answer(question.asked === older ? KNOWN : NOTHING);
      }
    }
    expect(next.fallback.controls).toBe(1);
    expect(asked).toEqual([idOf(1), older, idOf(1), older]);
  });

  test("what was settled since the restore is no control: an empty processor would know it too", async () => {
    using bench = await restored({ restoredAtMs: WALL_START_MS - 2 * 86_400_000 });
    await taken(bench);
    await answer(bench, bench.default, NOTHING);
    await answer(bench, bench.fallback, NOTHING);
    await looked(bench, LONG_MS);
    expect(chargesOf(bench)).toEqual([0, 0]);
    expect(bench.default.controls).toBe(0);
  });

  test("one that has settled nothing is believed by an operator's word alone, and that says why", async () => {
    using bench = await restored({ settledBefore: false });
    await taken(bench);
    for (const processor of bench.processors) await answer(bench, processor, NOTHING);
    await looked(bench, LONG_MS);
    expect(chargesOf(bench)).toEqual([0, 0]);
    expect(cannotAsk(bench)).toEqual(
      ["default", "fallback"].map((name) => [
        name,
        { reason: expect.stringContaining("no payment that it has settled"), waiting: 1 },
      ]),
    );
    const absent = async (unasked: boolean) => {
      const answered = operate(bench, "absent", 1, "accepted", unasked);
      await settlePromises();
      for (const processor of bench.processors) await answer(bench, processor, NOTHING);
      return answered;
    };
    expect(reasonOf(await absent(false))).toContain("its 404 is not believed");
    expect(stateOf(await absent(true))).toBe("accepted");
    await looked(bench);
    expect(chargesOf(bench)).toEqual([1, 0]);
  });

  test("one that has settled nothing is asked again, since another one may have answered for it", async () => {
    using bench = await restored({ settledBefore: false });
    await taken(bench);
    await answer(bench, bench.default, NOTHING);
    await answer(bench, bench.fallback, NOTHING);
    await looked(bench, ASKING_DEFAULTS.backoffMsMax);
    await answer(bench, bench.fallback, FOUND);
    await answer(bench, bench.default, NOTHING);
    expect([chargesOf(bench), rowsOf(bench).length]).toEqual([[0, 0], 1]);
  });

  test("one that has settled nothing is believed once a payment was found there", async () => {
    using bench = await restored({ settledBefore: false });
    for (const n of [1, 2]) await taken(bench, n);
    for (const { looks } of bench.processors) {
      await looks.shift()!.answer(NOTHING);
      await looks.shift()!.answer(FOUND);
    }
    await looked(bench);
    for (let n = 0; n < 4; n++) {
      for (const { looks } of bench.processors) {
        const isControl = looks.map(({ asked }) => asked.endsWith("2"));
        for (const [i, question] of looks.splice(0).entries()) {
          await question.answer(isControl[i] === true ? FOUND : NOTHING);
        }
      }
      await looked(bench);
    }
    expect(chargesOf(bench)).toEqual([1, 0]);
  });
});

describe("absent, on any journal", () => {
  async function absent(bench: Bench, control: LookOutcome, unasked = false) {
    bench.default.aboutSettled = control;
    bench.clock.nowMs += TWICE_MS;
    const answered = operate(bench, "absent", 1, "held", unasked);
    await settlePromises();
    await answer(bench, bench.default, NOTHING);
    return answered;
  }

  test.each([NOTHING, UNASKED])(
    "is refused when the control is $kind, unless somebody says so",
    async (control) => {
      using bench = benchOf();
      await heldAt(bench);
      expect(reasonOf(await absent(bench, control))).toContain("its 404 is not believed");
      expect(bench.stateOf(1)).toBe("held");
      expect(stateOf(await absent(bench, control, true))).toBe("accepted");
    },
  );

  test("is refused when the processor has settled nothing before it", async () => {
    using bench = new Bench({ processorTimeoutMs: TWICE_MS / 2 });
    await heldAt(bench);
    expect(reasonOf(await absent(bench, KNOWN))).toContain("no payment that it has settled");
  });

  test("needs the control before the look and after it", async () => {
    using bench = benchOf();
    await heldAt(bench);
    const { controls } = bench.default;
    expect(stateOf(await absent(bench, KNOWN))).toBe("accepted");
    expect(bench.default.controls).toBe(controls + 2);
  });
});
