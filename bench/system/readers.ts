/**
 * Measures how long POST /payments takes at a steady 1 000 a second while others read from a
 * gateway that has ten million settled payments, against a bare Bun.serve that parses the same body,
 * waits for an echo by a second process, and that nobody reads from.
 *
 * The first row has no readers, so that it shows what the journal's size alone does. Summaries are
 * 20 a second through the API, of everything and, in turn, of a window whose edges are in rows that
 * have long left the ring, so that they come from the journal; its sums are known. Dashboards are
 * 100 event streams, with what their pages ask every three seconds, and a payment's status a second
 * for each. The readers use the same two cores.
 */
import { Database } from "bun:sqlite";
import { Checks, median, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import type { LoadReport } from "../load/plan.ts";
import { uuidFrom, seededRandom } from "../../testing/random.ts";
import { auditJournal, auditSums } from "./audit.ts";
import { acceptedOf, loadBare, loadStack, steadily } from "./payments.ts";
import { sumOf, type Sum } from "../../testing/gateway.ts";
import { askSteadily, jsonFrom } from "./questions.ts";
import { settledJournal, TEN_MILLION, type SettledJournal } from "./settled-journal.ts";
import { startStack, type BenchStack } from "./stack.ts";
import { NONE, plus, totalOf } from "./sums.ts";
import { watch } from "./watchers.ts";

export const name = "system/readers";

const RATE = 1_000;
const SUMMARIES_PER_SECOND = 20;
const DASHBOARDS = 100;
/** This is `PERIOD_MS` of dashboard/open.ts. */
const OPEN_EVERY_SECONDS = 3;
const UNKNOWN = uuidFrom(seededRandom(7));

const TARGETS: Target[] = [{ op: ">=", value: 1 / 2, of: "ratio" }];

type Reading = (stack: BenchStack, checks: Checks) => Promise<() => Promise<void>>;

export async function run(context: BenchContext): Promise<Row[]> {
  const load = steadily(RATE, context);
  const journal = settledJournal(context, TEN_MILLION);
  const known = windowOf(journal);
  const reading = (what: string, targets: Target[], begin: Reading) => {
    return { what, targets, begin, checks: new Checks(), reports: [] as LoadReport[] };
  };
  const readings = [
    reading("10 million settled", [], async () => async () => {}),
    reading(`${SUMMARIES_PER_SECOND} summaries a second`, TARGETS, (stack, checks) =>
      askSummaries(stack, known, checks),
    ),
    reading(`${DASHBOARDS} dashboards`, TARGETS, (stack, checks) =>
      openDashboards(stack, journal, checks),
    ),
  ];
  const echoes: LoadReport[] = [];
  for (let round = 0; round < context.runs; round++) {
    echoes.push(await loadBare("hop", load, new Checks()));
    await using stack = await startStack(context, { sync: "normal", settled: journal.path });
    let accepted = NONE;
    for (const { begin, checks, reports } of readings) {
      const end = await begin(stack, checks);
      const report = await loadStack(stack, load, checks);
      await end();
      reports.push(report);
      accepted = plus(accepted, acceptedOf(report));
      await auditSums(stack, accepted, checks);
    }
    await auditJournal(stack, accepted, readings[0]!.checks);
  }
  const baselines = echoes.map(({ p99Ms }) => p99Ms);
  return readings.map(({ what, targets, checks, reports }) => {
    const late = median(reports.map(({ lateP99Ms }) => lateP99Ms)).toFixed(1);
    const note = `${journal.count} settled; against the echo, twice as long at most; generator late by ${late} ms`;
    const figures = reports.map(({ p99Ms }) => p99Ms);
    const series = { figures, baselines };
    return rowOf(`latency at ${RATE}/s: ${what}, p99`, "ms", series, checks, note, targets);
  });
}

type Known = { readonly query: string; readonly sums: readonly Sum[] };

async function askSummaries({ port, before }: BenchStack, known: Known, checks: Checks) {
  const url = `http://127.0.0.1:${port}/payments-summary`;
  const least = totalOf(before).count;
  const questions = askSteadily(SUMMARIES_PER_SECOND, async (n) => {
    const isWhole = n % 2 === 0;
    const summary = Object.values(await jsonFrom(isWhole ? url : `${url}?${known.query}`));
    const sums = summary.map(sumOf);
    if (isWhole ? totalOf(sums).count < least : !Bun.deepEquals(sums, known.sums)) {
      throw new Error(`a summary says ${Bun.inspect(sums)}`);
    }
  });
  return () => questions.end(checks);
}

/** Picks the middle third, with edges inside blocks, and sums the journal's rows in it. */
function windowOf({ path, count, firstMs }: SettledJournal): Known {
  const [fromMs, toMs] = [firstMs + Math.floor(count / 6) + 7, firstMs + Math.floor(count / 3) + 7];
  const db = new Database(path, { readonly: true });
  const sums = db
    .query<Sum, [number, number]>(
      `SELECT count(*) AS count, sum(amount_cents) AS cents FROM ledger
       WHERE requested_at_ms BETWEEN ? AND ? GROUP BY processor ORDER BY processor`,
    )
    .all(fromMs, toMs)
    .map(({ count: counted, cents }) => ({ count: counted, cents }));
  db.close();
  const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString());
  return { query: `from=${from}&to=${to}`, sums };
}

async function openDashboards(stack: BenchStack, journal: SettledJournal, checks: Checks) {
  const url = `http://127.0.0.1:${stack.port}`;
  const random = seededRandom(8);
  const watchers = await watch(stack, DASHBOARDS);
  const statuses = askSteadily(DASHBOARDS, async () => {
    const seq = 1 + Math.floor(random() * journal.count);
    const { status, amount } = await jsonFrom(`${url}/payments/${journal.idOf(seq)}`);
    if (status === "settled" && Math.round(Number(amount) * 100) === journal.centsOf(seq)) return;
    throw new Error(`payment ${seq} is ${status} with ${amount}`);
  });
  const pages = askSteadily(DASHBOARDS / OPEN_EVERY_SECONDS, async () => {
    const { states } = await jsonFrom(`${url}/dashboard/open`);
    if (!Array.isArray(states)) throw new Error("no list of open payments");
  });
  const unknown = await fetch(`${url}/payments/${UNKNOWN}`);
  checks.equal("the status of a payment that nobody made", unknown.status, 404);
  return async () => {
    for (const questions of [statuses, pages, watchers]) await questions.end(checks);
  };
}
