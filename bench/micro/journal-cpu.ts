/**
 * Measures the CPU time that a whole payment takes in the journal alone: accepted, settled and copied from the
 * log into the database, by commits of 16 and a checkpoint every 128 payments, which is one every 128 ms at
 * 1 000 payments a second. There are payments before them, so that ids meet an index of some depth.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { seededRandom, uuidFrom } from "../../testing/random.ts";
import { SqliteStore } from "../../worker/journal/store.ts";
import type { Transition } from "../../worker/transitions.ts";
import { Checks, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";

export const name = "micro/journal-cpu";

const BATCH = 16;
const PER_CHECKPOINT = 128;
const AMOUNT_CENTS = 1_990;
const START_MS = 1_700_000_000_000;
const TARGETS: Target[] = [{ op: "<=", value: 25_000, of: "figure" }];

export async function run({ quick, runs, directory }: BenchContext): Promise<Row[]> {
  const [before, measured] = quick ? [256, 256] : [102_400, 25_600];
  const checks = new Checks();
  const figures: number[] = [];
  const parts: string[] = [];
  for (let round = 0; round < runs; round++) {
    const path = join(directory, `journal-cpu-${round}`, "journal.db");
    const store = new SqliteStore(path, "normal", ["default"], START_MS);
    const payments = new Payments(round);
    const done = { accepted: 0, settled: 0 };
    spend(store, payments, before, done);
    const spentNs = spend(store, payments, measured, done);
    const all = before + measured;
    checks.equal("accepted and settled", done, { accepted: all, settled: all });
    checks.equal("open payments", [...store.open()].length, 0);
    const blocks = store.blocks.totals(0, all, 1);
    const count = sumOf(blocks.map(({ counts }) => counts[0]!));
    const cents = sumOf(blocks.map((block) => block.cents[0]!));
    checks.equal("sums of the ledger", [count, cents], [all, all * AMOUNT_CENTS]);
    store.close();
    await rm(join(directory, `journal-cpu-${round}`), { recursive: true });
    figures.push(spentNs.reduce((sum, ns) => sum + ns, 0));
    parts.push(spentNs.map((ns) => (ns / 1e3).toFixed(1)).join(" + "));
  }
  const note = `accept + settle + checkpoint, µs: ${parts.at(-1)}; after ${before} payments`;
  const what = `journal: CPU of a whole payment, batch of ${BATCH}`;
  return [rowOf(what, "ns", { figures }, checks, note, TARGETS)];
}

type Done = { accepted: number; settled: number };

/** Gives nanoseconds a payment of each of the three parts, of all threads. */
function spend(store: SqliteStore, payments: Payments, count: number, done: Done): number[] {
  const spentUs = [0, 0, 0];
  for (let from = 0; from < count; from += PER_CHECKPOINT) {
    const batches = Array.from({ length: PER_CHECKPOINT / BATCH }, () => payments.next(BATCH));
    const apply = (transitions: Transition[]) =>
      store.apply(transitions).filter(({ kind }) => kind === "done").length;
    const steps = [
      () => (done.accepted += sumOf(batches.map(({ accepted }) => apply(accepted)))),
      () => (done.settled += sumOf(batches.map(({ settled }) => apply(settled)))),
      () => store.checkpoint(),
    ];
    for (const [at, step] of steps.entries()) {
      const startUs = process.cpuUsage();
      step();
      const { user, system } = process.cpuUsage(startUs);
      spentUs[at]! += user + system;
    }
  }
  return spentUs.map((us) => (us / count) * 1_000);
}

/** Payments, numbered on, with ids that nobody can foresee. */
class Payments {
  readonly #random: () => number;
  #seq = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  next(count: number): { readonly accepted: Transition[]; readonly settled: Transition[] } {
    const all = Array.from({ length: count }, () => {
      const seq = ++this.#seq;
      const atMs = START_MS + seq;
      return { seq, atMs, correlationId: uuidFrom(this.#random) };
    });
    return {
      accepted: all.map(({ seq, atMs, correlationId }) => ({
        kind: "accept",
        seq,
        correlationId,
        amountCents: AMOUNT_CENTS,
        acceptedAtMs: atMs,
        assignment: { processor: 0, requestedAtMs: atMs },
      })),
      settled: all.map(({ seq, atMs }) => ({
        kind: "settle",
        seq,
        row: seq - 1,
        processor: 0,
        requestedAtMs: atMs,
        amountCents: AMOUNT_CENTS,
        settledAtMs: atMs + 5,
      })),
    };
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
