/** The books between the pipeline and a journal that has it otherwise. */
import { expect, test } from "bun:test";
import { settle } from "../journal/journal.fixture.ts";
import { ACCEPTED, Bench, REFUSED, UNKNOWN } from "./scripted.fixture.ts";

/** The pipeline numbers payments in the order in which they come. */
const SEQ = 1;

test.each([
  ["settle", ACCEPTED, "assigned"],
  ["release", REFUSED, "assigned"],
  ["unknown", UNKNOWN, "unknown"],
] as const)(
  "what happened to a payment that the journal has elsewhere ends the process: %s",
  async (kind, outcome, here) => {
    using bench = new Bench();
    const charge = await bench.send(1);
    bench.store.apply([settle(SEQ, 0)]);
    await charge.answer(outcome);
    await expect(bench.commit()).rejects.toThrow(
      `${kind}; it is ${here} here, and settled in the journal`,
    );
  },
);

test("an assignment that the journal refuses ends the process, and nothing is sent", async () => {
  using bench = new Bench();
  bench.openLane(0);
  bench.take(1);
  await bench.commit();
  const assignment = { processor: 1, requestedAtMs: 1 };
  bench.store.apply([{ kind: "assign", seq: SEQ, assignment }]);
  bench.clock.nowMs += 100;
  bench.pipeline.tick();
  await expect(bench.commit()).rejects.toThrow(
    "assign; it is assigned here, and assigned in the journal",
  );
  expect(bench.default.charges).toEqual([]);
});

test("payments that wait for an operator are counted, also those that a start finds", async () => {
  using bench = new Bench();
  const parked = () => bench.pipeline.payments.parked.get("rejected") ?? 0;
  for (const n of [1, 2]) {
    await bench.reject(n, n + 10);
    expect(parked()).toBe(n);
  }
  using next = new Bench({ journal: bench.journal });
  await next.pipeline.recover();
  expect([...next.pipeline.payments.parked]).toEqual([["rejected", 2]]);
});
