/**
 * Walks through all pages of a list of ten million payments while 2 000 a second come, and exports a window that
 * ends while they come. Each payment that was there at the beginning has to be listed exactly once, in its
 * place, and none of the others twice; the export's totals have to be the summary's, by processor and to the cent.
 * What is measured is how fast a shop takes everything along from a gateway that is at work.
 */
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { decimalFromCents } from "../../shared/money.ts";
import { run as runChild } from "../../testing/process.ts";
import { until } from "../../testing/until.ts";
import { commandOf } from "./children.ts";
import { loadStack } from "./payments.ts";
import { jsonFrom, type Page } from "./questions.ts";
import { settledJournal, TEN_MILLION, type SettledJournal } from "./settled-journal.ts";
import { startStack, type BenchStack } from "./stack.ts";
import { totalOf } from "./sums.ts";

export const name = "system/walk";

const PAGE = 1_000;
const SETTLED_MS_MAX = 60_000;
const QUIET_MS = 1_000;

export async function run(context: BenchContext): Promise<Row[]> {
  const ratePerSecond = context.quick ? 200 : 2_000;
  const load = { warmupMs: 50, durationMs: context.quick ? 300 : 2_000, ratePerSecond };
  const journal = settledJournal(context, TEN_MILLION);
  const checks = new Checks();
  const [listed, exported]: number[][] = [[], []];
  for (let round = 0; round < context.runs; round++) {
    await using stack = await startStack(context, { sync: "normal", settled: journal.path });
    const over = new AbortController();
    const come = async () => {
      while (!over.signal.aborted) await loadStack(stack, load, checks);
    };
    const takeAlong = async () => {
      listed!.push(await walk(stack, journal, checks));
      exported!.push(await exportWindow(context, stack, journal, checks));
      over.abort();
    };
    await Promise.all([come(), takeAlong()]);
  }
  const note = `${journal.count} settled, ${ratePerSecond} payments/s come meanwhile`;
  return [
    rowOf(`walk of all pages of ${PAGE}`, "/s", { figures: listed! }, checks, note),
    rowOf("export while payments come", "/s", { figures: exported! }, checks, note),
  ];
}

/** Gives payments listed a second. */
async function walk(
  { workerHttp, before }: BenchStack,
  { count, idOf }: SettledJournal,
  checks: Checks,
): Promise<number> {
  const others = new Set<string>();
  let seq = count;
  let all = 0;
  const startMs = performance.now();
  for (let cursor: string | null = ""; cursor !== null;) {
    const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const url = `${workerHttp.url}/payments?limit=${PAGE}${query}`;
    const { payments, next } = await jsonFrom<Page>(url);
    for (const { correlationId } of payments) {
      if (seq > 0 && correlationId === idOf(seq)) seq--;
      else others.add(correlationId);
    }
    all += payments.length;
    cursor = next;
  }
  const tookMs = performance.now() - startMs;
  checks.equal("payments of the beginning that were not listed in their place", seq, 0);
  checks.equal("payments that were listed twice", all - count - others.size, 0);
  const isWhole = others.size >= totalOf(before).count - count;
  checks.equal("whether all others of the beginning were listed", isWhole, true);
  return (all * 1_000) / tookMs;
}

/** Gives rows exported a second. */
async function exportWindow(
  { dist }: BenchContext,
  { workerHttp, journalPath }: BenchStack,
  { firstMs }: SettledJournal,
  checks: Checks,
): Promise<number> {
  const window = { fromMs: firstMs, toMs: Date.now() };
  const sums = () => workerHttp.summary(window);
  let known = await sums();
  await until(
    "the window is settled",
    async () => {
      const earlier = known;
      await Bun.sleep(QUIET_MS);
      known = await sums();
      return Bun.deepEquals(known, earlier);
    },
    SETTLED_MS_MAX,
  );
  const [from, to] = [window.fromMs, window.toMs].map((ms) => new Date(ms).toISOString());
  const startMs = performance.now();
  const command = commandOf("worker.ts", dist, "export", "--from", from!, "--to", to!);
  const env = { ...process.env, JOURNAL: `sqlite:${journalPath}` };
  const { code, err } = await runChild(["sh", "-c", '"$@" >/dev/null', "sh", ...command], { env });
  const tookMs = performance.now() - startMs;
  checks.equal("the exit code", code, 0);
  const told = Object.entries(known)
    .map(([of, { count, cents }]) => `${of} ${count} of ${decimalFromCents(cents)}`)
    .join(", ");
  checks.equal("the totals of the export", err.trim().split(": ").at(-1), told);
  checks.equal("the summary afterwards", await sums(), known);
  return (totalOf(Object.values(known)).count * 1_000) / tookMs;
}
