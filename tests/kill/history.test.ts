/**
 * Histories of a few calls that some order explains, and those that none does: each fault that the kill loop's
 * history is there to find is found in a history of its own. Porcupine judges the registers, and needs Go.
 */
import { expect, test } from "bun:test";
import type { Status } from "../../testing/gateway.ts";
import { auditSums, type Summed } from "./history.ts";
import { rulesBy, unexplained, WHY_NO_GO, type Operation } from "./linearizable.ts";

type Span = readonly [calledAtMs: number, returnedAtMs: number];
const note = WHY_NO_GO === null ? "" : ` (${WHY_NO_GO})`;

const ACCEPTED = seen("accepted");
const SETTLED = seen("settled", { processor: "default", requestedAtMs: 1_000, settledAtMs: 1_010 });

function seen(status: string, more: Partial<Status> = {}): Status {
  return {
    status,
    amountCents: 1_990,
    processor: null,
    requestedAtMs: null,
    acceptedAtMs: 990,
    settledAtMs: null,
    fee: null,
    tariff: null,
    ...more,
  };
}

function post([calledAtMs, returnedAtMs]: Span, status: 202 | 409 | 503, amountCents = 1_990) {
  const outcome = ({ 202: "accepted", 409: "conflict", 503: "none" } as const)[status];
  const until = outcome === "none" ? null : returnedAtMs;
  const kind = "post" as const;
  return { kind, id: "", amountCents, outcome, calledAtMs, returnedAtMs: until };
}

function read([calledAtMs, returnedAtMs]: Span, what: Status | "missing") {
  return { kind: "read" as const, id: "", seen: what, calledAtMs, returnedAtMs };
}

const UNKNOWN = { processor: "default", requestedAtMs: 1_000 };
const EXPLAINED: Record<string, readonly Operation[]> = {
  "a read beside a post that sees nothing yet": [post([0, 9], 202), read([2, 4], "missing")],
  "a post without an answer that takes effect much later": [
    post([0, 5], 503),
    read([6, 7], "missing"),
    read([8, 9], ACCEPTED),
  ],
  "another amount is refused": [post([0, 5], 202), post([6, 7], 409, 5)],
  "of two amounts without an answer one wins": [
    post([0, 5], 503),
    post([0, 5], 503, 5),
    read([6, 7], { ...ACCEPTED, amountCents: 5 }),
    post([8, 9], 409),
  ],
  "refused at one processor, settled at another": [
    post([0, 1], 202),
    read([2, 3], seen("assigned", { processor: "fallback", requestedAtMs: 995 })),
    read([4, 5], ACCEPTED),
    read([6, 7], SETTLED),
  ],
  "two reads at a time see it in either order": [
    post([0, 1], 202),
    read([2, 9], ACCEPTED),
    read([3, 8], SETTLED),
  ],
};
const REFUSED: Record<string, readonly Operation[]> = {
  "a stale read": [post([0, 1], 202), read([2, 3], SETTLED), read([4, 5], ACCEPTED)],
  "a payment that is gone after its 202": [post([0, 1], 202), read([2, 3], "missing")],
  "a payment that is gone for a moment": [
    post([0, 5], 503),
    read([6, 7], ACCEPTED),
    read([8, 9], "missing"),
    read([10, 11], ACCEPTED),
  ],
  "a 202 for each of two amounts": [post([0, 1], 202), post([2, 3], 202, 5)],
  "a conflict with nothing": [post([0, 1], 409), read([2, 3], "missing")],
  "a payment that nobody posted": [read([0, 1], ACCEPTED)],
  "a payment that is there before it is posted": [read([0, 1], ACCEPTED), post([2, 3], 202)],
  "an amount that changes": [post([0, 1], 202), read([2, 3], { ...SETTLED, amountCents: 1_991 })],
  "a settlement at another time": [
    post([0, 1], 202),
    read([2, 3], SETTLED),
    read([4, 5], { ...SETTLED, settledAtMs: 1_011 }),
  ],
  "an unknown payment that moves to another processor": [
    post([0, 1], 202),
    read([2, 3], seen("unknown", UNKNOWN)),
    read([4, 5], { ...SETTLED, processor: "fallback" }),
  ],
  "an unknown payment that is released": [
    post([0, 1], 202),
    read([2, 3], seen("unknown", UNKNOWN)),
    read([4, 5], ACCEPTED),
  ],
};

test.skipIf(WHY_NO_GO !== null)(
  `Porcupine refuses the histories that no order explains${note}`,
  async () => {
    const named = (histories: typeof REFUSED) =>
      Object.entries(histories).flatMap(([id, all]) => all.map((one) => ({ ...one, id })));
    const refused = await unexplained([...named(EXPLAINED), ...named(REFUSED)], false);
    expect(refused.map(({ id }) => id).toSorted()).toEqual(Object.keys(REFUSED).toSorted());
  },
);

test("what a payment may be seen as next comes from the table of moves", () => {
  const { moves, keep } = rulesBy(false);
  expect(moves["unknown"]).toEqual(["unknown", "settled", "conflict"]);
  expect(moves["accepted"]).toContain("settled");
  for (const final of ["settled", "rejected", "conflict"]) expect(moves[final]).toEqual([final]);
  expect(keep).toContain("unknown");
  // An operator may give an unknown payment to another processor.
  const operated = rulesBy(true);
  expect(operated.moves["unknown"]).toContain("accepted");
  expect(operated.keep).not.toContain("unknown");
});

const POSTED = { ...post([0, 1], 202), id: "a" };
const KNOWN = [POSTED, { ...read([2, 3], SETTLED), id: "a" }];
const FINALS = new Map([["a", SETTLED]]);

function summed(
  [calledAtMs, returnedAtMs]: Span,
  count: number,
  more: Partial<Summed> = {},
): Summed {
  const sums = { default: { count, cents: count * 1_990 } };
  return { calledAtMs, returnedAtMs, askedAtMs: 0, window: null, sums, worker: 1, ...more };
}

function found(summaries: readonly Summed[], operations: readonly Operation[] = KNOWN): string[] {
  return auditSums(summaries, operations, FINALS).map(({ text }) => text);
}

test("a summary counts what was settled, and need not count what nobody was told of", () => {
  expect(found([summed([4, 5], 1)])).toEqual([]);
  expect(found([summed([1.5, 2.5], 0), summed([4, 5], 1)])).toEqual([]);
  expect(found([summed([4, 5], 0, { window: { fromMs: 1_001, toMs: 2_000 } })])).toEqual([]);
});

test("a summary that forgets a payment is found", () => {
  const [text] = found([summed([4, 5], 0)]);
  expect(text).toContain("it said 0 payments of 0 cents");
  const window = { fromMs: 1_000, toMs: 1_000 };
  expect(found([summed([4, 5], 0, { window })])).toHaveLength(1);
  expect(found([summed([4, 5], 0, { sums: {} })])).toHaveLength(1);
  // Nobody was told, and its date says that it was settled before.
  expect(found([summed([4, 5], 0, { askedAtMs: 2_010 })], [POSTED])).toEqual([]);
  expect(found([summed([4, 5], 0, { askedAtMs: 2_011 })], [POSTED])).toHaveLength(1);
});

test("a summary that counts twice, counts what is not posted yet, or sums up wrongly is found", () => {
  expect(found([summed([4, 5], 2)])).toHaveLength(1);
  expect(found([summed([-2, -1], 1)])).toHaveLength(1);
  const sums = { default: { count: 1, cents: 1_991 } };
  expect(found([summed([4, 5], 1, { sums })])).toHaveLength(1);
});

test("a summary that shrinks while its worker lives is found", () => {
  const before = summed([1.1, 1.2], 1);
  expect(found([before, summed([1.3, 1.4], 0)], [POSTED])).toHaveLength(1);
  expect(found([before, summed([1.3, 1.4], 0, { worker: 2 })], [POSTED])).toEqual([]);
  expect(found([before, summed([1.15, 1.4], 0)], [POSTED])).toEqual([]);
});
