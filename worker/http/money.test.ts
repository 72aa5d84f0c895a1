/** Tests the sums of fees against a recount, payment by payment and in whole numbers of any size. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { anyTariff } from "../../shared/tariff.fixture.ts";
import { decimalOf, feeOf, millionthsOf, shareOf, type Tariff } from "../../shared/tariff.ts";
import { decimalFromCents } from "../../shared/money.ts";
import { seededRandom } from "../../testing/random.ts";
import { allocateLedger, BLOCK_ROWS, LedgerWriter } from "../ledger.ts";
import { MoneyReader } from "./money.ts";
import { SummaryReader, type SummaryWindow } from "../summary.ts";
import { erasOf, tariffOf, type Era, type KnownTariff } from "../tariffs.ts";

type Settled = { readonly atMs: number; readonly cents: number; readonly processor: number };

const NAMES = ["a", "b", "c"];
/** A ring that is smaller than a super-block, so that most rows are the journal's. */
const SLOTS = 4_096;
const ALWAYS = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };

function readerOf(known: readonly KnownTariff[], settled: readonly Settled[]) {
  const memory = allocateLedger(SLOTS, NAMES.length, 256 * BLOCK_ROWS);
  const ledger = new LedgerWriter(memory);
  for (const { atMs, cents, processor } of settled) ledger.append(atMs, cents, processor);
  const read = { rows: 0 };
  const oldRows = (fromRow: number, toRow: number) => {
    const rows = settled.slice(fromRow, toRow);
    read.rows += rows.length;
    return {
      requestedAtMs: Float64Array.from(rows, ({ atMs }) => atMs),
      amountCents: Float64Array.from(rows, ({ cents }) => cents),
      processor: Float64Array.from(rows, ({ processor }) => processor),
    };
  };
  const summary = new SummaryReader(memory, oldRows);
  const eras = erasOf(known, NAMES.length);
  const now = { names: NAMES, eras };
  return { money: new MoneyReader(memory, summary, now), eras, ledger, read, now };
}

function recount(eras: readonly Era[], settled: readonly Settled[], window: SummaryWindow) {
  let [total, paid, cheapest, dearest] = [0, 0n, 0n, 0n];
  const each: Record<number, { count: number; cents: number; paid: bigint }> = {};
  for (const { atMs, cents, processor } of settled) {
    if (atMs < window.fromMs || atMs > window.toMs) continue;
    const tariff = tariffOf(eras, { processor, requestedAtMs: atMs });
    if (tariff === null) continue;
    const { tariffs } = eras.findLast(({ fromMs }) => fromMs <= atMs)!;
    const fees = tariffs.flatMap((one) =>
      one === null ? [] : [millionthsOf(feeOf(one.terms, cents))],
    );
    const fee = millionthsOf(feeOf(tariff.terms, cents));
    const own = (each[tariff.number] ??= { count: 0, cents: 0, paid: 0n });
    own.count++;
    own.cents += cents;
    own.paid += fee;
    total += cents;
    paid += fee;
    cheapest += fees.reduce((a, b) => (b < a ? b : a));
    dearest += fees.reduce((a, b) => (b > a ? b : a));
  }
  return {
    total: decimalFromCents(total),
    paid: decimalOf(paid),
    avoided: decimalOf(dearest - paid),
    left: decimalOf(paid - cheapest),
    each: Object.fromEntries(
      Object.entries(each).map(([number, one]) => [number, { ...one, paid: decimalOf(one.paid) }]),
    ),
  };
}

async function readBy(money: MoneyReader, window: SummaryWindow) {
  const { each, ...sums } = await money.read(window);
  const some = each
    .filter(({ count }) => count > 0)
    .map(({ tariff, count, cents, paid }) => [tariff, { count, cents, paid }] as const);
  return { ...sums, each: Object.fromEntries(some) };
}

const anyTerms = fc.oneof(
  anyTariff.filter(({ minCents, maxCents }) => maxCents === null || maxCents >= minCents),
  fc.integer({ min: 0, max: 20 }).map((percent) => shareOf(percent / 100)),
  fc.constant(null),
);
const known = fc
  .array(fc.record({ processor: fc.nat(2), fromMs: fc.nat(1_000), terms: anyTerms }), {
    maxLength: 6,
  })
  .map((later): KnownTariff[] =>
    [...NAMES.keys().map((processor) => ({ processor, fromMs: 0, terms: shareOf(0.05) })), ...later]
      .toSorted((a, b) => a.fromMs - b.fromMs)
      .map(({ processor, fromMs, terms }, i) => ({ number: i + 1, processor, fromMs, terms })),
  );

function settledBy(seed: number, count: number): Settled[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => ({
    // Almost in order, as payments settle.
    atMs: Math.floor((i / count) * 1_000 + random() * 20),
    cents: 1 + Math.floor(random() ** 4 * 1_000_000),
    processor: Math.floor(random() * 3),
  }));
}

test("sums of any window under any tariffs are those of a recount", async () => {
  const bound = fc.oneof(fc.nat(1_020), fc.constantFrom(-Infinity, Infinity));
  await fc.assert(
    fc.asyncProperty(known, fc.nat(), fc.nat(3_000), bound, bound, async (tariffs, ...given) => {
      const [seed, count, ...bounds] = given;
      const settled = settledBy(seed, count);
      const { money, eras } = readerOf(tariffs, settled);
      const window = { fromMs: Math.min(...bounds), toMs: Math.max(...bounds) };
      expect(await readBy(money, window)).toEqual(recount(eras, settled, window));
    }),
  );
});

test("super-blocks that were summed are not read again, and a purge forgets them", async () => {
  const rounded: Tariff = { ...shareOf(0.05), rounding: "half-up" };
  const tariffs = NAMES.map((_, processor) => {
    return { number: processor + 1, processor, fromMs: 0, terms: rounded };
  });
  const settled = settledBy(1, 40_000);
  const { money, eras, ledger, read } = readerOf(tariffs, settled);
  expect(await readBy(money, ALWAYS)).toEqual(recount(eras, settled, ALWAYS));
  expect(read.rows).toBeGreaterThan(32_768);
  read.rows = 0;
  expect(await readBy(money, ALWAYS)).toEqual(recount(eras, settled, ALWAYS));
  expect(read.rows).toBeLessThan(16_384);
  ledger.purge();
  expect((await money.read(ALWAYS)).paid).toBe("0.00");
});

test("whoever settled nothing in a window is compared with, and whoever was not configured is not", async () => {
  const tariffs = [
    { number: 1, processor: 0, fromMs: 0, terms: shareOf(0.05) },
    { number: 2, processor: 1, fromMs: 0, terms: shareOf(0.15) },
    { number: 3, processor: 1, fromMs: 100, terms: null },
  ];
  const settled = [
    { atMs: 99, cents: 10_000, processor: 0 },
    { atMs: 100, cents: 10_000, processor: 0 },
  ];
  const { money } = readerOf(tariffs, settled);
  expect(await money.read({ fromMs: 0, toMs: 99 })).toMatchObject({
    paid: "5.00",
    avoided: "10.00",
  });
  expect(await money.read({ fromMs: 100, toMs: 200 })).toMatchObject({
    paid: "5.00",
    avoided: "0.00",
  });
});

test("a tariff that another worker begins divides what was summed already", async () => {
  const cents = 101;
  const settled = Array.from({ length: 3 * 64 * BLOCK_ROWS }, (_, atMs) => ({
    atMs,
    cents,
    processor: 0,
  }));
  const rounded: Tariff = { ...shareOf(0.05), rounding: "half-up" };
  const first = { number: 1, processor: 0, fromMs: 0, terms: rounded };
  const { money, now } = readerOf([first], settled);
  expect(await readBy(money, ALWAYS)).toEqual(recount(now.eras, settled, ALWAYS));
  const half = settled.length / 2;
  const second = {
    number: 2,
    processor: 0,
    fromMs: half,
    terms: { ...rounded, perMillion: 80_000 },
  };
  const reading = readBy(money, ALWAYS);
  now.eras = erasOf([first, second], NAMES.length);
  const divided = recount(now.eras, settled, ALWAYS);
  expect(divided.each[2]?.count).toBe(half);
  expect(await reading).toEqual(divided);
  expect(await readBy(money, ALWAYS)).toEqual(divided);
});
