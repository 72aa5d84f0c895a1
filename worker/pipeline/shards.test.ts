/** The pipeline of a worker that has some of the shards, while others come and go. */
import { describe, expect, spyOn, test } from "bun:test";
import { shardOf, SHARDS } from "../../shared/shards.ts";
import { ACCEPTED, Bench, last, NOTHING, UNKNOWN } from "./scripted.fixture.ts";
import { mine, OTHER, Shared, VERSION } from "./shards.fixture.ts";
import { idOf, WALL_START_MS } from "./world.fixture.ts";

/** A payment of another shard than the first one's. */
const ELSEWHERE = Array.from({ length: 100 }, (_, i) => i + 2).find(
  (n) => shardOf(idOf(n)) !== mine,
) as number;

const CALL_MS_MAX = 1_000;

type StartedOptions = {
  readonly ours?: readonly number[];
  readonly backlogMax?: number;
  readonly inFlightMax?: number;
};

/** A worker that has had its shards for so long that all of them count in its share of calls. */
async function started({ ours, ...options }: StartedOptions = {}) {
  const shared = new Shared();
  shared.learn(ours);
  const bench = new Bench({ shared, processorTimeoutMs: CALL_MS_MAX, ...options });
  await bench.pipeline.recover();
  await bench.tick(CALL_MS_MAX);
  shared.hear({});
  return { shared, bench };
}

test("a payment of another worker's shard is told so, with the version of the map, also when this one is full", async () => {
  const { bench } = await started({ backlogMax: 1 });
  using _ = bench;
  await bench.send(1);
  bench.take(ELSEWHERE);
  expect(last(bench.verdicts)).toEqual({
    n: ELSEWHERE,
    verdict: { kind: "elsewhere", mapVersion: VERSION },
  });
});

test("a payment is turned away when the ledger of all workers is at its end", async () => {
  const { shared, bench } = await started();
  using _ = bench;
  shared.rowsLeft = 1;
  expect(bench.pipeline.ledgerEnd).toBeNull();
  shared.rowsLeft = 0;
  expect(bench.pipeline.ledgerEnd).toMatch(
    /^0 rows of all workers, and \d+ cents of this worker's/,
  );
  bench.take(1);
  expect(bench.verdictsOf(1)).toEqual(["busy"]);
});

test("a start is over once the payments of this worker's shards are taken up", async () => {
  const shared = new Shared();
  using bench = new Bench({ shared });
  shared.learn();
  const { journal } = bench;
  const open = journal.open.bind(journal);
  // A database takes its time.
  journal.open = async () => {
    await new Promise(setImmediate);
    return open();
  };
  await bench.crash([{ n: 1, acceptedAtMs: WALL_START_MS, assignment: null }]);
  expect(bench.pipeline.payments.count).toBe(1);
});

test("shards of a worker that is gone are taken up some at a time, each batch of them at once", async () => {
  const { shared, bench } = await started();
  using _ = bench;
  const { journal } = bench;
  const open = journal.open.bind(journal);
  const asked: { readonly shards: number; readonly loading: number }[] = [];
  journal.open = async (shards?: readonly number[]) => {
    asked.push({ shards: shards!.length, loading: shared.holding.loading.length });
    await new Promise(setImmediate);
    return shards!.length > 0 ? [] : open();
  };
  const all = Array.from({ length: SHARDS }, (__, shard) => shard);
  const half = all.filter((shard) => shard !== mine).slice(0, 100);
  shared.hear({ gained: shared.learn([mine, ...half]) });
  // More come while these are read.
  shared.hear({ gained: shared.learn(all) });
  while (shared.holding.loading.length > 0) await new Promise(setImmediate);
  const first = [16, 16, 16, 16, 16, 16, 4];
  const more = [16, 16, 16, 16, 16, 16, 16, 16, 16, 11];
  expect(asked.map(({ shards }) => shards)).toEqual([...first, ...more]);
  const loading = asked.map((one) => one.loading);
  expect(loading).toEqual(loading.toSorted((a, b) => b - a));
  expect(new Set(loading).size).toBe(asked.length);
});

describe("a payment that comes while its shard is read", () => {
  test("waits, and is taken once it is there", async () => {
    const shared = new Shared();
    using bench = new Bench({ shared });
    await bench.pipeline.recover();
    const gained = shared.learn();
    bench.take(1);
    await bench.tick();
    expect(bench.verdictsOf(1)).toEqual([]);
    shared.hear({ gained });
    await bench.tick();
    await bench.tick();
    expect(bench.verdictsOf(1)).toEqual(["stored"]);
  });

  test("is turned away when that takes too long, before its API gives up", async () => {
    const shared = new Shared();
    using bench = new Bench({ shared });
    await bench.pipeline.recover();
    shared.learn();
    bench.take(1);
    await bench.tick(690);
    expect(bench.verdictsOf(1)).toEqual([]);
    await bench.tick();
    expect(bench.verdictsOf(1)).toEqual(["busy"]);
  });
});

describe("a shard that another worker is to have", () => {
  test("is given once no call about it is under way, and its payments are forgotten here", async () => {
    const { shared, bench } = await started();
    using _ = bench;
    const charge = await bench.send(1);
    shared.hear({ gifts: [{ shard: mine, to: OTHER }] });
    await bench.tick();
    expect(shared.given).toEqual([]);
    await charge.answer(UNKNOWN);
    await bench.tick();
    await bench.tick();
    expect(shared.given).toEqual([{ shards: [mine], to: OTHER }]);
    expect(bench.pipeline.payments.count).toBe(0);
    const asked = bench.default.looks.length;
    await bench.tick(20_000);
    expect([bench.default.looks.length, bench.default.charges.length]).toEqual([asked, 1]);
    bench.take(1);
    expect(last(bench.verdicts).verdict).toEqual({ kind: "elsewhere", mapVersion: VERSION + 1 });
  });

  test("is given soon, also by a worker at rest", async () => {
    const { shared, bench } = await started();
    using _ = bench;
    let events = 0;
    bench.pipeline.onEvent = () => events++;
    shared.hear({});
    expect(events).toBe(0);
    shared.hear({ gifts: [{ shard: mine, to: OTHER }] });
    expect(events).toBe(1);
    expect(bench.pipeline.nextTickAtMs).toBe(Number.NEGATIVE_INFINITY);
  });

  test("is this worker's again when it cannot be given, and what waited meanwhile is taken", async () => {
    const { shared, bench } = await started();
    using _ = bench;
    shared.versionAfter = null;
    const charge = await bench.send(1);
    shared.hear({ gifts: [{ shard: mine, to: OTHER }] });
    bench.take(1);
    await charge.answer(UNKNOWN);
    await bench.tick();
    await bench.tick();
    await bench.tick();
    expect(shared.given).toHaveLength(1);
    expect(bench.verdictsOf(1)).toEqual(["stored", "duplicate"]);
    await bench.tick();
    await last(bench.default.looks).answer(bench.default.found());
    await bench.commit();
    expect(bench.settled).toEqual([1, 0]);
  });
});

describe("shards that another worker is to have", () => {
  const ours = Array.from({ length: SHARDS / 2 }, (_, i) => (mine + i) % SHARDS);
  const gifts = ours.slice(SHARDS / 4).map((shard) => ({ shard, to: OTHER }));
  const paid = [1, 2, 3, 4, 5, 6, 7, 8, 9].filter((n) => {
    return ours.slice(0, SHARDS / 4).includes(shardOf(idOf(n)));
  });

  test("are given once the calls that are under way are no more than this one's share without them", async () => {
    const { shared, bench } = await started({ ours, inFlightMax: 4 });
    using _ = bench;
    const charges = [await bench.send(paid[0]!), await bench.send(paid[1]!)];
    shared.hear({ gifts });
    await bench.tick();
    const [lane] = bench.lanes;
    expect([lane!.inFlight, lane!.inFlightShare]).toEqual([2, 1]);
    expect(shared.given).toEqual([]);
    await charges[0]!.answer(ACCEPTED);
    await bench.tick();
    expect(shared.given).toEqual([{ shards: gifts.map(({ shard }) => shard), to: OTHER }]);
  });

  test("are looked through once for open payments, however long they wait for a call", async () => {
    const { shared, bench } = await started({ ours });
    using _ = bench;
    const charge = await bench.send(paid[0]!);
    const others = ours.slice(0, SHARDS / 4).map((shard) => ({ shard, to: OTHER }));
    const { payments } = bench.pipeline;
    const all = spyOn(payments, "all");
    shared.hear({ gifts: others });
    for (let tick = 0; tick < 20; tick++) await bench.tick();
    expect(shared.given.flatMap(({ shards }) => shards)).toHaveLength(others.length - 1);
    await charge.answer(UNKNOWN);
    await bench.tick();
    expect(shared.given.flatMap(({ shards }) => shards)).toHaveLength(others.length);
    expect(payments.count).toBe(0);
    expect(all).toHaveBeenCalledTimes(1);
  });

  test("are looked for once in the line, however many wait there", async () => {
    const { shared, bench } = await started({ ours });
    using _ = bench;
    for (const lane of bench.lanes) lane.mode = "drained";
    for (const n of paid) bench.take(n);
    await bench.commit();
    const { queue } = bench.pipeline;
    const remove = spyOn(queue, "remove");
    const waiting = queue.length;
    shared.hear({ gifts: ours.map((shard) => ({ shard, to: OTHER })) });
    expect([waiting, queue.length, remove.mock.calls.length]).toEqual([paid.length, 0, 1]);
  });

  test("are kept while any shard is here whose owner has ended, and whose calls may still run", async () => {
    const { shared, bench } = await started({ ours: ours.slice(1) });
    using _ = bench;
    const gained = shared.learn(ours);
    shared.hear({ gained, abandoned: gained.length, gifts });
    await bench.tick(CALL_MS_MAX - 1);
    shared.hear({ gifts });
    await bench.tick();
    expect(shared.given).toEqual([]);
    shared.hear({ gifts });
    await bench.tick();
    expect(shared.given).toHaveLength(1);
  });

  test("bring their share of calls to whom they are given", async () => {
    const { shared, bench } = await started({ ours });
    using _ = bench;
    const gained = shared.learn(Array.from({ length: SHARDS }, (__, shard) => shard));
    shared.hear({ gained });
    expect(bench.lanes.map(({ inFlightShare }) => inFlightShare)).toEqual([640, 640]);
    while (shared.holding.loading.length > 0) await new Promise(setImmediate);
  });
});

test("a payment that is looked up when its shard is to be given is neither looked up nor sent again", async () => {
  const { shared, bench } = await started();
  using _ = bench;
  await (await bench.send(1)).answer(UNKNOWN);
  await bench.tick();
  expect(bench.default.looks).toHaveLength(1);
  // Something on its way to the database keeps the shard here for a while.
  shared.shardsUnderWay = () => new Set([mine]);
  shared.hear({ gifts: [{ shard: mine, to: OTHER }] });
  await last(bench.default.looks).answer(NOTHING);
  for (let i = 0; i < 10; i++) await bench.tick(1_000);
  expect([bench.default.looks.length, bench.default.charges.length]).toEqual([1, 1]);
  shared.shardsUnderWay = () => new Set<number>();
  await bench.tick();
  expect(shared.given).toEqual([{ shards: [mine], to: OTHER }]);
});

test("a payment that settles before its shard is given is not asked for again", async () => {
  const { shared, bench } = await started();
  using _ = bench;
  const charge = await bench.send(1);
  shared.hear({ gifts: [{ shard: mine, to: OTHER }] });
  await charge.answer(ACCEPTED);
  await bench.tick();
  await bench.tick();
  expect(shared.given).toHaveLength(1);
  expect(bench.settled).toEqual([1, 0]);
});

describe("a decision about another worker's payment", () => {
  const command = { kind: "payment", action: "hold", correlationId: idOf(ELSEWHERE) };
  const grounds = { who: "operator", why: "a test", evidence: null };
  const decided = (bench: Bench) => bench.pipeline.operate({ ...command, grounds } as never);

  test("is refused, and says who has it", async () => {
    const { bench } = await started();
    using _ = bench;
    const reason = "Worker w2 has this payment: ask there, at http://w2.example:9995.";
    expect(await decided(bench)).toEqual({ kind: "refused", status: 409, reason });
  });

  test("is refused for a moment while nobody has it", async () => {
    const { shared, bench } = await started();
    using _ = bench;
    shared.owner = null;
    const reason = expect.stringContaining("ask again in a moment");
    expect(await decided(bench)).toEqual({ kind: "refused", status: 409, reason });
  });
});

test("a worker whose journal was restored learns another's decision about a processor, and keeps its shards", async () => {
  const shared = new Shared();
  shared.learn();
  using bench = new Bench({ shared, settledBefore: true, restoredAtMs: WALL_START_MS - 60_000 });
  await bench.pipeline.recover();
  expect(bench.pipeline.caution).not.toBeNull();
  shared.hear({ modes: ["drained", "auto"], gifts: [{ shard: mine, to: OTHER }] });
  await bench.tick();
  expect(bench.lanes.map(({ mode }) => mode)).toEqual(["drained", "auto"]);
  expect(shared.given).toEqual([]);
});

describe("what an operator has decided at another worker", () => {
  test("that the journal is trusted: what was held back goes on", async () => {
    const shared = new Shared();
    shared.learn();
    using bench = new Bench({ shared, settledBefore: true, restoredAtMs: WALL_START_MS - 60_000 });
    await bench.pipeline.recover();
    bench.take(1);
    await bench.commit();
    await bench.tick();
    expect([bench.pipeline.caution?.count, bench.default.charges.length]).toEqual([1, 0]);
    shared.hear({ isTrusted: true });
    expect(bench.pipeline.caution).toBeNull();
    await bench.tick();
    expect(bench.default.charges).toHaveLength(1);
    expect(bench.pipeline.incidents.open()).toEqual([]);
  });

  test("that the journal is trusted: the answer counts this worker's payments, and says so", async () => {
    const shared = new Shared();
    shared.learn();
    using bench = new Bench({ shared, settledBefore: true, restoredAtMs: WALL_START_MS - 60_000 });
    await bench.pipeline.recover();
    bench.take(1);
    await bench.commit();
    const grounds = { who: "ana", why: "ticket 7", evidence: null };
    const trusted = bench.pipeline.operate({ kind: "journal", action: "trust", grounds });
    await bench.commit();
    expect(await trusted).toMatchObject({
      kind: "done",
      detail: expect.stringContaining("; 1 payments of this worker go on, and those of the others"),
    });
  });

  test("that the journal is trusted, while this one still reads what processors are sure to have", async () => {
    const shared = new Shared();
    shared.learn();
    using bench = new Bench({ shared, restoredAtMs: WALL_START_MS - 60_000, settledBefore: true });
    const recovered = bench.pipeline.recover();
    const { settled } = bench.journal;
    bench.journal.settled = async (...about) => {
      shared.hear({ isTrusted: true });
      return settled.apply(bench.journal, about);
    };
    await recovered;
    expect(bench.pipeline.caution).toBeNull();
    expect(bench.pipeline.incidents.open()).toEqual([]);
  });

  test("that a processor is the same at its address: its payments are resolved there", async () => {
    const shared = new Shared();
    shared.learn();
    const urls = ["http://three", "http://two"];
    using bench = new Bench({ shared, urls });
    await bench.journal.addresses([{ name: "default", url: "http://one" }]);
    const assignment = { processor: 0, requestedAtMs: WALL_START_MS };
    await bench.crash([{ n: 1, acceptedAtMs: WALL_START_MS, assignment }]);
    shared.hear({ urls: ["http://one", "http://two"] });
    await bench.tick(1_000);
    expect(bench.default.looks).toHaveLength(0);
    expect(bench.pipeline.incidents.open()).toHaveLength(1);
    shared.hear({ urls });
    await bench.tick();
    expect(bench.default.looks).toHaveLength(1);
    expect(bench.pipeline.incidents.open()).toEqual([]);
  });

  test("that a processor is forced: what rests there is asked for at once", async () => {
    const { shared, bench } = await started();
    using _ = bench;
    await (await bench.send(1)).answer(UNKNOWN);
    await bench.tick();
    await last(bench.default.looks).answer(NOTHING);
    await bench.tick();
    await last(bench.default.charges).answer(UNKNOWN);
    const wake = spyOn(bench.pipeline, "onEvent");
    for (let news = 0; news < 2; news++) shared.hear({ modes: ["forced", "auto"] });
    expect(wake).toHaveBeenCalledTimes(1);
    await bench.tick(0);
    expect(bench.default.looks).toHaveLength(2);
  });

  test("not what was so before a decision that is under way here", async () => {
    const { shared, bench } = await started();
    using _ = bench;
    const command = { kind: "processor", action: "drain", name: "default" } as const;
    const grounds = { who: "ana", why: "ticket 7", evidence: null };
    const decided = bench.pipeline.operate({ ...command, grounds });
    shared.hear({ modes: ["auto", "auto"] });
    await bench.commit();
    await decided;
    shared.hear({ modes: ["auto", "auto"] });
    expect(bench.lanes.map(({ mode }) => mode)).toEqual(["drained", "auto"]);
    shared.hear({ modes: ["drained", "forced"] });
    expect(bench.lanes.map(({ mode }) => mode)).toEqual(["drained", "forced"]);
  });
});

describe("a processor's health", () => {
  test("is told to others by the worker that asks", async () => {
    const { shared, bench } = await started();
    using _ = bench;
    await bench.tick();
    const reading = { failing: false, minResponseTimeMs: 70 };
    await last(bench.fallback.probes).answer({ reading, retryAfterMs: 0 });
    await last(bench.default.probes).answer({ reading: null, retryAfterMs: 0 });
    expect(shared.readings).toEqual([{ processor: 1, ...reading }]);
  });

  test("is believed by the others, which do not ask", async () => {
    const { shared, bench } = await started();
    using _ = bench;
    shared.leads = false;
    const probes = () => bench.processors.map((one) => one.probes.length);
    const before = probes();
    shared.hear({
      health: [
        { processor: 0, failing: true, minResponseTimeMs: 0 },
        { processor: 1, failing: false, minResponseTimeMs: 70 },
      ],
    });
    await bench.tick(10_000);
    expect(probes()).toEqual(before);
    expect(bench.lanes.map(({ breaker }) => breaker.kind)).toEqual(["open", "closed"]);
    expect(bench.lanes[1]!.latencyMs).toBe(70);
  });

  test("that could not be asked for is no word of a worker that asks no more", async () => {
    const { shared, bench } = await started();
    using _ = bench;
    await bench.tick();
    const unreachable = "ConnectionRefused";
    await last(bench.default.probes).answer({ reading: null, retryAfterMs: 0, unreachable });
    shared.hear({});
    expect(bench.lanes[0]!.unreachable).toBe(unreachable);
    shared.leads = false;
    shared.hear({});
    expect(bench.lanes[0]!.unreachable).toBeNull();
  });
});
