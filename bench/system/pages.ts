/**
 * Measures pages of 100 payments among ten million that are settled, against the status of one payment in
 * the same run: pages that begin anywhere or among the oldest, that follow each other by their cursors, of
 * the settled ones, and of one processor in ten payments. Every page is compared with the payments that it
 * must have. The journal has no index that would help; which rows a page reads follows from the ledger's
 * blocks. It begins when the worker has looked through the journal, which takes a core for half a minute after
 * its start, and code of either side is warm.
 */
import { seededRandom } from "../../testing/random.ts";
import { Checks, median, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { jsonFrom, type Page } from "./questions.ts";
import {
  FALLBACK_EACH,
  PER_MS,
  settledJournal,
  TEN_MILLION,
  type SettledJournal,
} from "./settled-journal.ts";
import { startStack, untilIdle } from "./stack.ts";

export const name = "system/pages";

const PAGE = 100;
const P99_MS_MAX = 5;
/** Pages of a kind before those that count. */
const WARM = 200;

type Asked = { readonly path: string; readonly newest: number; readonly step: number };
/** Milliseconds. */
type Spans = { readonly p50: number; readonly p99: number };

export async function run(context: BenchContext): Promise<Row[]> {
  const journal = settledJournal(context, TEN_MILLION);
  const [warm, many] = context.quick ? [2, 20] : [WARM, 2_000];
  const checks = new Checks();
  const random = seededRandom(1);
  const seqAnywhere = () =>
    PER_MS * PAGE * FALLBACK_EACH + Math.floor(random() * (journal.count - 4_000));
  const anywhere = (filter: string, step: number) => () =>
    askedTo(journal, seqAnywhere(), filter, step);
  const oldest = () =>
    askedTo(journal, PER_MS * PAGE + Math.floor(random() * PAGE * FALLBACK_EACH), "", 1);
  const kinds: Record<string, () => (before: Page | null) => Asked> = {
    anywhere: () => anywhere("", 1),
    following: () => following(journal),
    "one processor": () => anywhere("&processor=fallback", FALLBACK_EACH),
    settled: () => anywhere("&status=settled", 1),
    oldest: () => oldest,
  };
  const names = Object.keys(kinds);
  const figures = new Map<string, Spans[]>(names.map((kind) => [kind, []]));
  const baselines: Spans[] = [];
  for (let round = 0; round < context.runs; round++) {
    await using stack = await startStack(context, {
      sync: "normal",
      apis: 0,
      settled: journal.path,
    });
    await untilIdle(stack.worker);
    const timed = async <T>(path: string) => {
      const startMs = performance.now();
      const json = await jsonFrom<T>(`${stack.workerHttp.url}${path}`);
      return { json, ms: performance.now() - startMs };
    };
    const spansOf = async (ask: () => Promise<number>) => {
      const spent: number[] = [];
      for (let n = 0; n < warm + many; n++) spent.push(await ask());
      return spansIn(spent.slice(warm));
    };
    const one = await spansOf(async () => {
      const { json, ms } = await timed<{ status: string }>(
        `/payments/${journal.idOf(seqAnywhere())}`,
      );
      checks.equal("status", json.status, "settled");
      return ms;
    });
    baselines.push(one);
    for (const kind of names) {
      const next = kinds[kind]!();
      let page: Page | null = null;
      const spans = await spansOf(async () => {
        const asked = next(page);
        const { json, ms } = await timed<Page>(asked.path);
        page = json;
        comparePage(page, asked, journal, checks);
        return ms;
      });
      figures.get(kind)!.push(spans);
    }
  }
  const target = { op: "<=", value: P99_MS_MAX, of: "figure" } as const;
  const medianOf = (spans: readonly Spans[]) => median(spans.map(({ p50 }) => p50)).toFixed(2);
  return names.map((kind) => {
    const spans = figures.get(kind)!;
    const note = `${journal.count} settled; against the status of one payment; \
medians ${medianOf(spans)} and ${medianOf(baselines)} ms`;
    const series = {
      figures: spans.map(({ p99 }) => p99),
      baselines: baselines.map(({ p99 }) => p99),
    };
    return rowOf(`pages of ${PAGE}: ${kind}, p99`, "ms", series, checks, note, [target]);
  });
}

/** Goes through the pages from the newest on. */
function following(journal: SettledJournal): (before: Page | null) => Asked {
  const first = askedTo(journal, journal.count - 1, "", 1);
  let newest = first.newest + PAGE;
  return (before) => {
    newest -= PAGE;
    const cursor = before === null ? "" : `&cursor=${before.next}`;
    return { ...first, newest, path: `${first.path}${cursor}` };
  };
}

/** Asks for the page that begins at the instant of a payment, of every `step`th. */
function askedTo({ firstMs }: SettledJournal, seq: number, filter: string, step: number): Asked {
  const afterMs = Math.floor(seq / PER_MS);
  const to = new Date(firstMs + afterMs).toISOString();
  const last = afterMs * PER_MS + PER_MS - 1;
  return { path: `/payments?limit=${PAGE}&to=${to}${filter}`, newest: last - (last % step), step };
}

function comparePage(
  { payments }: Page,
  { path, newest, step }: Asked,
  { idOf, centsOf }: SettledJournal,
  checks: Checks,
): void {
  const found = payments.map(({ correlationId, amount }) => [correlationId, amount]);
  const wanted = Array.from({ length: PAGE }, (_, i) => newest - i * step);
  checks.equal(
    path,
    found,
    wanted.map((seq) => [idOf(seq), centsOf(seq) / 100]),
  );
}

function spansIn(spent: readonly number[]): Spans {
  const sorted = spent.toSorted((a, b) => a - b);
  return { p50: median(sorted), p99: sorted[Math.floor(sorted.length * 0.99)]! };
}
