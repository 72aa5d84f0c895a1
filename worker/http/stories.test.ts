import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteStore } from "../journal/store.ts";
import type { Transition } from "../transitions.ts";
import { openStories, type ListQuery } from "./stories.ts";

const AT_MS = Date.UTC(2026, 0, 1, 12);
const uuid = (n: number) => `4a7901b8-7d26-4d9d-aa19-${String(n).padStart(12, "0")}`;
const at = (ms: number) => new Date(AT_MS + ms).toISOString();

function accept(
  seq: number,
  acceptedAtMs: number,
  assigned = false,
  amountCents = 1_000 + seq,
): Transition {
  const assignment = assigned ? { processor: 0, requestedAtMs: acceptedAtMs } : null;
  const payment = { correlationId: uuid(seq), amountCents };
  return { kind: "accept", seq, ...payment, acceptedAtMs, assignment };
}

function stories(transitions: readonly Transition[]) {
  const directory = mkdtempSync(join(tmpdir(), "papa-leguas-stories-"));
  const path = join(directory, "payments.db");
  const store = new SqliteStore(path, "off", ["default"], AT_MS);
  store.apply(transitions);
  const opened = openStories(path, { names: ["default"], eras: [] });
  return {
    ...opened,
    [Symbol.dispose]() {
      opened.close();
      store.close();
      rmSync(directory, { recursive: true });
    },
  };
}

function listed({ list }: ReturnType<typeof stories>, query: Partial<ListQuery>): string {
  return `${list({ state: null, order: "age", limit: 10, after: null, ...query }, AT_MS)}`;
}

test("open payments are counted by state and age", () => {
  const settled = { processor: 0, requestedAtMs: AT_MS, amountCents: 1_009, settledAtMs: AT_MS };
  using open = stories([
    accept(1, AT_MS - 120_000),
    accept(2, AT_MS - 30_000),
    accept(3, AT_MS - 20_000),
    accept(4, AT_MS - 20_000, true),
    accept(5, AT_MS - 999),
    accept(9, AT_MS, true),
    { kind: "settle", seq: 9, row: 0, ...settled },
  ]);
  expect(JSON.parse(open.ages(AT_MS))).toEqual({
    states: [
      { state: "accepted", fromSeconds: 0, count: 1, cents: 1_005, oldest: at(-999) },
      { state: "accepted", fromSeconds: 10, count: 2, cents: 2_005, oldest: at(-30_000) },
      { state: "accepted", fromSeconds: 60, count: 1, cents: 1_001, oldest: at(-120_000) },
      { state: "assigned", fromSeconds: 10, count: 1, cents: 1_004, oldest: at(-20_000) },
    ],
    complete: true,
  });
});

function failed(seq: number, n: number): Transition {
  const attempt = { atMs: AT_MS + n, processor: 0, outcome: "unknown", reason: `${n}` } as const;
  return { kind: "unknown", seq, attempt };
}

test.each([
  [0, [], 0],
  [2, [1, 2], 0],
  [3, [1, 2, 3], 0],
  [4, [1, 2, 3, 4], 0],
  [6, [1, 2, 3, 4, 5, 6], 0],
  [7, [1, 2, 3, 5, 6, 7], 1],
  [1_000, [1, 2, 3, 998, 999, 1_000], 994],
])(
  "of %p attempts a story tells the first and the last, and counts the others",
  (count, told, left) => {
    const others = [accept(2, AT_MS, true), failed(2, 1)];
    const all = Array.from({ length: count }, (_, i) => failed(1, i + 1));
    using open = stories([accept(1, AT_MS, true), ...others, ...all]);
    const story = JSON.parse(open.story(uuid(1), "public") as string);
    expect(story.attempts.map(({ reason }: { reason: string }) => Number(reason))).toEqual(told);
    expect(story.attemptsLeftOut).toBe(left);
    const [one] = JSON.parse(listed(open, { limit: 1 })).payments;
    expect(one).toMatchObject({ attempts: count, lastReason: count === 0 ? null : `${count}` });
  },
);

test.each([
  ["age", [1, 2, 3, 4, 5]],
  ["amount", [4, 1, 2, 3, 5]],
] as const)("a list by %s goes on behind its last payment, and ends", (order, all) => {
  const cents = [200, 200, 200, 300, 100];
  using open = stories(cents.map((amount, i) => accept(i + 1, AT_MS, false, amount)));
  const seen: string[] = [];
  for (let after: string | null = null, more = true; more; after = seen.at(-1) ?? null) {
    const page = JSON.parse(listed(open, { order, limit: 2, after }));
    seen.push(...page.payments.map((one: { correlationId: string }) => one.correlationId));
    more = page.more;
  }
  expect(seen).toEqual(all.map(uuid));
  expect(listed(open, { after: uuid(9) })).toBe("null");
});

test("everybody reads that an operator acted; who and why is for operators", () => {
  const intervention = { atMs: AT_MS, action: "hold", who: "ana", why: "to see", evidence: null };
  using told = stories([accept(1, AT_MS), { kind: "hold", seq: 1, intervention }]);
  const read = (reader: "operator" | "public") => {
    return JSON.parse(told.story(uuid(1), reader) as string) as { interventions: object[] };
  };
  expect(read("operator").interventions).toEqual([
    { at: at(0), who: "ana", action: "hold", why: "to see" },
  ]);
  expect(read("public").interventions).toEqual([{ at: at(0), action: "hold" }]);
});
