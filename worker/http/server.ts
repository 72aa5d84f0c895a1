/** Answers over HTTP for the worker: summary, status, purge, health and metrics. */
import { AggregatorRegistry, Counter, Gauge, Registry } from "prom-client";
import { setOrLeaveOut } from "../../shared/gauge.ts";
import { Leave, type LeaveTimes } from "../../shared/http/leave.ts";
import { SERVER_BODY_BYTES_MAX } from "../../shared/http/request-body.ts";
import { HTTP_IDLE_SECONDS } from "../../shared/limits.ts";
import type { Log } from "../../shared/log.ts";
import { decimalFromCents } from "../../shared/money.ts";
import { canonicalCorrelationId } from "../../shared/payment.ts";
import { problem, unavailable } from "../../shared/problem.ts";
import { answerReadiness, DRAINING } from "../../shared/readiness.ts";
import { isPostgres } from "../journal-url.ts";
import type { WorkerSettings } from "../settings.ts";
import type { MoneyReader } from "./money.ts";
import { registerMoneyMetrics } from "./money-metrics.ts";
import type { Totals } from "../summary.ts";
import { auditAnswer, registerAuditMetrics, type AuditSource } from "./audit.ts";
import { registerBackupMetrics } from "./backup.ts";
import { leadToPage } from "../../shared/http/lead.ts";
import { isCorruption } from "../corruption.ts";
import type { ClusterMap } from "../../shared/http-api/cluster.ts";
import type { LiveTotals } from "../../shared/http-api/live.ts";
import type { Readiness } from "../../shared/http-api/readiness.ts";
import type { Settled } from "./curve.ts";
import { dashboardAnswers } from "./dashboard.ts";
import { registerDiskMetrics } from "./disk.ts";
import type { JournalReader } from "../journal-reader.ts";
import type { LiveQuestion, LiveReading } from "../live.ts";
import type { HistoryKeeper } from "./history-keeper.ts";
import type { Listing } from "./listing.ts";
import { EventFeed, type EventsParts } from "./events.ts";
import { LiveFeed } from "./live.ts";
import { parsePageQuery } from "./page-query.ts";
import { WORKER_DOCUMENT } from "./openapi.ts";
import { operatorAnswers, type OperatorSources } from "./operator.ts";
import { answer, json, type Answers } from "./route.ts";
import type { Standstill } from "./standstill.ts";
import { statusJson } from "./payments.ts";
import { parseWindow, refusePruned } from "./window.ts";
import { TOO_LATE, within } from "./within.ts";
import type { Known } from "../tariffs.ts";

const PURGE_TIMEOUT_MS = 4_000;
const METRICS_TIMEOUT_MS = 1_000;

const ALWAYS = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };

export type HttpOptions = {
  readonly settings: Pick<
    WorkerSettings,
    "HTTP_HOST" | "HTTP_PORT" | "PROCESSORS" | "PURGE_ENABLED" | "ADMIN_TOKEN" | "JOURNAL"
  >;
  readonly known: Known;
  readonly log: Log;
  readonly journal: Pick<JournalReader, "payment">;
  readonly summary: Settled;
  readonly money: Pick<MoneyReader, "read">;
  readonly listing: Pick<Listing, "page">;
  readonly endings: EventsParts["endings"];
  /** Map of workers and their shards; null when the journal is a file. */
  readonly cluster: () => ClusterMap | null;
  readonly standstill: Standstill;
  /** Purges. Resolves when that is durable. */
  readonly purge: () => Promise<void>;
  readonly pipelineMetrics: () => Promise<unknown>;
  readonly live: (question: LiveQuestion) => Promise<LiveReading>;
  readonly history: HistoryKeeper;
  readonly operator: OperatorSources;
  readonly audit: AuditSource;
  /** Hears of a read that met a journal that is not what was written to it. */
  readonly onCorruption: (message: string) => void;
  readonly leaveTimes?: LeaveTimes;
};

export type HttpServer = {
  readonly port: number;
  setReadiness(readiness: Readiness): void;
  /** Has the pipeline asked for what is new, unless it was just now. */
  look(): Promise<void>;
  /** Turns readiness red at once; every client is still answered, and asked to go. */
  leave(): void;
  stop(): Promise<void>;
};

/** Times to leave in, beside the calls that are waited for meanwhile. */
const LEAVE_TIMES: LeaveTimes = { quietMs: 200, answerMsMax: 2_000, breakOffMs: 500 };

export function startHttp(options: HttpOptions): HttpServer {
  let told: Readiness = { reasons: [{ code: "starting", detail: "starting" }], warnings: [] };
  let damage: string | null = null;
  const { standstill } = options;
  const leaving = new Leave(options.leaveTimes ?? LEAVE_TIMES);
  const readiness = (): Readiness => {
    const still = standstill.reason();
    const reasons = [
      // The pipeline's thread says so too, a moment before or after.
      ...(leaving.begun ? [DRAINING] : []),
      ...told.reasons.filter(({ code }) => !leaving.begun || code !== DRAINING.code),
      ...(still === null ? [] : [{ code: "pipeline-still", detail: still }]),
    ];
    return { ...told, reasons };
  };
  const notReady = () => readiness().reasons[0]?.detail ?? null;
  const metrics = new HttpMetrics(options.pipelineMetrics, () => notReady() === null);
  registerAuditMetrics(metrics.registry, options.audit);
  registerMoneyMetrics(metrics.registry, () => options.money.read(ALWAYS));
  if (!isPostgres(options.settings.JOURNAL)) {
    registerBackupMetrics(metrics.registry, options.settings.JOURNAL);
    registerDiskMetrics(metrics.registry, options.settings.JOURNAL);
  }
  const live = new LiveFeed({
    ask: options.live,
    settled: () => settledByName(options),
    money: () => options.money.read(ALWAYS),
    notReady,
    standstill: standstill.reason,
    damage: () => damage,
    audited: () => options.audit.audited(),
    history: options.history,
  });
  const events = new EventFeed({ endings: options.endings, known: options.known, standstill });
  const answers: Answers = {
    summary: ({ query }) => summarize(options, query),
    payments: ({ query }) => list(options, query),
    events: (call) => events.answer(call),
    cluster: () => mapOf(options),
    payment: ({ open }) => status(options, open),
    purge: () => purge(options),
    root: leadToPage,
    livez: () => new Response("ok\n"),
    readyz: ({ query }) => answerReadiness(readiness(), query, "ok"),
    metrics: () => metrics.answer(),
    audit: (call) => auditAnswer(options.audit, call),
    document: () => json(WORKER_DOCUMENT),
    ...dashboardAnswers({
      ...options,
      names: options.known.names,
      live,
      stories: options.operator.stories,
    }),
    ...operatorAnswers(options.operator),
  };
  const site = { answers, admission: options.settings, standstill };

  const server = Bun.serve({
    hostname: options.settings.HTTP_HOST,
    port: options.settings.HTTP_PORT,
    idleTimeout: HTTP_IDLE_SECONDS,
    maxRequestBodySize: SERVER_BODY_BYTES_MAX,
    development: false,
    async fetch(request, serving) {
      const [label, response] = await answer(site, request, () => serving.timeout(request, 0));
      metrics.requests.inc({ route: label, code: response.status });
      return leaving.mark(response);
    },
    error(error) {
      if (isCorruption(error)) {
        damage = error.message;
        options.onCorruption(error.message);
      }
      options.log.error({ err: error }, "request failed");
      return leaving.mark(problem(500, "Something went wrong here; it has been logged."));
    },
  });

  const leave = () => {
    live.end();
    events.end();
    leaving.begin();
  };

  return {
    port: server.port as number,
    setReadiness(now) {
      told = now;
    },
    look: () => live.look(),
    leave,
    async stop() {
      leave();
      await leaving.end(server);
    },
  };
}

/** Sums all that is settled since the last purge, and not pruned. */
async function settledByName({ summary, known }: HttpOptions): Promise<Map<string, LiveTotals>> {
  const { counts, cents } = await summary.read(ALWAYS);
  return new Map(
    known.names.map((name, number) => [
      name,
      { count: counts[number] as number, cents: cents[number] as number },
    ]),
  );
}

function mapOf(options: HttpOptions): Response {
  const cluster = options.cluster();
  if (cluster !== null) return json(JSON.stringify(cluster));
  return problem(404, "The journal is a file, which one worker has: there is no map.");
}

async function summarize(options: HttpOptions, query: URLSearchParams): Promise<Response> {
  const parsed = parseWindow(query);
  if (!parsed.ok) return problem(400, parsed.reason);
  const refused = refusePruned(parsed.window, options.summary.exactFromMs);
  if (refused !== null) return refused;
  const configured = options.settings.PROCESSORS.map(({ name }) => name);
  const { names } = options.known;
  return json(summaryJson(await options.summary.read(parsed.window), names, configured));
}

/** Lists the configured processors, and earlier ones that still have payments in the window. */
export function summaryJson(
  { counts, cents }: Totals,
  names: readonly string[],
  configured: readonly string[],
): string {
  const entries: string[] = [];
  for (const [number, name] of names.entries()) {
    const totalRequests = counts[number] as number;
    if (totalRequests === 0 && !configured.includes(name)) continue;
    const totalAmount = decimalFromCents(cents[number] as number);
    const totals = `{"totalRequests":${totalRequests},"totalAmount":${totalAmount}}`;
    entries.push(`${JSON.stringify(name)}:${totals}`);
  }
  return `{${entries.join(",")}}`;
}

async function list({ listing, known }: HttpOptions, query: URLSearchParams): Promise<Response> {
  const parsed = parsePageQuery(query, known.names);
  if (typeof parsed === "string") return problem(400, parsed);
  const { payments, next } = await listing.page(parsed);
  const listed = payments.map((found) => statusJson(found, known)).join(",");
  return json(`{"payments":[${listed}],"next":${JSON.stringify(next)}}`);
}

async function status({ journal, known }: HttpOptions, id: string): Promise<Response> {
  const correlationId = canonicalCorrelationId(id);
  const found = correlationId === null ? null : await journal.payment(correlationId);
  if (found === null) return problem(404, "No payment has this correlationId.");
  return json(statusJson(found, known));
}

async function purge(options: HttpOptions): Promise<Response> {
  const done = await within(PURGE_TIMEOUT_MS, options.purge());
  if (done !== TOO_LATE) return new Response(null, { status: 204 });
  return unavailable("The journal does not answer; the purge may still happen.");
}

class HttpMetrics {
  readonly registry = new Registry();
  readonly requests = new Counter({
    name: "papaleguas_http_requests_total",
    help: "Requests to the worker by route and code",
    labelNames: ["route", "code"],
    registers: [this.registry],
  });
  readonly #answering = new Gauge({
    name: "papaleguas_pipeline_answering",
    help: "1 while the pipeline answers; at 0 its own figures are those of when it last did",
    registers: [this.registry],
  });
  readonly #pipeline: () => Promise<unknown>;
  #asking: Promise<unknown> | null = null;
  #latest: unknown = [];

  constructor(pipeline: () => Promise<unknown>, isReady: () => boolean) {
    this.#pipeline = pipeline;
    new Gauge({
      name: "papaleguas_ready",
      help: "1 while the worker is ready, as /readyz says it",
      registers: [this.registry],
      collect() {
        this.set(isReady() ? 1 : 0);
      },
    });
    new Gauge({
      name: "papaleguas_resident_memory_bytes",
      help: "Resident memory of the worker",
      registers: [this.registry],
      collect() {
        setOrLeaveOut(this, () => process.memoryUsage.rss());
      },
    });
  }

  async answer(): Promise<Response> {
    const answered = (await within(METRICS_TIMEOUT_MS, this.#ask())) !== TOO_LATE;
    this.#answering.set(answered ? 1 : 0);
    const all = [await this.registry.getMetricsAsJSON(), this.#latest];
    const text = await AggregatorRegistry.aggregate(all as object[]).metrics();
    return new Response(text, { headers: { "content-type": Registry.PROMETHEUS_CONTENT_TYPE } });
  }

  /** Asks one question at a time, however many come while the pipeline stands still. */
  #ask(): Promise<unknown> {
    this.#asking ??= this.#pipeline()
      .then((metrics) => (this.#latest = metrics))
      .finally(() => (this.#asking = null));
    return this.#asking;
  }
}
