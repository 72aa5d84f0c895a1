import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenRow } from "../journal.ts";
import { InlineJournal } from "../journal/inline.ts";
import { openDatabase, SqliteStore } from "../journal/store.ts";
import { allocateLedger, BLOCK_ROWS, LedgerWriter } from "../ledger.ts";
import type { OpenState } from "../payment.ts";
import type { Transition } from "../transitions.ts";
import { openPaymentsOf, rebuildLedger, stateAfterStart } from "./recovery.ts";
import { Bench, last, NOTHING } from "./scripted.fixture.ts";
import { idOf, VirtualClock, WALL_START_MS } from "./world.fixture.ts";

const assignment = { processor: 1, requestedAtMs: WALL_START_MS - 4_000 };
const attempt = {
  atMs: WALL_START_MS - 3_000,
  processor: 1,
  outcome: "unknown",
  reason: "no answer in time",
} as const;

function row(state: OpenRow["state"], assigned: OpenRow["assignment"] = null): OpenRow {
  const seq = 1;
  const acceptedAtMs = WALL_START_MS - 5_000;
  const correlationId = idOf(1);
  const rest = { assignment: assigned, isClaimed: false };
  return { seq, correlationId, amountCents: 1_990, state, acceptedAtMs, ...rest };
}

describe("the table, row by row", () => {
  test("accepted is queued: it belongs to nobody", () => {
    expect(stateAfterStart(row("accepted"))).toEqual({ kind: "queued" });
  });

  test("assigned is unknown: a call may have left", () => {
    expect(stateAfterStart(row("assigned", assignment))).toEqual({ kind: "unknown", assignment });
  });

  test("unknown stays unknown", () => {
    expect(stateAfterStart(row("unknown", assignment))).toEqual({ kind: "unknown", assignment });
  });

  test("held stays held, with its processor if it had one", () => {
    expect(stateAfterStart(row("held", assignment))).toEqual({ kind: "held", assignment });
    expect(stateAfterStart(row("held"))).toEqual({ kind: "held", assignment: null });
  });

  test.each(["rejected", "conflict"] as const)("%s is an operator's", (state) => {
    expect(stateAfterStart(row(state, assignment))).toBeNull();
  });

  test("settled is no open payment: the journal contradicts itself", () => {
    expect(() => stateAfterStart(row("settled", assignment))).toThrow("not open");
  });

  test.each(["assigned", "unknown"] as const)("%s without an assignment is damage", (state) => {
    expect(() => stateAfterStart(row(state))).toThrow("without an assignment");
  });
});

/** A journal on disk that can be closed and opened again, as a restart does. */
function journalOnDisk() {
  const directory = mkdtempSync(join(tmpdir(), "papa-leguas-recovery-"));
  const opened: SqliteStore[] = [];
  return {
    open(processors = ["default", "fallback"], atMs = WALL_START_MS, checkedBytesMax?: number) {
      const path = join(directory, "payments.db");
      const db = openDatabase(path, "off");
      const store = new SqliteStore(path, "off", processors, atMs, db, checkedBytesMax);
      opened.push(store);
      return new InlineJournal(store, new VirtualClock());
    },
    write(...transitions: Transition[]) {
      const journal = this.open();
      opened.at(-1)?.apply(transitions);
      return journal.close();
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

function accept(n: number, processor: number | null = null): Transition {
  const at = { ...assignment, processor: processor ?? 0 };
  return {
    kind: "accept",
    seq: n,
    correlationId: idOf(n),
    amountCents: 1_990,
    acceptedAtMs: WALL_START_MS - 5_000 + n,
    assignment: processor === null ? null : at,
  };
}

const settle = (n: number, at: number, processor = 1): Transition => ({
  kind: "settle",
  seq: n,
  row: at,
  processor,
  requestedAtMs: assignment.requestedAtMs,
  amountCents: 1_990,
  settledAtMs: WALL_START_MS - 1_000,
});

async function recovered(journal: InlineJournal, { slots = 4_096, wallMs = WALL_START_MS } = {}) {
  const clock = new VirtualClock();
  clock.nowMs = 700;
  const wall = { steadyMs: clock.steadyMs, wallMs: () => wallMs };
  const memory = allocateLedger(slots, journal.head.processors.length, 2 ** 20);
  const ledger = new LedgerWriter(memory);
  await rebuildLedger(journal, ledger);
  const found = await openPaymentsOf({ clock: wall, journal, patienceMs: 15_000 });
  return { ...found, ledger };
}

test("every open payment is in exactly one place afterwards", async () => {
  using disk = journalOnDisk();
  await disk.write(
    accept(1),
    accept(2, 1),
    accept(3, 1),
    { kind: "unknown", seq: 3, attempt },
    accept(4, 1),
    { kind: "reject", seq: 4, attempt: { ...attempt, outcome: "rejected" } },
    accept(5, 1),
    { kind: "conflict", seq: 5, attempt: { ...attempt, outcome: "conflict" } },
    accept(6, 1),
    settle(6, 0),
    accept(7, 1),
    { kind: "release", seq: 7, attempt: { ...attempt, outcome: "refused" } },
  );
  const journal = disk.open();
  const QUEUED: OpenState = { kind: "queued" };
  const { open, waitingForOperator, ledger } = await recovered(journal);
  const unknown: OpenState = { kind: "unknown", assignment };
  expect(open.map(({ seq, state }) => [seq, state])).toEqual([
    [1, QUEUED],
    [2, unknown],
    [3, unknown],
    [7, QUEUED],
  ]);
  expect([...waitingForOperator]).toEqual([
    ["rejected", 1],
    ["conflict", 1],
  ]);
  expect(ledger.head).toBe(1);
  await journal.close();
});

test("a deadline is counted from the acceptance, also when that is long ago", async () => {
  using disk = journalOnDisk();
  await disk.write(accept(1));
  const journal = disk.open();
  const soon = await recovered(journal);
  // Accepted 4 999 ms ago, and the steady clock says 700.
  expect(soon.open[0]?.deadlineMs).toBe(700 - 4_999 + 15_000);
  const late = await recovered(journal, { wallMs: WALL_START_MS + 86_400_000 });
  expect(late.open[0]?.deadlineMs).toBeLessThan(700);
  await journal.close();
});

test("a clock that stepped back gives nobody more than its patience", async () => {
  using disk = journalOnDisk();
  await disk.write(accept(1));
  const journal = disk.open();
  const { open } = await recovered(journal, { wallMs: WALL_START_MS - 3_600_000 });
  expect(open[0]?.deadlineMs).toBe(700 + 15_000);
  await journal.close();
});

test("the ledger has every settled row, those older than the ring as totals", async () => {
  using disk = journalOnDisk();
  const rows = 5 * BLOCK_ROWS + 100;
  await disk.write(
    ...Array.from({ length: rows }, (_, i) => [accept(i + 1, 1), settle(i + 1, i)]).flat(),
  );
  const journal = disk.open();
  const { ledger } = await recovered(journal, { slots: 4 * BLOCK_ROWS });
  expect(ledger.head).toBe(rows);
  await journal.close();
});

test("rows before a purge stay forgotten", async () => {
  using disk = journalOnDisk();
  await disk.write(accept(1, 1), settle(1, 0), { kind: "purge", baseRow: BLOCK_ROWS, atMs: 0 });
  const journal = disk.open();
  const { ledger } = await recovered(journal);
  expect(ledger.head).toBe(BLOCK_ROWS);
  await journal.close();
});

test("a gap in the ledger's rows is damage, not a smaller sum", async () => {
  using disk = journalOnDisk();
  await disk.write(accept(1, 1), settle(1, 0), accept(2, 1), settle(2, 5));
  expect(() => disk.open()).toThrow("it is damaged: the ledger's 2 rows are not consecutive");
  // Nor where nobody has looked before.
  const journal = disk.open(undefined, WALL_START_MS, 0);
  await expect(recovered(journal)).rejects.toThrow("gap");
  await journal.close();
});

test("an unknown payment keeps its processor under a changed configuration", async () => {
  using disk = journalOnDisk();
  await disk.write(accept(1, 1), accept(2, 0));
  // The second of the old configuration is now the only one; the first is gone.
  const journal = disk.open(["fallback"]);
  const processors = journal.head.processors;
  expect(processors).toEqual(["default", "fallback"]);
  const configured = [{ name: "fallback", fee: 0.15 }];
  using bench = new Bench({ journal, configured });
  await bench.pipeline.recover();
  for (let i = 0; i < 3; i++) {
    await bench.tick(100);
    for (const look of bench.default.looks) await look.answer(NOTHING);
  }
  expect(bench.default.bodiesOf(1)).toHaveLength(1);
  expect(bench.default.bodiesOf(2)).toEqual([]);
  expect(bench.pipeline.payments.countByState.unknown).toBe(2);
  await journal.close();
});

test("what was queued goes out again, and new payments are taken meanwhile", async () => {
  using bench = new Bench();
  const acceptedAtMs = WALL_START_MS - 5_000;
  await bench.crash([1, 2].map((n) => ({ n, acceptedAtMs, assignment: null })));
  bench.take(3);
  for (let i = 0; i < 2; i++) await bench.tick();
  expect(bench.verdictsOf(3)).toEqual(["stored"]);
  expect(bench.default.charges.map(({ asked }) => asked.correlationId)).toEqual(
    [1, 2, 3].map(idOf),
  );
  expect(last(bench.default.charges).asked.requestedAtMs).toBe(WALL_START_MS + 20);
});

test("what was assigned is asked about with the frozen body, and nothing else is sent", async () => {
  using bench = new Bench();
  const frozen = { processor: 0, requestedAtMs: WALL_START_MS - 4_000 };
  await bench.crash([{ n: 1, acceptedAtMs: WALL_START_MS - 5_000, assignment: frozen }]);
  await bench.tick();
  expect(bench.default.charges).toEqual([]);
  await last(bench.default.looks).answer(NOTHING);
  await bench.tick();
  expect(last(bench.default.charges).asked.requestedAtMs).toBe(frozen.requestedAtMs);
});

test("what was assigned is unknown in the journal as well, though no processor ever says a word", async () => {
  using bench = new Bench();
  const frozen = { processor: 0, requestedAtMs: WALL_START_MS - 4_000 };
  await bench.crash([{ n: 1, acceptedAtMs: WALL_START_MS - 5_000, assignment: frozen }]);
  await bench.commit();
  const told = bench.db.query("SELECT outcome, reason FROM attempts").all();
  expect(told).toEqual([
    { outcome: "unknown", reason: "the worker ended before there was an answer" },
  ]);
  const [kept] = await Array.fromAsync(await bench.journal.open());
  expect(kept).toMatchObject({ state: "unknown", assignment: frozen });
});

/** Gives rows of a journal, three whatever is asked for, and notes what is. */
function threeRows() {
  const asked: number[][] = [];
  const column = Float64Array.of(1, 1, 1);
  const rows = async (fromRow: number, toRow: number) => {
    asked.push([fromRow, toRow]);
    return { requestedAtMs: column, amountCents: column, processor: column };
  };
  return { asked, rows };
}

test("rows of a journal that several share are numbered here, and nothing of them is summed", async () => {
  const nextRow = 1_000 * BLOCK_ROWS + 3;
  const { asked, rows } = threeRows();
  const journal = {
    head: { baseRow: 0, nextRow },
    shared: {},
    blocks: () => Promise.reject(new Error("sums of blocks are asked for")),
    rows,
  };
  const ledger = new LedgerWriter(allocateLedger(4 * BLOCK_ROWS, 2, 2 ** 20));
  await rebuildLedger(journal as never, ledger);
  expect([ledger.head, asked]).toEqual([nextRow, [[nextRow - 3, nextRow]]]);
});

test("a start reads rows of the last block alone, however many the ring holds", async () => {
  const nextRow = 1_000 * BLOCK_ROWS + 3;
  const { asked, rows } = threeRows();
  const totals = { minMs: 1, maxMs: 2, counts: [BLOCK_ROWS, 0], cents: [BLOCK_ROWS, 0] };
  const journal = {
    head: { baseRow: 0, nextRow },
    blocks: async (fromRow: number, toRow: number) =>
      Array.from({ length: (toRow - fromRow) / BLOCK_ROWS }, () => totals),
    rows,
  };
  const ledger = new LedgerWriter(allocateLedger(2_048 * BLOCK_ROWS, 2, 2 ** 20));
  await rebuildLedger(journal as never, ledger);
  expect([ledger.head, asked]).toEqual([nextRow, [[nextRow - 3, nextRow]]]);
  expect(ledger.unfilled(nextRow)).toEqual({ fromRow: 0, toRow: nextRow - 3 });
});
