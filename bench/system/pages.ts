/**
 * Measures pages of 100 payments among ten million that are settled, against the status of one payment in
 * the same run: pages that begin anywhere, that follow each other by their cursors, and of one processor in
 * ten payments. Every page is compared with the payments that it must have. The journal has no index that
 * would help; which rows a page reads follows from the ledger's blocks.
 */
import { seededRandom } from "../../testing/random.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { jsonFrom } from "./questions.ts";
import { settledJournal, TEN_MILLION, type SettledJournal } from "./settled-journal.ts";
import { startStack } from "./stack.ts";

export const name = "system/pages";

const PAGE = 100;
const P99_MS_MAX = 5;
/** Payments that have one instant; the first of them has an even number. */
const AT_ONCE = 2;
/** Every so-many-th payment is the other processor's. */
const FALLBACK = 10;

type Asked = { readonly path: string; readonly newest: number; readonly step: number };
type Page = { readonly payments: { correlationId: string; amount: number }[]; next: string | null };

export async function run(context: BenchContext): Promise<Row[]> {
  const journal = settledJournal(context, TEN_MILLION);
  const many = context.quick ? 20 : 2_000;
  const checks = new Checks();
  const random = seededRandom(1);
  const seqAnywhere = () =>
    AT_ONCE * PAGE * FALLBACK + Math.floor(random() * (journal.count - 4_000));
  const kinds = ["anywhere", "following", "one processor"] as const;
  const figures = new Map<string, number[]>(kinds.map((kind) => [kind, []]));
  const baselines: number[] = [];
  for (let round = 0; round < context.runs; round++) {
    await using stack = await startStack(context, {
      sync: "normal",
      apis: 0,
      settled: journal.path,
    });
    const timed = async (path: string) => {
      const startMs = performance.now();
      const json = await jsonFrom(`${stack.workerHttp.url}${path}`);
      return { json, ms: performance.now() - startMs };
    };
    const pages = async (next: (before: Page | null) => Asked) => {
      const spent: number[] = [];
      let page: Page | null = null;
      for (let n = 0; n < many; n++) {
        const asked = next(page);
        const { json, ms } = await timed(asked.path);
        page = json as unknown as Page;
        comparePage(page, asked, journal, checks);
        spent.push(ms);
      }
      return p99Of(spent);
    };
    const one: number[] = [];
    for (let n = 0; n < many; n++) {
      const { json, ms } = await timed(`/payments/${journal.idOf(seqAnywhere())}`);
      checks.equal("status", json["status"], "settled");
      one.push(ms);
    }
    baselines.push(p99Of(one));
    figures.get("anywhere")!.push(await pages(() => askedTo(journal, seqAnywhere(), "", 1)));
    const first = askedTo(journal, journal.count - 1, "", 1);
    let newest = first.newest + PAGE;
    const following = await pages((before) => {
      newest -= PAGE;
      const cursor = before === null ? "" : `&cursor=${before.next}`;
      return { ...first, newest, path: `${first.path}${cursor}` };
    });
    figures.get("following")!.push(following);
    const ofOne = () => askedTo(journal, seqAnywhere(), "&processor=fallback", FALLBACK);
    figures.get("one processor")!.push(await pages(ofOne));
  }
  const target = { op: "<=", value: P99_MS_MAX, of: "figure" } as const;
  return kinds.map((kind) => {
    const note = `${journal.count} settled; against the status of one payment`;
    const series = { figures: figures.get(kind)!, baselines };
    return rowOf(`pages of ${PAGE}: ${kind}, p99`, "ms", series, checks, note, [target]);
  });
}

/** Asks for the page that begins at the instant of a payment, of every `step`th. */
function askedTo({ firstMs }: SettledJournal, seq: number, filter: string, step: number): Asked {
  const afterMs = Math.floor(seq / AT_ONCE);
  const to = new Date(firstMs + afterMs).toISOString();
  const last = afterMs * AT_ONCE + AT_ONCE - 1;
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

function p99Of(spent: readonly number[]): number {
  return spent.toSorted((a, b) => a - b)[Math.floor(spent.length * 0.99)]!;
}
