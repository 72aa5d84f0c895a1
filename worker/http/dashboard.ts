/**
 * Answers what the dashboard reads. Everything below /dashboard is passed on by APIs and load
 * balancers, so it holds aggregates, and no more of a payment than a reader who knows its id may know.
 * The list of open payments names ids: it stands beside, on the worker's own listener only.
 */
import type { ToldHistory } from "../../shared/http-api/history.ts";
import { canonicalCorrelationId } from "../../shared/payment.ts";
import { problem } from "../../shared/problem.ts";
import type { MoneyReader } from "./money.ts";
import { curveCsv, readCurve, type Settled } from "./curve.ts";
import type { LiveFeed } from "./live.ts";
import { openPaymentsAnswer } from "./operator.ts";
import { pageFiles } from "./page.ts";
import { json, type Answer, type Answers, type Call } from "./route.ts";
import type { Stories } from "./stories.ts";
import { parseWindow, refusePruned } from "./window.ts";

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");
const GUARDS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};
/** Cache header of every file but the page: their names hold their hash. */
const FOR_EVER = "public, max-age=31536000, immutable";
/** Time for which one scan of the oldest open payments serves everybody. */
const AGES_KEPT_MS = 2_000;

export type DashboardSources = {
  readonly live: LiveFeed;
  readonly history: { look(): Promise<void>; tell(): ToldHistory };
  readonly stories: Pick<Stories, "list" | "ages" | "story">;
  readonly summary: Settled;
  readonly money: Pick<MoneyReader, "read">;
  /** Names of processors by number in the journal. */
  readonly names: readonly string[];
};

export function dashboardAnswers(sources: DashboardSources) {
  const ages = keptFor(AGES_KEPT_MS, () => sources.stories.ages(Date.now()));
  return {
    live: guarded((call) => sources.live.answer(call)),
    history: guarded(async () => {
      await sources.history.look();
      return json(JSON.stringify(sources.history.tell()));
    }),
    ages: guarded(async () => json(await ages())),
    curve: guarded((call) => curve(sources, call)),
    publicStory: guarded(({ open }) => story(sources, open)),
    openPayments: guarded(({ query }) => openPaymentsAnswer(sources.stories, query)),
    page: guarded(({ path }) => file(path)),
  } satisfies Partial<Answers>;
}

function guarded(answer: Answer): Answer {
  return async (call) => {
    const response = await answer(call);
    for (const [name, value] of Object.entries(GUARDS)) response.headers.set(name, value);
    return response;
  };
}

async function file(path: string): Promise<Response> {
  const found = (await pageFiles()).get(path === "/dashboard" ? "/dashboard/" : path);
  if (found === undefined) return problem(404, `There is nothing at ${path}.`);
  const isPage = found.type.startsWith("text/html");
  return new Response(found.text, {
    headers: { "content-type": found.type, "cache-control": isPage ? "no-cache" : FOR_EVER },
  });
}

async function story({ stories }: DashboardSources, id: string): Promise<Response> {
  const correlationId = canonicalCorrelationId(id);
  // The person and the reason are for operators; the decision itself is part of the payment's story.
  const found = correlationId === null ? null : await stories.story(correlationId, "public");
  return found === null ? problem(404, "No payment has this correlationId.") : json(found);
}

async function curve({ summary, money, names }: DashboardSources, { query, request }: Call) {
  const format = query.get("format") ?? acceptedFormat(request.headers.get("accept"));
  if (format !== "json" && format !== "csv") return problem(400, "format is one of json, csv.");
  const parsed = parseWindow(query);
  if (!parsed.ok) return problem(400, parsed.reason);
  // The answer names its bounds: an open one means everything that can be summed.
  const { exactFromMs } = summary;
  const isOpen = parsed.window.fromMs === Number.NEGATIVE_INFINITY;
  const window = isOpen ? { ...parsed.window, fromMs: exactFromMs } : parsed.window;
  const refused = refusePruned(window, exactFromMs);
  if (refused !== null) return refused;
  const read = await readCurve(summary, money, names, window);
  if (format === "json") return json(JSON.stringify(read));
  return new Response(curveCsv(read), {
    headers: {
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": 'attachment; filename="payments.csv"',
    },
  });
}

function acceptedFormat(accept: string | null): "json" | "csv" {
  return accept?.includes("text/csv") === true ? "csv" : "json";
}

/** Keeps what was made, or is being made; what could not be made is tried again at once. */
function keptFor<T>(ms: number, make: () => Promise<T>): () => Promise<T> {
  let kept: { readonly value: Promise<T>; readonly atMs: number } | null = null;
  return async () => {
    const nowMs = performance.now();
    if (kept === null || nowMs - kept.atMs >= ms) kept = { value: make(), atMs: nowMs };
    const { value } = kept;
    try {
      return await value;
    } catch (error) {
      if (kept?.value === value) kept = null;
      throw error;
    }
  };
}
