/**
 * Tests that each payment belongs for ever to the tariff that was in force when it was assigned, through
 * any sequence of configurations, starts, clocks that are set, and purges, against a list that remembers
 * for each payment what was configured when it was sent.
 */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { anyTariff } from "../../shared/tariff.fixture.ts";
import { FREE, shareOf, type Tariff } from "../../shared/tariff.ts";
import { readTerms, termsOf } from "../fee-terms.ts";
import { erasOf, tariffOf } from "../tariffs.ts";
import { damageIn } from "./damage.ts";
import { uuid } from "./journal.fixture.ts";
import { SqliteStore } from "./store.ts";

const NAMES = ["a", "b", "c"];

type Settled = { readonly terms: Tariff; readonly processor: number };

/** A worker over a journal in memory, which is started again and again. */
class Starts {
  readonly db = new Database(":memory:", { strict: true });
  nowMs = 1_000_000;
  store!: SqliteStore;
  #configured: readonly Tariff[] = [];
  #tariffsFromMs = 0;
  #seq = 0;
  #row = 0;
  readonly #sent = new Map<number, { readonly requestedAtMs: number } & Settled>();
  readonly settled = new Map<number, Settled>();

  start(configured: readonly Tariff[]): void {
    const names = NAMES.slice(0, configured.length);
    this.store = new SqliteStore("memory", "off", names, this.nowMs, this.db);
    const tariffs = this.store.tariffs(
      configured.map((terms, processor) => ({ processor, terms })),
    );
    this.#configured = configured;
    this.#tariffsFromMs = tariffs.at(-1)!.fromMs;
    this.#row = this.store.head.nextRow;
  }

  assign(which: number): void {
    const seq = ++this.#seq;
    const processor = which % this.#configured.length;
    const requestedAtMs = Math.max(this.nowMs, this.#tariffsFromMs);
    const assignment = { processor, requestedAtMs };
    const payment = { correlationId: uuid(seq), amountCents: 100, acceptedAtMs: this.nowMs };
    this.store.apply([{ kind: "accept", seq, ...payment, assignment }]);
    this.#sent.set(seq, { requestedAtMs, processor, terms: this.#configured[processor]! });
  }

  settle(which: number): void {
    const seq = [...this.#sent.keys()][which % Math.max(1, this.#sent.size)];
    if (seq === undefined) return;
    const { requestedAtMs, processor, terms } = this.#sent.get(seq)!;
    const row = this.#row++;
    const settled = { seq, row, processor, requestedAtMs, amountCents: 100, settledAtMs: 1 };
    this.store.apply([{ kind: "settle", ...settled }]);
    this.#sent.delete(seq);
    this.settled.set(seq, { terms, processor });
  }

  purge(): void {
    this.#row = Math.ceil(this.#row / 256) * 256;
    this.store.apply([{ kind: "purge", baseRow: this.#row, atMs: this.nowMs }]);
  }

  /** Terms of every settled payment, as the journal tells them. */
  told(): Map<number, Settled> {
    const eras = erasOf(this.store.tariffs(this.#priced()), NAMES.length);
    const sql =
      "SELECT seq, processor, requested_at_ms FROM payments WHERE settled_at_ms IS NOT NULL";
    const rows = this.db.query(sql).values() as [number, number, number][];
    return new Map(
      rows.map(([seq, processor, requestedAtMs]) => {
        const tariff = tariffOf(eras, { processor, requestedAtMs });
        return [seq, { processor, terms: tariff!.terms }];
      }),
    );
  }

  #priced() {
    return this.#configured.map((terms, processor) => ({ processor, terms }));
  }
}

const anyTerms = fc.constantFrom<Tariff>(
  shareOf(0.05),
  shareOf(0.15),
  { ...FREE, perMillion: 29_000, fixedCents: 30 },
  { ...shareOf(0.05), rounding: "half-up" },
);
const step = fc.oneof(
  {
    weight: 1,
    arbitrary: fc
      .array(anyTerms, { minLength: 1, maxLength: 3 })
      .map((terms) => ({ kind: "start" as const, terms })),
  },
  { weight: 3, arbitrary: fc.nat(9).map((which) => ({ kind: "assign" as const, which })) },
  { weight: 3, arbitrary: fc.nat(9).map((which) => ({ kind: "settle" as const, which })) },
  {
    weight: 2,
    arbitrary: fc
      .integer({ min: -5_000, max: 5_000 })
      .map((byMs) => ({ kind: "clock" as const, byMs })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "purge" as const }) },
);

test("whatever is configured, however the clock is set: a payment's tariff is that of when it was assigned", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const starts = new Starts();
      starts.start([shareOf(0.05)]);
      for (const one of steps) {
        if (one.kind === "start") starts.start(one.terms);
        if (one.kind === "assign") starts.assign(one.which);
        if (one.kind === "settle") starts.settle(one.which);
        if (one.kind === "clock") starts.nowMs += one.byMs;
        if (one.kind === "purge") starts.purge();
      }
      expect(starts.told()).toEqual(starts.settled);
      expect(damageIn(starts.db)).toBeNull();
    }),
    { numRuns: 300 },
  );
});

test("tariffs begin where the configuration differs, and nothing is written where it does not", () => {
  const starts = new Starts();
  const numbers = () => starts.db.query("SELECT * FROM tariffs ORDER BY number").values();
  starts.start([shareOf(0.05), shareOf(0.15)]);
  starts.start([shareOf(0.05), shareOf(0.15)]);
  const first = [
    [1, 0, 0, '{"percent":"5"}'],
    [2, 1, 0, '{"percent":"15"}'],
  ];
  expect(numbers()).toEqual(first);
  starts.assign(0);
  starts.nowMs -= 10_000;
  starts.start([shareOf(0.05)]);
  starts.start([shareOf(0.05), shareOf(0.15)]);
  const begun = 1_000_001;
  expect(numbers()).toEqual([...first, [3, 1, begun, null], [4, 1, begun, '{"percent":"15"}']]);
});

test("on a journal that was restored a tariff begins behind all that may have been sent since the copy", () => {
  const starts = new Starts();
  starts.start([shareOf(0.05)]);
  starts.assign(0);
  starts.db.run("INSERT INTO meta VALUES ('restored_at_ms', 2000000)");
  starts.nowMs = 3_000_000;
  starts.start([shareOf(0.15)]);
  expect(starts.store.tariffs([{ processor: 0, terms: shareOf(0.15) }]).at(-1)!.fromMs).toBe(
    3_000_001,
  );
});

test("terms are read as they were written", () => {
  fc.assert(
    fc.property(anyTariff, (tariff) => {
      fc.pre(tariff.maxCents === null || tariff.maxCents >= tariff.minCents);
      expect(readTerms(termsOf(tariff))).toEqual(tariff);
    }),
  );
  expect(
    termsOf({
      perMillion: 39_900,
      fixedCents: 39,
      minCents: 50,
      maxCents: 1_000,
      rounding: "half-up",
    }),
  ).toBe('{"percent":"3.99","fixed":"0.39","min":"0.50","max":"10.00","rounding":"half-up"}');
});
