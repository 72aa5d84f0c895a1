/** Incidents that the pipeline itself meets, each begun and ended where its state changes. */
import { expect, test } from "bun:test";
import type { ChargeOutcome } from "../processor.ts";
import { ACCEPTED, Bench, last, REFUSED } from "./scripted.fixture.ts";
import { WALL_START_MS } from "./world.fixture.ts";

const openIn = (bench: Bench) => bench.pipeline.incidents.open();
const kindsOf = (bench: Bench) => openIn(bench).map(({ kind, subject }) => [kind, subject]);

/** Answers all calls to the cheaper processor for a while, the same to each. */
async function answering(bench: Bench, outcome: ChargeOutcome, ms: number): Promise<void> {
  let answered = 0;
  for (let passed = 0; passed < ms; passed += 10) {
    for (const charge of bench.default.charges.slice(answered)) await charge.answer(outcome);
    answered = bench.default.charges.length;
    await bench.tick(10);
  }
}

test("a breaker that opens, until it is closed, with the calls that it cost", async () => {
  using bench = new Bench();
  for (let n = 1; n <= 20; n++) bench.take(n);
  await bench.commit();
  await answering(bench, REFUSED, 3_000);
  expect(openIn(bench)).toMatchObject([
    { kind: "breaker-open", subject: "default", times: 1, details: { cause: expect.any(String) } },
  ]);
  expect(openIn(bench)[0]!.cost["refused"]).toBeGreaterThan(0);
  for (const charge of bench.default.charges) await charge.answer(ACCEPTED).catch(() => {});
  for (let n = 21; n <= 60 && kindsOf(bench).length > 0; n++) {
    bench.take(n);
    await bench.commit();
    await bench.tick(1_000);
    await last(bench.default.charges).answer(ACCEPTED);
    await bench.commit();
  }
  expect(kindsOf(bench)).toEqual([]);
  expect(bench.pipeline.incidents.recent()).toMatchObject([{ kind: "breaker-open" }]);
});

test("calls that cannot be made, until some can", async () => {
  using bench = new Bench();
  const failed: ChargeOutcome = {
    kind: "refused",
    reason: "EMFILE",
    overloaded: false,
    ownFault: true,
  };
  await (await bench.send(1)).answer(failed);
  expect(openIn(bench)).toMatchObject([
    { kind: "no-calls", details: { reason: "EMFILE" }, cost: { calls: 1 } },
  ]);
  await bench.tick(1_500);
  await last(bench.default.charges).answer({ ...ACCEPTED, connected: true });
  expect(kindsOf(bench)).toEqual([]);
});

test("a processor whose address has moved, until an operator says that it is the same", async () => {
  const urls = ["http://new", "http://two"];
  using bench = new Bench({ urls });
  const before = ["http://one", "http://two"];
  await bench.journal.addresses(
    ["default", "fallback"].map((name, i) => ({ name, url: before[i]! })),
  );
  const assignment = { processor: 0, requestedAtMs: WALL_START_MS };
  await bench.crash([{ n: 1, acceptedAtMs: WALL_START_MS, assignment }]);
  const [moved] = openIn(bench);
  expect(moved).toMatchObject({ kind: "processor-moved", subject: "default" });
  expect(moved!.details).toMatchObject({ from: "http://one", to: "http://new", open: 1 });
  expect(moved!.details["wayOut"]).toContain("worker operator moved default");
  const grounds = { who: "ana", why: "ticket 7", evidence: "mail of the processor" };
  const command = { kind: "processor", action: "moved", name: "default", grounds } as const;
  const answer = bench.pipeline.operate(command);
  await bench.commit();
  expect(await answer).toMatchObject({ kind: "done" });
  expect(kindsOf(bench)).toEqual([]);
});
