/**
 * Measures `worker export` of a million settled payments, the start of the process included: into a file,
 * and through a pipe that is read a piece at a time, where the memory is what counts. The file's lines are
 * compared with the payments that the journal was made of. The journal has a tariff for each processor, so
 * that each line has a fee.
 */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { decimalFromCents } from "../../shared/money.ts";
import { memoryMbOf } from "../../testing/proc.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { commandOf } from "./children.ts";
import { MILLION, settledJournal, type SettledJournal } from "./settled-journal.ts";

export const name = "system/export";

const ROWS_PER_S_MIN = 200_000;
const LINES_COMPARED = 1_000;
const PAUSE_MS = 5;
/** Reads of the pipe after each of which somebody does something else. */
const READS_PER_PAUSE = 16;

export async function run(context: BenchContext): Promise<Row[]> {
  const { runs, dist, directory } = context;
  const journal = settledJournal(context, MILLION);
  charge(journal.path);
  const checks = new Checks();
  const [rates, cpuRates, memory]: number[][] = [[], [], []];
  const start = (stdout: Bun.BunFile | "pipe") =>
    Bun.spawn(commandOf("worker.ts", dist, "export"), {
      env: { ...process.env, JOURNAL: `sqlite:${journal.path}` },
      stdin: "ignore",
      stdout,
      stderr: "ignore",
    });
  for (let round = 0; round < runs; round++) {
    const file = Bun.file(join(directory, "export.csv"));
    const startMs = performance.now();
    const whole = start(file);
    checks.equal("the exit code", await whole.exited, 0);
    rates!.push((journal.count * 1_000) / (performance.now() - startMs));
    const { cpuTime } = whole.resourceUsage()!;
    cpuRates!.push((journal.count * 1e6) / Number(cpuTime.total));
    compare(await file.text(), journal, checks);
    const slow = start("pipe");
    let bytes = 0;
    let reads = 0;
    let most = 0;
    for await (const piece of slow.stdout as ReadableStream<Uint8Array>) {
      bytes += piece.length;
      if (reads++ % READS_PER_PAUSE !== 0) continue;
      // The kernel's own maximum of a child begins with that of its parent.
      most = Math.max(most, memoryMbOf(slow.pid));
      await Bun.sleep(PAUSE_MS);
    }
    checks.equal("the exit code", await slow.exited, 0);
    checks.equal("bytes through the pipe", bytes, file.size);
    memory!.push(most);
    await file.delete();
  }
  const many = `export of ${journal.count}`;
  const target = { op: ">=", value: ROWS_PER_S_MIN, of: "figure" } as const;
  return [
    rowOf(`${many}, csv`, "/s", { figures: rates! }, checks, "rows by the clock", [target]),
    rowOf(`${many}, by its CPU`, "/s", { figures: cpuRates! }, checks, "rows a second of CPU"),
    rowOf(`${many}, memory`, "MB", { figures: memory! }, checks, "the most, with a slow pipe"),
  ];
}

/** Gives both processors the tariff that they would have had from the beginning, and no other. */
function charge(path: string): void {
  using db = new Database(path);
  db.run("DELETE FROM tariffs"); // A worker that measured something else may have written its own.
  const terms = JSON.stringify({ percent: "2.9", fixed: "0.30" });
  for (const processor of [0, 1]) {
    db.run("INSERT INTO tariffs VALUES (?, ?, 0, ?)", [processor + 1, processor, terms]);
  }
}

function compare(csv: string, { count, idOf, centsOf, firstMs }: SettledJournal, checks: Checks) {
  const lines = csv.split("\r\n");
  checks.equal("lines", lines.length, count + 2);
  for (let seq = 1; seq <= count; seq += Math.ceil(count / LINES_COMPARED)) {
    const at = new Date(Math.floor(firstMs + seq / 2)).toISOString();
    const cents = centsOf(seq);
    const [id, reference, amount, processor, tariff, fee, requestedAt] = lines[seq]!.split(",");
    checks.equal(
      `line ${seq}`,
      [id, reference, amount, processor, tariff, requestedAt],
      [
        idOf(seq),
        "",
        decimalFromCents(cents),
        seq % 10 === 0 ? "fallback" : "default",
        seq % 10 === 0 ? "2" : "1",
        at,
      ],
    );
    checks.equal(`fee of ${seq}`, Number(fee), (cents * 29 + 30_000) / 100_000);
  }
}
