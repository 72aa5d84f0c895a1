import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../testing/random.ts";
import { payment } from "../../shared/link/link.fixture.ts";
import type { Payment } from "../../shared/payment.ts";
import { shardOf, SHARDS } from "../../shared/shards.ts";
import type { Verdict } from "../../shared/verdict.ts";
import { Owners } from "./owners.ts";
import { Routing } from "./routing.ts";

const ALL = Array.from({ length: SHARDS }, (_, shard) => shard);
const MS_MAX = 1_000;

/** A map in which each shard is of the worker that `ownerOf` names. */
function mapOf(version: number, ownerOf: (shard: number) => string | null): Owners {
  const names = [...new Set(ALL.map(ownerOf))].filter((name) => name !== null);
  const workers = names.map((name) => {
    const shards = ALL.filter((shard) => ownerOf(shard) === name);
    return { name, link: `${name}:1`, http: `http://${name}:2`, shards };
  });
  return Owners.of({ version, workers }) as Owners;
}

type Sent = { readonly link: string; answer(nowMs: number, verdict: Verdict | null): void };

/** A routing whose payments are kept as they are sent. */
function site() {
  const sent: Sent[] = [];
  const answers: (Verdict | null)[] = [];
  const closed = new Set<string>();
  let asked = 0;
  const routing = new Routing({
    ackTimeoutMs: MS_MAX,
    send(link, _, answer) {
      if (closed.has(link)) return false;
      sent.push({ link, answer });
      return true;
    },
    ask: () => asked++,
  });
  const pay = (nowMs: number, n = 1) =>
    routing.pay(nowMs, payment(n), (verdict) => answers.push(verdict));
  return { routing, sent, answers, closed, pay, asked: () => asked };
}

const STORED = { kind: "stored" } as const;
const elsewhere = (mapVersion: number) => ({ kind: "elsewhere", mapVersion }) as const;
const NOT_STORED = { kind: "busy", retryAfterMs: 1_000 } as const;

test("what the only worker refused as elsewhere goes to the owner by a map, which is asked for", () => {
  const { sent, answers, asked, routing } = site();
  const one = payment(1);
  routing.pay(0, one, (verdict) => answers.push(verdict), { ...elsewhere(7), mayBeStored: true });
  expect(asked()).toBe(1);
  expect(sent).toEqual([]);
  routing.learn(
    10,
    mapOf(7, () => "b"),
  );
  expect(sent.map(({ link }) => link)).toEqual(["b:1"]);
  sent[0]!.answer(12, NOT_STORED);
  expect(answers).toEqual([{ ...NOT_STORED, mayBeStored: true }]);
});

describe("without a map", () => {
  test("nothing is sent without a map: two that share no database would charge twice", () => {
    const { pay, sent, answers, asked, routing } = site();
    pay(0);
    for (let nowMs = 0; nowMs < MS_MAX; nowMs += 10) routing.tick(nowMs);
    expect(asked()).toBe(1);
    expect(answers).toEqual([]);
    routing.tick(MS_MAX);
    expect(answers).toEqual([NOT_STORED]);
    expect(sent).toEqual([]);
    expect(routing.idle).toBe(true);
  });

  test("what waited for a map goes to the owner of its shard", () => {
    const { pay, sent, routing } = site();
    for (const n of [1, 2, 3, 4]) pay(0, n);
    const ownerOf = (shard: number) => (shard % 2 === 0 ? "a" : "b");
    routing.learn(5, mapOf(1, ownerOf));
    const links = [1, 2, 3, 4].map((n) => `${ownerOf(shardOf(payment(n).correlationId))}:1`);
    expect(sent.map(({ link }) => link)).toEqual(links);
    expect(new Set(links).size).toBe(2);
  });

  test("more than may wait are turned away at once", () => {
    const { routing, answers } = site();
    for (let n = 0; n < 16_385; n++) routing.pay(0, payment(1), (verdict) => answers.push(verdict));
    expect(answers).toEqual([NOT_STORED]);
    routing.tick(MS_MAX);
    expect(answers).toHaveLength(16_385);
  });

  test("a map that is older than the one that is known changes nothing", () => {
    const { routing } = site();
    expect(
      routing.learn(
        0,
        mapOf(2, () => "a"),
      ),
    ).toBe(true);
    expect(
      routing.learn(
        0,
        mapOf(2, () => "b"),
      ),
    ).toBe(false);
    expect(
      routing.learn(
        0,
        mapOf(1, () => "b"),
      ),
    ).toBe(false);
    expect(routing.owners?.linkOf(payment(1).correlationId)).toBe("a:1");
  });
});

describe("a payment whose worker says elsewhere", () => {
  test("goes to that worker again after a moment, as it may not have learnt of its shard", () => {
    const { pay, sent, answers, routing } = site();
    routing.learn(
      0,
      mapOf(5, () => "a"),
    );
    pay(0);
    sent[0]!.answer(3, elsewhere(4));
    routing.tick(52);
    expect(sent).toHaveLength(1);
    routing.tick(53);
    expect(sent).toHaveLength(2);
    sent[1]!.answer(60, STORED);
    expect(answers).toEqual([STORED]);
  });

  test("is not stored when its time is up and nobody has it in hand; unknown when somebody has", () => {
    for (const [again, told] of [
      [MS_MAX - 10, NOT_STORED],
      [MS_MAX - 100, null],
    ] as const) {
      const { pay, sent, answers, routing } = site();
      routing.learn(
        0,
        mapOf(5, () => "a"),
      );
      pay(0);
      sent[0]!.answer(again, elsewhere(5));
      for (let nowMs = again; nowMs <= MS_MAX; nowMs++) routing.tick(nowMs);
      expect(answers).toEqual([told]);
      // A verdict that comes later changes nothing.
      sent.at(-1)!.answer(MS_MAX + 1, STORED);
      expect(answers).toHaveLength(1);
    }
  });

  test("may be stored when one of its refusals was in doubt, whatever the last one says", () => {
    const { pay, sent, answers, routing } = site();
    routing.learn(
      0,
      mapOf(5, () => "a"),
    );
    pay(0);
    sent[0]!.answer(3, { ...elsewhere(6), mayBeStored: true });
    routing.learn(
      10,
      mapOf(6, () => "b"),
    );
    sent[1]!.answer(12, { kind: "busy", retryAfterMs: 300 });
    expect(answers).toEqual([{ kind: "busy", retryAfterMs: 300, mayBeStored: true }]);
  });

  test("waits for a link that is not open yet", () => {
    const { pay, sent, closed, routing } = site();
    closed.add("b:1");
    routing.learn(
      0,
      mapOf(5, () => "b"),
    );
    pay(0);
    expect(sent).toEqual([]);
    closed.clear();
    routing.tick(50);
    expect(sent.map(({ link }) => link)).toEqual(["b:1"]);
  });
});

/**
 * A world of three workers over one store of ids. Shards move at random; a worker learns of a move late,
 * as the API does; verdicts are late, lost, or of a copy that came before.
 */
function play(seed: number): { readonly taken: number; readonly told: Map<string, number> } {
  const random = seededRandom(seed);
  const under = (n: number) => Math.floor(random() * n);
  const names = ["a", "b", "c"];
  const stored = new Set<string>();
  let version = 1;
  let owners: string[] = ALL.map(() => names[under(3)] as string);
  /** Each worker's own map; it takes what is its own by it, which is never more than the truth. */
  const believed = new Map(names.map((name) => [name, { version, owners }]));
  const later: { atMs: number; act: () => void }[] = [];
  let nowMs = 0;
  const told = new Map<string, number>();
  const asked: { id: string; verdict: Verdict | null; isStored: boolean }[] = [];

  const routing = new Routing({
    ackTimeoutMs: MS_MAX,
    ask: () => later.push({ atMs: nowMs + under(100), act: tellMap }),
    send(link, one, done) {
      // Its link is not open yet.
      if (random() < 0.02) return false;
      const name = link[0] as string;
      const sentAtMs = nowMs;
      let isAnswered = false;
      const answer = (verdict: Verdict | null) => {
        if (isAnswered) return;
        isAnswered = true;
        done(nowMs, verdict);
      };
      // Two copies, of which the first one's verdict may be lost: what is refused then is in doubt.
      const copies = random() < 0.3 ? 2 : 1;
      for (let copy = 0; copy < copies; copy++) {
        later.push({ atMs: nowMs + under(60), act: () => arrive(copy) });
      }
      const arrive = (copy: number) => {
        const verdict = verdictOf(name, one);
        const isLost = random() < (copy < copies - 1 ? 0.8 : 0.1);
        if (isLost) return;
        const isDoubtful = copies > 1 && (verdict.kind === "busy" || verdict.kind === "elsewhere");
        const full = isDoubtful ? ({ ...verdict, mayBeStored: true } as Verdict) : verdict;
        later.push({ atMs: nowMs + under(60), act: () => answer(full) });
      };
      later.push({ atMs: sentAtMs + MS_MAX, act: () => answer(null) });
      return true;
    },
  });
  function tellMap() {
    const own = believed.get(names[under(3)] as string)!;
    routing.learn(
      nowMs,
      mapOf(own.version, (shard) => own.owners[shard] as string),
    );
  }
  function verdictOf(name: string, { correlationId }: Payment): Verdict {
    const shard = shardOf(correlationId);
    const own = believed.get(name)!;
    if (own.owners[shard] !== name || owners[shard] !== name) return elsewhere(own.version);
    if (random() < 0.05) return NOT_STORED;
    if (stored.has(correlationId)) return { kind: "duplicate" };
    stored.add(correlationId);
    return STORED;
  }
  for (let n = 0; nowMs < 20_000; nowMs += 10) {
    if (nowMs < 18_000) {
      const one = payment(n++);
      routing.pay(nowMs, one, (verdict) => {
        told.set(one.correlationId, (told.get(one.correlationId) ?? 0) + 1);
        asked.push({ id: one.correlationId, verdict, isStored: stored.has(one.correlationId) });
      });
    }
    if (random() < 0.02) {
      version += 1 + under(5);
      owners = owners.map((owner) => (random() < 0.2 ? (names[under(3)] as string) : owner));
    }
    if (random() < 0.1) believed.set(names[under(3)] as string, { version, owners });
    if (random() < 0.05) tellMap();
    const due = later.filter(({ atMs }) => atMs <= nowMs);
    for (const one of due) later.splice(later.indexOf(one), 1);
    for (const { act } of due) act();
    routing.tick(nowMs);
  }
  expect(routing.idle).toBe(true);
  for (const { id, verdict, isStored } of asked) {
    if (verdict?.kind === "stored" || verdict?.kind === "duplicate") expect(stored).toContain(id);
    if (verdict?.kind === "busy" && verdict.mayBeStored !== true) expect(isStored).toBe(false);
    expect(verdict?.kind).not.toBe("elsewhere");
  }
  return { taken: stored.size, told };
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  "whatever shards, maps and verdicts do, each payment is answered once and truly (seed %d)",
  (seed) => {
    const { taken, told } = play(seed);
    expect(told.size).toBe(1_800);
    expect(new Set(told.values())).toEqual(new Set([1]));
    expect(taken).toBeGreaterThan(1_000);
  },
);
