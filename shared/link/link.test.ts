/** The contract of the link: one suite, two drivers. */
import { describe, expect, test } from "bun:test";
import type { Payment } from "../payment.ts";
import type { Link, Verdict } from "../verdict.ts";
import { PAYMENTS_PER_FRAME_MAX } from "./frame.ts";
import {
  ACK_TIMEOUT_MS,
  MemoryWorld,
  payment,
  UdpWorld,
  uuid,
  type World,
} from "./link.fixture.ts";

const DRIVERS: [string, () => Promise<World>][] = [
  ["in memory", async () => new MemoryWorld()],
  ["over UDP", () => UdpWorld.open()],
];

/** Gives the verdicts of the payments, once all of them are there. */
async function outcomes(
  world: World,
  paying: readonly Promise<Verdict | null>[],
): Promise<(Verdict | null)[]> {
  const settled: { verdicts: (Verdict | null)[] | null } = { verdicts: null };
  void Promise.all(paying).then((verdicts) => {
    settled.verdicts = verdicts;
  });
  await world.until(() => settled.verdicts !== null);
  return settled.verdicts as (Verdict | null)[];
}

async function outcome(world: World, paying: Promise<Verdict | null>): Promise<Verdict | null> {
  return (await outcomes(world, [paying]))[0] as Verdict | null;
}

async function answering(world: World): Promise<Link> {
  const link = await world.client();
  await world.until(() => link.answering);
  return link;
}

/**
 * Lists each payment once, in the order in which it was first asked for. On a busy machine a verdict may
 * take longer than the first retransmission, and a frame that was answered is processed again.
 */
function paymentsAsked({ worker }: World): Payment[] {
  const texts = worker.asked.map((asked) => JSON.stringify(asked.payment));
  return [...new Set(texts)].map((text) => JSON.parse(text));
}

describe.each(DRIVERS)("a link %s", (_, open) => {
  test("brings each payment to the worker and its verdict back", async () => {
    await using world = await open();
    const link = await world.client();
    expect(await outcome(world, link.pay(payment(1, 1990)))).toEqual({ kind: "stored" });
    expect(paymentsAsked(world)).toEqual([payment(1, 1990)]);
  });

  test.each<Verdict>([
    { kind: "stored" },
    { kind: "duplicate" },
    { kind: "conflict" },
    { kind: "busy", retryAfterMs: 1_234 },
    { kind: "invalid" },
  ])("brings back %p", async (verdict) => {
    await using world = await open();
    world.worker.verdict = () => verdict;
    const link = await world.client();
    expect(await outcome(world, link.pay(payment(1)))).toEqual(verdict);
  });

  test("gives every payment of a turn its own verdict, and the turn few frames", async () => {
    await using world = await open();
    const kinds = ["stored", "duplicate", "conflict", "invalid"] as const;
    world.worker.verdict = ({ amountCents }) => ({
      kind: kinds[amountCents % 4] as (typeof kinds)[number],
    });
    const link = await answering(world);
    const framesBefore = world.worker.framesTaken;
    const count = 10 * PAYMENTS_PER_FRAME_MAX;
    const paying = Array.from({ length: count }, (__, n) => link.pay(payment(n, n + 1)));
    const verdicts = await outcomes(world, paying);
    expect(verdicts).toEqual(
      verdicts.map((__, n) => ({ kind: kinds[(n + 1) % 4] as (typeof kinds)[number] })),
    );
    expect(paymentsAsked(world).map(({ correlationId }) => correlationId)).toEqual(
      Array.from({ length: count }, (__, n) => uuid(n)),
    );
    // Ten full frames are sent; probes and repeats on a busy machine may come on top.
    expect(world.worker.framesTaken - framesBefore).toBeLessThan(count / 10);
  });

  test("keeps the same id with different amounts in one turn apart", async () => {
    await using world = await open();
    const stored = new Map<string, number>();
    world.worker.verdict = ({ correlationId, amountCents }) => {
      const known = stored.get(correlationId);
      stored.set(correlationId, known ?? amountCents);
      if (known === undefined) return { kind: "stored" };
      return { kind: known === amountCents ? "duplicate" : "conflict" };
    };
    const link = await answering(world);
    const verdicts = await outcomes(world, [
      link.pay(payment(1, 100)),
      link.pay(payment(1, 200)),
      link.pay(payment(2, 300)),
      link.pay(payment(1, 100)),
    ]);
    expect(verdicts).toEqual([
      { kind: "stored" },
      { kind: "conflict" },
      { kind: "stored" },
      { kind: "duplicate" },
    ]);
  });

  test("answers null when no verdict comes within the timeout, and takes no notice of a late one", async () => {
    await using world = await open();
    world.worker.verdict = ({ amountCents }) => (amountCents === 1 ? null : { kind: "stored" });
    const link = await answering(world);
    const silent = link.pay(payment(1, 1));
    await world.until(() => world.worker.asked.length === 1);
    await world.pass(ACK_TIMEOUT_MS);
    expect(await outcome(world, silent)).toBeNull();
    world.worker.asked[0]?.answer({ kind: "conflict" });
    expect(await outcome(world, link.pay(payment(1, 2)))).toEqual({ kind: "stored" });
  });

  test("answers null while the worker is away, and goes on with the next one", async () => {
    await using world = await open();
    const link = await world.client();
    expect(await outcome(world, link.pay(payment(1)))).toEqual({ kind: "stored" });
    world.worker.stop();
    const lost = link.pay(payment(2));
    await world.pass(ACK_TIMEOUT_MS);
    expect(await outcome(world, lost)).toBeNull();
    const waiting = link.pay(payment(3));
    await world.worker.start();
    expect(await outcome(world, waiting)).toEqual({ kind: "stored" });
    expect(await outcome(world, link.pay(payment(2)))).toEqual({ kind: "stored" });
  });

  test("answers null to all that wait when it is closed", async () => {
    await using world = await open();
    world.worker.verdict = () => null;
    const link = await answering(world);
    const sent = link.pay(payment(1));
    await world.until(() => world.worker.asked.length === 1);
    const unsent = link.pay(payment(2));
    link.close();
    expect(await Promise.all([sent, unsent])).toEqual([null, null]);
  });

  test("shows nobody the verdicts of another", async () => {
    await using world = await open();
    world.worker.verdict = () => null;
    const [one, other] = [await answering(world), await answering(world)];
    const [first, second] = [one.pay(payment(1, 100)), other.pay(payment(1, 200))];
    await world.until(() => world.worker.asked.length === 2);
    for (const { payment: asked, answer } of world.worker.asked) {
      answer({ kind: asked.amountCents === 100 ? "stored" : "conflict" });
    }
    expect(await outcomes(world, [first, second])).toEqual([
      { kind: "stored" },
      { kind: "conflict" },
    ]);
  });

  test("knows without payments whether the worker answers", async () => {
    await using world = await open();
    const link = await world.client();
    expect(link.answering).toBe(false);
    await world.until(() => link.answering);
    expect(world.worker.asked).toEqual([]);
    await world.pass(10_000);
    await world.until(() => link.answering);
    world.worker.stop();
    await world.pass(2_500);
    await world.until(() => !link.answering);
    await world.worker.start();
    await world.pass(1_000);
    await world.until(() => link.answering);
  });

  test("sends again what got no verdict, and the worker is asked once while it works on it", async () => {
    await using world = await open();
    world.worker.verdict = () => null;
    const link = await answering(world);
    const paying = link.pay(payment(1));
    const framesBefore = world.worker.framesTaken;
    await world.until(() => world.worker.asked.length === 1);
    await world.pass(600);
    await world.until(() => world.worker.framesTaken >= framesBefore);
    expect(world.worker.asked).toHaveLength(1);
    world.worker.asked[0]?.answer({ kind: "stored" });
    expect(await outcome(world, paying)).toEqual({ kind: "stored" });
    expect(paymentsAsked(world)).toHaveLength(1);
  });
});
