/** The one decision that can lead to a second charge: what is asked before, and what refuses it. */
import { describe, expect, test } from "bun:test";
import type { LookOutcome } from "../processor.ts";
import {
  GROUNDS,
  TIMEOUT_MS,
  TWICE_MS,
  operate,
  seqOf,
  setMode,
  reasonOf,
  stateOf,
  unknownAt,
  heldAt,
  benchOf,
} from "./operator.fixture.ts";
import { ACCEPTED, Bench, EXISTS, last, NOTHING, UNASKED, UNCLEAR } from "./scripted.fixture.ts";
import { idOf, settlePromises, WALL_START_MS } from "./world.fixture.ts";

describe("absent", () => {
  test("frees a payment for another processor, after the processor was asked once more", async () => {
    using bench = benchOf();
    await heldAt(bench);
    bench.clock.nowMs += TWICE_MS;
    await setMode(bench, "drain");
    const answer = operate(bench, "absent", 1);
    await settlePromises();
    await last(bench.default.looks).answer(NOTHING);
    await bench.commit();
    expect(stateOf(await answer)).toBe("accepted");
    await bench.tick();
    expect(bench.fallback.bodiesOf(1)).toHaveLength(1);
    await last(bench.fallback.charges).answer(ACCEPTED);
    expect(bench.settled).toEqual([0, 1]);
  });

  test("is refused while an attempt that was given up may still be charged", async () => {
    using bench = benchOf();
    await heldAt(bench);
    bench.clock.nowMs += TWICE_MS - 1;
    const reason = reasonOf(await operate(bench, "absent", 1));
    expect(reason).toContain("may still charge");
    expect(reason).toContain("another 1 s");
    expect(bench.default.looks).toEqual([]);
  });

  test("lets nothing leave for it while that is being decided and written down", async () => {
    using bench = benchOf();
    await unknownAt(bench);
    bench.clock.nowMs += TWICE_MS;
    const mend = bench.breakJournal();
    const answer = operate(bench, "absent", 1);
    await settlePromises();
    await last(bench.default.looks).answer(NOTHING);
    await bench.tick();
    expect(bench.default.bodiesOf(1)).toHaveLength(1);
    mend();
    await bench.tick(1_000);
    expect(stateOf(await answer)).toBe("accepted");
  });

  test("is refused, and settled, when the processor turns out to have it", async () => {
    using bench = benchOf();
    await heldAt(bench);
    bench.clock.nowMs += TWICE_MS;
    const answer = operate(bench, "absent", 1);
    await settlePromises();
    await last(bench.default.looks).answer(bench.default.found());
    await bench.commit();
    expect(reasonOf(await answer)).toContain("settled instead");
    expect(bench.settled).toEqual([1, 0]);
    expect(bench.fallback.charges).toEqual([]);
  });

  test("is refused when the processor has it with other data", async () => {
    using bench = benchOf();
    await heldAt(bench);
    bench.clock.nowMs += TWICE_MS;
    const answer = operate(bench, "absent", 1);
    await settlePromises();
    await last(bench.default.looks).answer(bench.default.found({ amountCents: 5 }));
    await bench.commit();
    expect(reasonOf(await answer)).toContain("another amount");
    await bench.commit();
    expect(bench.stateOf(1)).toBe("conflict");
  });

  /** Somebody says that a held payment is absent; its processor answers that. */
  async function absent(bench: Bench, looked: LookOutcome, unasked = false) {
    bench.clock.nowMs += TWICE_MS;
    await setMode(bench, "drain");
    const answer = operate(bench, "absent", 1, "held", unasked);
    await settlePromises();
    await last(bench.default.looks).answer(looked);
    await bench.commit();
    return answer;
  }

  test("is refused while what its processor says is not clear, whatever the operator knows", async () => {
    using bench = benchOf();
    await heldAt(bench);
    for (const unasked of [false, true]) {
      expect(reasonOf(await absent(bench, UNCLEAR, unasked))).toContain("not clear");
    }
    expect(bench.stateOf(1)).toBe("held");
    await bench.tick(1_000);
    expect(bench.fallback.charges).toEqual([]);
  });

  test("of one that cannot be asked is refused, unless somebody says so, and that is kept", async () => {
    using bench = benchOf();
    await heldAt(bench);
    expect(reasonOf(await absent(bench, UNASKED))).toContain("could not be asked (status 503)");
    expect(bench.stateOf(1)).toBe("held");
    const done = await absent(bench, UNASKED, true);
    const note = "default could not be asked (status 503).";
    expect(done).toMatchObject({ state: "accepted", detail: expect.stringContaining(note) });
    expect(bench.written.findLast(({ kind }) => kind === "absent")).toMatchObject({
      intervention: { ...GROUNDS, evidence: `mail of the processor – ${note}` },
    });
  });

  test("is refused once its processor said that it has it, also after a start", async () => {
    using bench = benchOf();
    await (await bench.send(1)).answer(EXISTS);
    await last(bench.default.looks).answer(UNASKED);
    await bench.commit();
    await operate(bench, "hold", 1);
    expect(reasonOf(await absent(bench, NOTHING))).toContain("422");
    expect(reasonOf(await absent(bench, UNASKED, true))).toContain("422");
    using next = new Bench({ processorTimeoutMs: TIMEOUT_MS, journal: bench.journal });
    await next.pipeline.recover();
    next.clock.nowMs += TWICE_MS;
    const seq = seqOf(1);
    const command = { kind: "payment", action: "absent", seq, correlationId: idOf(1) } as const;
    const answer = next.pipeline.operate({ ...command, state: "held", grounds: GROUNDS });
    await settlePromises();
    await last(next.default.looks).answer(NOTHING);
    await bench.commit();
    expect(reasonOf(await answer)).toContain("422");
  });

  test("that is refused leaves an unknown payment to be resolved", async () => {
    using bench = benchOf();
    await unknownAt(bench);
    expect(reasonOf(await absent(bench, UNCLEAR))).toContain("not clear");
    await bench.tick();
    expect(bench.default.bodiesOf(1)).toHaveLength(2);
  });

  test("counts from the start for what an earlier process sent", async () => {
    using bench = benchOf();
    const assignment = { processor: 0, requestedAtMs: WALL_START_MS - 86_400_000 };
    await bench.crash([{ n: 1, acceptedAtMs: WALL_START_MS - 86_400_000, assignment }]);
    const { seq } = (await bench.journal.open())[0]!;
    const command = { kind: "payment", seq, correlationId: idOf(1), grounds: GROUNDS } as const;
    const answer = await bench.pipeline.operate({
      ...command,
      action: "absent",
      state: "assigned",
    });
    expect(reasonOf(answer)).toContain("another 2 s");
  });
});
