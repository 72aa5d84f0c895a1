/**
 * Runs both cores over a network with faults: some things must hold whatever is lost, repeated and late.
 */
import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../testing/random.ts";
import type { Payment } from "../payment.ts";
import type { Verdict } from "../verdict.ts";
import { ACK_TIMEOUT_MS, MemoryWorld, payment } from "./link.fixture.ts";

const SEEDS = Array.from({ length: 50 }, (_, n) => n + 1);
const STEP_MS = 1;

type Outcome = {
  readonly payment: Payment;
  readonly verdict: Verdict | null;
  readonly afterMs: number;
};
type Sending = { readonly atMs: number; readonly bytes: string };

/** A worker that remembers ids, answers some of them later, and turns some away. */
class Journal {
  readonly amounts = new Map<string, number>();
  readonly #late: (() => void)[] = [];
  readonly #random: () => number;

  constructor(world: MemoryWorld, random: () => number) {
    this.#random = random;
    world.worker.verdict = (asked) => {
      if (random() < 0.05) return { kind: "busy", retryAfterMs: 1_000 };
      const verdict = this.store(asked);
      if (random() < 0.5) return verdict;
      this.#late.push(() => world.worker.asked.find((a) => a.payment === asked)?.answer(verdict));
      return null;
    };
  }

  store({ correlationId, amountCents }: Payment): Verdict {
    const known = this.amounts.get(correlationId);
    if (known === undefined) this.amounts.set(correlationId, amountCents);
    if (known === undefined) return { kind: "stored" };
    return { kind: known === amountCents ? "duplicate" : "conflict" };
  }

  commit(): void {
    if (this.#random() < 0.2) for (const answer of this.#late.splice(0)) answer();
  }
}

async function run(seed: number) {
  const random = seededRandom(seed);
  const faults = {
    loss: 0.1 + random() * 0.2,
    repeat: random() * 0.3,
    delayMsMax: random() < 0.5 ? random() * 100 : random() * 3_000,
  };
  const world = new MemoryWorld(random, faults);
  const journal = new Journal(world, random);
  const sendings = new Map<string, Sending[]>();
  world.onFrame = (client, frame) => {
    const key = `${client} ${frame.readUInt32BE(12)}`;
    const sending = { atMs: world.nowMs, bytes: frame.toString("hex") };
    sendings.set(key, [...(sendings.get(key) ?? []), sending]);
  };
  const links = [await world.client(), await world.client()];
  const asked = new Set<string>();
  const outcomes: Outcome[] = [];
  let answers = 0;
  const pay = (n: number) => {
    const wanted = payment(Math.floor(random() * n), 100 + Math.floor(random() * 2));
    const startMs = world.nowMs;
    asked.add(JSON.stringify(wanted));
    void links[n % 2]?.pay(wanted).then((verdict) => {
      answers++;
      outcomes.push({ payment: wanted, verdict, afterMs: world.nowMs - startMs });
    });
  };
  const paid = 300;
  for (let n = 0; n < paid; n++) {
    pay(n);
    if (n % 100 === 60) world.worker.stop();
    if (n % 100 === 70) await world.worker.start();
    if (random() < 0.3) await world.pass(1 + Math.floor(random() * 40));
    journal.commit();
  }
  await world.pass(ACK_TIMEOUT_MS + 10);
  return { world, journal, faults, sendings, asked, outcomes, paid, answers, links };
}

describe.each(SEEDS)("with the faults of seed %d", (seed) => {
  test("every payment is answered in time and truly, and the link heals", async () => {
    const { world, journal, sendings, asked, outcomes, paid, answers, links } = await run(seed);
    expect(answers).toBe(paid);
    for (const outcome of outcomes) {
      expect(outcome.afterMs).toBeLessThanOrEqual(ACK_TIMEOUT_MS + 2 * STEP_MS);
      expectTrue(outcome, journal);
    }
    // Nothing came out of the link that was not put into it.
    for (const { payment: taken } of world.worker.asked) {
      expect(asked).toContain(JSON.stringify(taken));
    }
    for (const repeated of sendings.values()) expectPaced(repeated);

    world.network.faults = { loss: 0, repeat: 0, delayMsMax: 0 };
    world.worker.verdict = (taken) => journal.store(taken);
    await world.pass(5_000);
    const healed: (Verdict | null)[] = [];
    for (const [n, link] of links.entries()) {
      void link.pay(payment(10_000 + n)).then((verdict) => healed.push(verdict));
    }
    await world.pass(5);
    expect(healed).toEqual([{ kind: "stored" }, { kind: "stored" }]);
  });
});

test("a seed gives the same run twice", async () => {
  const [first, second] = [await run(7), await run(7)];
  expect(second.outcomes).toEqual(first.outcomes);
  expect(second.sendings).toEqual(first.sendings);
});

test("the seeds between them meet every kind of answer", async () => {
  const kinds = new Set<string>();
  let repeated = 0;
  for (const seed of SEEDS.slice(0, 10)) {
    const { outcomes, sendings } = await run(seed);
    for (const { verdict } of outcomes) kinds.add(verdict?.kind ?? "none");
    for (const sent of sendings.values()) if (sent.length > 1) repeated++;
  }
  expect([...kinds].sort()).toEqual(["busy", "conflict", "duplicate", "none", "stored"]);
  expect(repeated).toBeGreaterThan(100);
});

/** Expects a verdict to say of the payment what the worker's journal says. */
function expectTrue({ payment: asked, verdict }: Outcome, { amounts }: Journal): void {
  const stored = amounts.get(asked.correlationId);
  if (verdict?.kind === "stored" || verdict?.kind === "duplicate") {
    expect(stored).toBe(asked.amountCents);
  } else if (verdict?.kind === "conflict") {
    expect(stored).toBeDefined();
    expect(stored).not.toBe(asked.amountCents);
  }
}

/**
 * Expects the same frame each time, without what was turned away, never sooner than 20 ms nor later than
 * 500 ms after the last.
 */
function expectPaced(sendings: readonly Sending[]): void {
  for (const [i, { atMs, bytes }] of sendings.slice(1).entries()) {
    const before = sendings[i] as Sending;
    if (bytes.length >= before.bytes.length) expect(bytes).toBe(before.bytes);
    expect(atMs - before.atMs).toBeGreaterThanOrEqual(20);
    expect(atMs - before.atMs).toBeLessThanOrEqual(500 + STEP_MS);
  }
}
