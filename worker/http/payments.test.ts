import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openToRead } from "../format.ts";
import { SqliteReader } from "../journal/sqlite-reader.ts";
import { SqliteStore } from "../journal/store.ts";
import { FREE, shareOf } from "../../shared/tariff.ts";
import { erasOf } from "../tariffs.ts";
import type { FailedAttempt, Transition } from "../transitions.ts";
import { statusJson } from "./payments.ts";

const NAMES = ["default", "fallback"];
const AT_MS = Date.UTC(2025, 6, 15, 12, 0, 0, 7);
const CARDS = { ...FREE, perMillion: 29_000, fixedCents: 30 };
const ERAS = erasOf(
  [
    { number: 1, processor: 1, fromMs: 0, terms: shareOf(0.05) },
    { number: 2, processor: 1, fromMs: AT_MS + 1_000, terms: CARDS },
    { number: 3, processor: 1, fromMs: AT_MS + 1_001, terms: null },
  ],
  NAMES.length,
);
const uuid = (n: number) => `4a7901b8-7d26-4d9d-aa19-${String(n).padStart(12, "0")}`;

function payments(transitions: readonly Transition[]) {
  const directory = mkdtempSync(join(tmpdir(), "papa-leguas-payments-"));
  const path = join(directory, "payments.db");
  const store = new SqliteStore(path, "off", NAMES, AT_MS);
  store.apply(transitions);
  const reader = new SqliteReader(openToRead(path));
  return {
    reader,
    store,
    async status(n: number) {
      const found = await reader.payment(uuid(n));
      return found === null ? null : statusJson(found, { names: NAMES, eras: ERAS });
    },
    async [Symbol.asyncDispose]() {
      await reader.close();
      store.close();
      rmSync(directory, { recursive: true });
    },
  };
}

function accept(seq: number, processor: number | null = null, amountCents = 1990): Transition {
  const assignment = processor === null ? null : { processor, requestedAtMs: AT_MS + 1_000 };
  return {
    kind: "accept",
    seq,
    correlationId: uuid(seq),
    amountCents,
    acceptedAtMs: AT_MS,
    assignment,
  };
}

function failed(kind: "unknown" | "reject" | "conflict" | "release", seq: number): Transition {
  const reason = `what "${kind}" is for`;
  const attempt: FailedAttempt = { atMs: AT_MS, processor: 1, outcome: "unknown", reason };
  return { kind, seq, attempt };
}

const settled = (seq: number, row: number): Transition => ({
  kind: "settle",
  seq,
  row,
  processor: 1,
  requestedAtMs: AT_MS + 1_000,
  amountCents: 1990,
  settledAtMs: AT_MS + 2_000,
});

test("the status of a payment in each state has the fields that the state has", async () => {
  await using journal = payments([
    accept(1),
    ...[2, 3, 4, 5, 6, 7].map((seq) => accept(seq, 1)),
    failed("unknown", 3),
    settled(4, 0),
    failed("reject", 5),
    failed("unknown", 6),
    failed("conflict", 6),
    failed("release", 7),
  ]);
  const fields = async (n: number) => JSON.parse((await journal.status(n)) ?? "null") as unknown;
  const acceptedAt = "2025-07-15T12:00:00.007Z";
  const base = (n: number, status: string) => ({
    correlationId: uuid(n),
    amount: 19.9,
    status,
    acceptedAt,
  });
  const at = { processor: "fallback", requestedAt: "2025-07-15T12:00:01.007Z" };
  expect(await fields(1)).toEqual(base(1, "accepted"));
  expect(await fields(2)).toEqual({ ...base(2, "assigned"), ...at });
  expect(await fields(3)).toEqual({ ...base(3, "unknown"), ...at });
  expect(await fields(4)).toEqual({
    ...base(4, "settled"),
    ...at,
    settledAt: "2025-07-15T12:00:02.007Z",
    fee: 0.8771,
    tariff: 2,
  });
  expect(await fields(5)).toEqual({
    ...base(5, "rejected"),
    ...at,
    reason: 'what "reject" is for',
  });
  expect(await fields(6)).toEqual({
    ...base(6, "conflict"),
    ...at,
    reason: 'what "conflict" is for',
  });
  expect(await fields(7)).toEqual(base(7, "accepted"));
  expect(await fields(8)).toBeNull();
});

test("amounts are written to the cent", async () => {
  await using journal = payments([accept(1, null, Number.MAX_SAFE_INTEGER), accept(2, null, 1)]);
  expect(await journal.status(1)).toContain('"amount":90071992547409.91,');
  expect(await journal.status(2)).toContain('"amount":0.01,');
});

test("what is committed later is seen without opening again", async () => {
  await using journal = payments([accept(1)]);
  expect(await journal.status(2)).toBeNull();
  journal.store.apply([accept(2, 1), settled(2, 0)]);
  expect(await journal.status(2)).toContain('"status":"settled"');
});

test("the ledger's rows come as columns, those of the asked numbers only", async () => {
  await using journal = payments([1, 2, 3].map((seq) => accept(seq, 1)));
  journal.store.apply([1, 2, 3].map((seq) => settled(seq, seq - 1)));
  const rows = journal.reader.rows(1, 3);
  expect([...rows.requestedAtMs]).toEqual([AT_MS + 1_000, AT_MS + 1_000]);
  expect([...rows.amountCents]).toEqual([1990, 1990]);
  expect([...rows.processor]).toEqual([1, 1]);
  expect(journal.reader.rows(3, 9).processor).toHaveLength(0);
});
