/** A processor whose address has moved, at the real pipeline: nothing is sent there until somebody says so. */
import { describe, expect, test } from "bun:test";
import type { OperatorAnswer, ProcessorAction } from "../intervention.ts";
import { Bench } from "./scripted.fixture.ts";
import { WALL_START_MS } from "./world.fixture.ts";

const GROUNDS = { who: "ana", why: "ticket 7", evidence: "mail of the processor" };

async function decide(bench: Bench, action: ProcessorAction, name = "default") {
  const answer = bench.pipeline.operate({ kind: "processor", action, name, grounds: GROUNDS });
  await bench.commit();
  return answer;
}

const reasonOf = (answer: OperatorAnswer) => (answer.kind === "refused" ? answer.reason : answer);

const URLS = ["http://one", "http://two"];
const EXCHANGED = URLS.toReversed();
const NAMED = { name: "default", fee: 0.05 };
/** Number that the fixture gives to what a crash left. */
const LEFT = 10_001;

/** Started over what a crash left: payment 1 belongs to the first processor, 2 to nobody. */
async function startedAt(urls: readonly string[], kept = URLS): Promise<Bench> {
  const bench = new Bench({ urls });
  await bench.journal.addresses(
    ["default", "fallback"].map((name, i) => ({ name, url: kept[i]! })),
  );
  const assignment = { processor: 0, requestedAtMs: WALL_START_MS };
  const acceptedAtMs = WALL_START_MS;
  await bench.crash([
    { n: 1, acceptedAtMs, assignment },
    { n: 2, acceptedAtMs, assignment: null },
  ]);
  return bench;
}
const callsOf = (bench: Bench) =>
  bench.processors.map(({ looks, charges, probes }) =>
    [looks, charges, probes].map((all) => all.length),
  );

describe("a processor whose address has moved", () => {
  test("gets no call of any kind, and neither does the one at the address that it had", async () => {
    using bench = await startedAt(EXCHANGED);
    for (let i = 0; i < 20; i++) await bench.tick(1_000);
    bench.take(3);
    await bench.commit();
    for (const name of ["default", "fallback"]) await decide(bench, "force", name);
    for (let i = 0; i < 20; i++) await bench.tick(1_000);
    expect(callsOf(bench)).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(bench.verdictsOf(3)).toEqual(["stored"]);
    for (const action of ["ask", "absent"] as const) {
      const about = { seq: LEFT, correlationId: "", state: "unknown", grounds: GROUNDS } as const;
      const answer = await bench.pipeline.operate({ kind: "payment", action, ...about });
      expect(reasonOf(answer)).toContain("has another address");
    }
    expect(callsOf(bench)[0]).toEqual([0, 0, 0]);
  });

  test("holds up nobody else", async () => {
    using bench = await startedAt(["http://three", URLS[1]!]);
    await bench.tick();
    expect(bench.default.looks).toEqual([]);
    expect(bench.fallback.bodiesOf(2)).toHaveLength(1);
  });

  test("works again when an operator says that it is the same, once that is durable", async () => {
    using bench = await startedAt(["http://three", URLS[1]!]);
    const mend = bench.breakJournal();
    const answer = decide(bench, "moved");
    await bench.tick();
    expect(bench.default.looks).toEqual([]);
    mend();
    await bench.tick(1_000);
    expect(await answer).toMatchObject({ kind: "done", detail: expect.stringContaining("three") });
    await bench.tick();
    expect(bench.default.looks).toHaveLength(1);
    expect(reasonOf(await decide(bench, "moved"))).toContain("nothing to confirm");
    expect(
      (await bench.journal.addresses([{ name: "default", url: "http://three" }])).configured,
    ).toEqual([{ kind: "same" }]);
  });

  test("to the address of another one is not confirmed: two were exchanged", async () => {
    using bench = await startedAt(EXCHANGED);
    for (const [name, other] of [
      ["default", "fallback"],
      ["fallback", "default"],
    ] as const) {
      expect(reasonOf(await decide(bench, "moved", name))).toContain(
        `${name} is configured with the address that the journal has for ${other}`,
      );
    }
    await bench.tick();
    expect(callsOf(bench).flat()).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("to the address of one that has moved on is, once that is", async () => {
    using bench = await startedAt([URLS[1]!, "http://three"]);
    // Nothing is open at the second one, so that its new address is taken at the start.
    expect(await decide(bench, "moved")).toMatchObject({ kind: "done" });
    await bench.tick();
    expect(bench.default.looks).toHaveLength(1);
  });

  test("to the address of one that is not configured any more, and has open payments, is not", async () => {
    using bench = new Bench({ known: ["gone", "default"], configured: [NAMED], urls: [URLS[0]!] });
    await bench.journal.addresses([
      { name: "gone", url: URLS[0]! },
      { name: "default", url: URLS[1]! },
    ]);
    const assignment = { processor: 0, requestedAtMs: WALL_START_MS };
    await bench.crash([{ n: 1, acceptedAtMs: WALL_START_MS, assignment }]);
    expect(reasonOf(await decide(bench, "moved"))).toContain("the journal has for gone");
  });

  test("that the configuration has back works as before", async () => {
    using bench = await startedAt(URLS);
    await bench.tick();
    expect(bench.default.looks).toHaveLength(1);
    expect(reasonOf(await decide(bench, "moved"))).toContain("nothing to confirm");
  });

  test("is shown with both addresses to operators", async () => {
    using bench = await startedAt(["http://three", URLS[1]!]);
    const answer = await bench.pipeline.operate({ kind: "processors" });
    expect(answer).toMatchObject({
      processors: [
        { name: "default", url: "http://three", movedFrom: "http://one" },
        { name: "fallback", url: "http://two", movedFrom: null },
      ],
    });
  });
});
