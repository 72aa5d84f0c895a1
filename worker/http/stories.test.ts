import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openToRead } from "../format.ts";
import type { ListQuery } from "../journal-reader.ts";
import { SqliteReader } from "../journal/sqlite-reader.ts";
import { SqliteStore } from "../journal/store.ts";
import type { Transition } from "../transitions.ts";
import { Stories } from "./stories.ts";

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
  const reader = new SqliteReader(openToRead(path));
  const close = async () => {
    await reader.close();
    store.close();
    rmSync(directory, { recursive: true });
  };
  return Object.assign(new Stories(reader, { names: ["default"], eras: [] }), {
    [Symbol.asyncDispose]: close,
  });
}

async function listed(of: Stories, query: Partial<ListQuery>): Promise<string> {
  return `${await of.list({ state: null, order: "age", limit: 10, after: null, ...query }, AT_MS)}`;
}

test("open payments are counted by state and age", async () => {
  const settled = { processor: 0, requestedAtMs: AT_MS, amountCents: 1_009, settledAtMs: AT_MS };
  await using open = stories([
    accept(1, AT_MS - 120_000),
    accept(2, AT_MS - 30_000),
    accept(3, AT_MS - 20_000),
    accept(4, AT_MS - 20_000, true),
    accept(5, AT_MS - 999),
    accept(9, AT_MS, true),
    { kind: "settle", seq: 9, row: 0, ...settled },
  ]);
  expect(JSON.parse(await open.ages(AT_MS))).toEqual({
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
  async (count, told, left) => {
    const others = [accept(2, AT_MS, true), failed(2, 1)];
    const all = Array.from({ length: count }, (_, i) => failed(1, i + 1));
    await using open = stories([accept(1, AT_MS, true), ...others, ...all]);
    const story = JSON.parse((await open.story(uuid(1), "public")) as string);
    expect(story.attempts.map(({ reason }: { reason: string }) => Number(reason))).toEqual(told);
    expect(story.attemptsLeftOut).toBe(left);
    const [one] = JSON.parse(await listed(open, { limit: 1 })).payments;
    expect(one).toMatchObject({ attempts: count, lastReason: count === 0 ? null : `${count}` });
  },
);

test.each([
  ["age", [1, 2, 3, 4, 5]],
  ["amount", [4, 1, 2, 3, 5]],
] as const)("a list by %s goes on behind its last payment, and ends", async (order, all) => {
  const cents = [200, 200, 200, 300, 100];
  await using open = stories(cents.map((amount, i) => accept(i + 1, AT_MS, false, amount)));
  const seen: string[] = [];
  for (let after: string | null = null, more = true; more; after = seen.at(-1) ?? null) {
    const page = JSON.parse(await listed(open, { order, limit: 2, after }));
    seen.push(...page.payments.map((one: { correlationId: string }) => one.correlationId));
    more = page.more;
  }
  expect(seen).toEqual(all.map(uuid));
  expect(await listed(open, { after: uuid(9) })).toBe("null");
});

test("everybody reads that an operator acted; who and why is for operators", async () => {
  const intervention = { atMs: AT_MS, action: "hold", who: "ana", why: "to see", evidence: null };
  await using told = stories([accept(1, AT_MS), { kind: "hold", seq: 1, intervention }]);
  const read = async (reader: "operator" | "public") => {
    return JSON.parse((await told.story(uuid(1), reader)) as string) as { interventions: object[] };
  };
  expect((await read("operator")).interventions).toEqual([
    { at: at(0), who: "ana", action: "hold", why: "to see" },
  ]);
  expect((await read("public")).interventions).toEqual([{ at: at(0), action: "hold" }]);
});
