/**
 * Measures what grows with the payments that a journal holds: a million of them that are settled, ten and a
 * hundred. The start of a worker, what it keeps in memory and on disk, and three questions: a summary of
 * any window, the status of any payment, and a list that begins anywhere. A question's baseline is the answer
 * that reads nothing (`/livez`); what a summary takes beyond that stands in a row of its own.
 */
import { statSync } from "node:fs";
import type { GatewayClient, Sum } from "../../testing/gateway.ts";
import { seededRandom } from "../../testing/random.ts";
import { Checks, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import { jsonFrom, mediansOf, type Page } from "./questions.ts";
import {
  FALLBACK_EACH,
  HUNDRED_MILLION,
  MILLION,
  PER_MS,
  settledJournal,
  TEN_MILLION,
  type SettledJournal,
} from "./settled-journal.ts";
import { startStack, untilIdle } from "./stack.ts";
import { NONE, minus, plus } from "./sums.ts";

export const name = "system/scale";

const SIZES = [
  { what: "1 million", size: MILLION },
  { what: "10 million", size: TEN_MILLION },
  { what: "100 million", size: HUNDRED_MILLION },
];
const PAGE = 100;
const SUMMARY_MS_MAX = 0.1;
const PAGE_MS_MAX = 5;
/** Instants at which windows begin and end: a second apart, and none of them a round one. */
const STEP_MS = 1_000;
const OFFSET_MS = 337;
const BYTES_PER_MB = 1_000_000;

type Asked = "nothing" | "summary" | "status" | "page";
type Figures = Record<Asked | "start" | "memory", number[]>;

export async function run(context: BenchContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { what, size } of SIZES) {
    rows.push(...(await rowsOf(context, what, settledJournal(context, size))));
  }
  return rows;
}

async function rowsOf(
  context: BenchContext,
  what: string,
  journal: SettledJournal,
): Promise<Row[]> {
  const checks = new Checks();
  const sums = new WindowSums(journal);
  const all: Figures = { nothing: [], summary: [], status: [], page: [], start: [], memory: [] };
  for (let round = 0; round < context.runs; round++) {
    await using stack = await startStack(context, {
      sync: "normal",
      apis: 0,
      settled: journal.path,
    });
    await untilIdle(stack.worker);
    checks.equal("everything", stack.before, sums.of(0, sums.last));
    all.start.push(stack.worker.readyMs);
    const questions = questionsTo(stack.workerHttp, journal, sums, round, checks);
    const many = context.quick ? 20 : 1_000;
    const medians = await mediansOf(many, questions);
    for (const kind of Object.keys(medians) as Asked[]) all[kind].push(medians[kind]);
    all.memory.push(stack.worker.memoryMb());
  }
  const note = `${journal.count} settled`;
  const asked = `${note}, p50 over HTTP; against an answer that reads nothing`;
  const questionRow = (kind: Asked, label: string, targets: Target[] = []) => {
    const figures = { figures: all[kind], baselines: all.nothing };
    return rowOf(`${what}: ${label}`, "ms", figures, checks, asked, targets);
  };
  const beyond = all.summary.map((ms, round) => Math.max(ms - all.nothing[round]!, Number.EPSILON));
  const atMost = (value: number) => ({ op: "<=", value, of: "figure" }) as const;
  const mb = statSync(journal.path).size / BYTES_PER_MB;
  const perPayment = `${note}, ${Math.round((mb * BYTES_PER_MB) / journal.count)} bytes each`;
  return [
    rowOf(`${what}: start`, "ms", { figures: all.start }, checks, `${note}, in the page cache`),
    questionRow("summary", "summary of any window"),
    rowOf(`${what}: summary beyond that`, "ms", { figures: beyond }, checks, note, [
      atMost(SUMMARY_MS_MAX),
    ]),
    questionRow("status", "status of any payment"),
    questionRow("page", `page of ${PAGE}, anywhere`, [atMost(PAGE_MS_MAX)]),
    rowOf(`${what}: memory of the worker`, "MB", { figures: all.memory }, checks, note),
    rowOf(`${what}: disk`, "MB", { figures: [mb] }, checks, perPayment),
  ];
}

function questionsTo(
  gateway: GatewayClient,
  journal: SettledJournal,
  sums: WindowSums,
  round: number,
  checks: Checks,
): Record<Asked, () => Promise<void>> {
  const random = seededRandom(round + 1);
  const below = (most: number) => Math.floor(random() * most);
  return {
    async nothing() {
      const response = await gateway.ask("/livez");
      await response.text();
      checks.equal("livez", response.status, 200);
    },
    async summary() {
      const from = below(sums.last);
      const to = from + 1 + below(sums.last - from);
      const window = { fromMs: sums.instantOf(from), toMs: sums.instantOf(to) - 1 };
      const found = Object.values(await gateway.summary(window));
      checks.equal(`summary ${from} to ${to}`, found, sums.of(from, to));
    },
    async status() {
      const seq = 1 + below(journal.count);
      const status = await gateway.statusOf(journal.idOf(seq));
      const amountCents = status === "missing" ? null : status.amountCents;
      checks.equal("amount", amountCents, journal.centsOf(seq));
    },
    async page() {
      const seq = PER_MS * PAGE + below(journal.count - PER_MS * PAGE);
      const to = new Date(journal.firstMs + Math.floor(seq / PER_MS)).toISOString();
      const url = `${gateway.url}/payments?limit=${PAGE}&to=${to}`;
      const { payments } = await jsonFrom<Page>(url);
      // Two payments have one instant; the journal ends with the first of two.
      const newest = Math.min(seq | 1, journal.count);
      checks.equal(
        `page until ${to}`,
        payments.map(({ correlationId }) => correlationId),
        Array.from({ length: PAGE }, (_, i) => journal.idOf(newest - i)),
      );
    },
  };
}

/** Sums by processor of everything before an instant, for instants a second apart, added up by plain numbers. */
class WindowSums {
  /** Number of the instant after the last payment. */
  readonly last: number;
  readonly #firstMs: number;
  readonly #before: [Sum, Sum][] = [];

  constructor({ count, firstMs, centsOf }: SettledJournal) {
    this.#firstMs = firstMs;
    const sums: [Sum, Sum] = [NONE, NONE];
    let at = 0;
    for (let seq = 1; seq <= count; seq++) {
      for (; seq / PER_MS >= this.#offsetOf(at); at++) this.#before.push([...sums]);
      const which = seq % FALLBACK_EACH === 0 ? 1 : 0;
      sums[which] = plus(sums[which], { count: 1, cents: centsOf(seq) });
    }
    this.#before.push(sums);
    this.last = at;
  }

  /** The first instant is before all payments, so that windows can take everything. */
  instantOf(at: number): number {
    return this.#firstMs + this.#offsetOf(at);
  }

  of(from: number, to: number): Sum[] {
    const [a, b] = [this.#before[from]!, this.#before[to]!];
    return b.map((sum, which) => minus(sum, a[which]!));
  }

  #offsetOf(at: number): number {
    return at === 0 ? 0 : at * STEP_MS + OFFSET_MS;
  }
}
