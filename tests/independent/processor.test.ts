/**
 * The independent processor keeps its two promises whatever its seed draws, and does meet trouble: without that, a
 * kill loop over it would prove nothing. The gateway's own client is what it is spoken to with only in tests/kill.
 */
import { expect, test } from "bun:test";
import { eachOf } from "../../testing/each.ts";
import { seededRandom, uuidFrom } from "../../testing/random.ts";
import { IndependentProcessor } from "./processor.ts";

const CALLS = 300;
const AT = "2026-01-31T09:30:00.123Z";
const AT_MS = Date.UTC(2026, 0, 31, 9, 30, 0, 123);

type Told = { readonly status: number; readonly text: string };

async function charge(url: string, id: string, amount = "19.90"): Promise<Told | null> {
  try {
    const answer = await fetch(`${url}/payments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"correlationId":"${id}","amount":${amount},"requestedAt":"${AT}"}`,
      redirect: "manual",
      signal: AbortSignal.timeout(500),
    });
    return { status: answer.status, text: await answer.text() };
  } catch {
    return null;
  }
}

test("without trouble each id is recorded once, and found as it was posted", async () => {
  const random = seededRandom(1);
  await using processor = await IndependentProcessor.start("default", random);
  for (let i = 0; i < 40; i++) {
    const id = uuidFrom(random);
    await charge(processor.url, id);
    expect((await charge(processor.url, id, "5.00"))?.status ?? 422).toBe(422);
  }
  expect(await processor.summary(null)).toEqual({ count: 40, cents: 40 * 1990 });
  expect(await processor.summary({ fromMs: AT_MS, toMs: AT_MS })).toEqual({
    count: 40,
    cents: 40 * 1990,
  });
  expect(await processor.summary({ fromMs: AT_MS + 1, toMs: AT_MS + 9 })).toEqual({
    count: 0,
    cents: 0,
  });
  const [first] = await processor.payments();
  const answer = await fetch(`${processor.url}/payments/${first!.correlationId}`);
  const found = (await answer.json()) as Record<string, unknown>;
  expect(Number(found["amount"])).toBeCloseTo(19.9, 9);
  expect(first!.requestedAtMs).toBe(AT_MS);
});

test("what it says clearly is so, and most of what its trouble says is not clear", async () => {
  const random = seededRandom(2);
  await using processor = await IndependentProcessor.start("default", random);
  await processor.setFaults({ any: 0.9 });
  const told = new Map<string, Told | null>();
  const ids = Array.from({ length: CALLS }, () => uuidFrom(random));
  await Promise.all(ids.map(async (id) => told.set(id, await charge(processor.url, id))));
  const recorded = new Set((await processor.payments()).map((row) => row.correlationId));
  const isClearNo = (one: Told | null) => one?.status === 429;
  const refused = ids.filter((id) => isClearNo(told.get(id)!));
  const lost = ids.filter((id) => told.get(id) === null && recorded.has(id));
  expect(refused.filter((id) => recorded.has(id))).toEqual([]);
  expect(refused.length).toBeGreaterThan(0);
  expect(lost.length).toBeGreaterThan(0);
  expect(new Set([...told.values()].map((one) => one?.status)).size).toBeGreaterThan(8);
  await processor.setFailure(true);
  await processor.setFaults({});
  const failed = uuidFrom(random);
  expect(await charge(processor.url, failed)).toEqual({ status: 500, text: "" });
  expect((await processor.payments()).some((row) => row.correlationId === failed)).toBe(false);
  // A dead processor answers nothing, and knows afterwards what it had recorded.
  await processor.setDown(true);
  expect(await charge(processor.url, ids[0]!)).toBeNull();
  await processor.heal();
  const found = await eachOf([...recorded], (id) => fetch(`${processor.url}/payments/${id}`));
  expect(found.filter(({ status }) => status !== 200)).toEqual([]);
});
