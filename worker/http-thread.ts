/** Entry of the http thread builds its parts when told to start, and passes messages on. */
import { systemClock } from "../shared/clock.ts";
import type { ClusterMap } from "../shared/http-api/cluster.ts";
import { Incidents } from "../shared/incidents.ts";
import { createLog } from "../shared/log.ts";
import { adaptersOf, startAudit, type Audit } from "./audit.ts";
import type { FromHttpThread, HttpThreadStart, ToHttpThread } from "./http.ts";
import { fillRing } from "./http/fill-ring.ts";
import { HistoryFile } from "./http/history-file.ts";
import { HistoryKeeper } from "./http/history-keeper.ts";
import { isPostgres } from "./journal-url.ts";
import { Listing } from "./http/listing.ts";
import { startHttp, type HttpServer } from "./http/server.ts";
import { Stories } from "./http/stories.ts";
import { JournalUnreachable, type JournalReader, type RowRange } from "./journal-reader.ts";
import { openReader } from "./journal/open-reader.ts";
import { Fold } from "./journal/postgres/fold.ts";
import { Questions } from "./journal/postgres/questions.ts";
import { PostgresReader } from "./journal/postgres/reader.ts";
import type { Lead } from "./cluster/lead.ts";
import { LedgerCursor, openLedger, type LedgerMemory } from "./ledger.ts";
import type { OperatorAnswer, OperatorCommand, ResendOrder } from "./intervention.ts";
import type { LiveQuestion, LiveReading } from "./live.ts";
import { JournalInDoubt, watchPulse } from "./http/standstill.ts";
import { MoneyReader } from "./http/money.ts";
import type { WebhooksSource } from "./http/webhooks.ts";
import type { WebhooksView } from "../shared/http-api/webhooks.ts";
import type { WorkerSettings } from "./settings.ts";
import { SummaryReader } from "./summary.ts";
import { KnownSoFar } from "./tariffs.ts";
import type { LedgerRows } from "./transitions.ts";
import type { Endings } from "./events/endings.ts";
import { openEndings } from "./events/open-endings.ts";
import type { WebhookSource } from "./webhooks/source.ts";

declare const self: Worker;

/** A question folds by itself; this keeps small what it finds. */
const FOLD_MS = 2_000;

let server: HttpServer | null = null;
let journal: JournalReader | null = null;
let audit: Audit | null = null;
let incidents: Incidents | null = null;
let history: HistoryKeeper | null = null;
let endings: Endings | null = null;
let webhooks: WebhookSource | null = null;
let cluster: ClusterMap | null = null;
let lead: Lead = { leads: true, leader: null };
let known: KnownSoFar | null = null;
let folding: Timer | undefined;
let isStopping = false;
/** Null over a file. */
let fold: Fold | null = null;
/** Fills the ring of the ledger, once the start is done. */
let filling = async () => {};
let nextId = 1;
const asked = new Map<number, (answer: unknown) => void>();

self.onmessage = async ({ data }: MessageEvent<ToHttpThread>) => {
  switch (data.kind) {
    case "start":
      await start(data);
      return await filling();
    case "readiness":
      return server?.setReadiness(data.readiness);
    case "purged":
    case "beaten":
    case "filled":
      return answered(data.id, undefined);
    case "metrics":
      return answered(data.id, data.metrics);
    case "live":
      return answered(data.id, data.reading);
    case "operated":
    case "webhooks":
      return answered(data.id, data.answer);
    case "map":
      return void ({ map: cluster, lead } = data);
    case "tariffs":
      return known?.learn(data.tariffs);
    case "renew":
      return audit?.renew(data.auditTokens);
    case "leave":
      return server?.leave();
    case "stop":
      isStopping = true;
      await server?.stop();
      await history?.stop();
      clearInterval(folding);
      audit?.stop();
      incidents?.close();
      await journal?.close();
      await endings?.close();
      await webhooks?.close();
      return post({ kind: "stopped" });
  }
};

async function start(order: HttpThreadStart): Promise<void> {
  const { settings, names, tariffs, prunedBeforeMs, pulse } = order;
  ({ cluster, lead } = order);
  known = new KnownSoFar(names, tariffs);
  try {
    const adapters = await adaptersOf(settings.PROCESSORS);
    const { reader, ledger, fresh } = await openLedgerAndReader(settings, order.ledger);
    journal = reader;
    if (fresh !== null) folding = setInterval(() => void fresh().catch(tellIfWrong), FOLD_MS);
    endings = openEndings(settings.JOURNAL, (all) => known?.learn(all));
    const log = createLog("worker-http", settings.LOG_LEVEL);
    incidents = new Incidents(systemClock, log);
    const standstill = watchPulse(pulse, incidents, () => ask<void>({ kind: "beat" }));
    // A database has no folder beside it that is ours.
    const file = isPostgres(settings.JOURNAL) ? null : new HistoryFile(settings.JOURNAL);
    const left = file?.read(log) ?? null;
    history = new HistoryKeeper({ clock: systemClock, left, file, incidents, standstill });
    const ifItAnswers = <A extends unknown[], T>(question: (...args: A) => T) => {
      return (...args: A): T => {
        if (standstill.isInDoubt()) throw new JournalInDoubt();
        return question(...args);
      };
    };
    const rowsOf = ifItAnswers(reader.rows.bind(reader));
    const oldSums = reader.sumsOf === undefined ? null : ifItAnswers(reader.sumsOf.bind(reader));
    const summary = new SummaryReader(ledger, rowsOf, { prunedBeforeMs, fresh, oldSums });
    const money = new MoneyReader(ledger, summary, known);
    audit = await startAudit({
      settings,
      adapters,
      journal,
      names,
      summary,
      standstill,
      incidents,
      lead: () => lead,
    });
    server = startHttp({
      settings,
      known,
      journal,
      log,
      summary,
      money,
      listing: new Listing(ledger, journal),
      endings,
      standstill,
      history,
      audit,
      cluster: () => cluster,
      purge: () => ask<void>({ kind: "purge" }),
      onCorruption,
      pipelineMetrics: () => ask<unknown>({ kind: "metrics" }),
      live: (question) => ask<LiveReading>({ kind: "live", question }),
      operator: {
        journal,
        stories: new Stories(journal, known),
        operate: (command) => ask<OperatorAnswer>({ kind: "operate", command }),
        webhooks: await webhooksOf(settings),
      },
    });
    history.start(server.look);
    const isOver = () => isStopping;
    const cursor = new LedgerCursor(ledger);
    const fill = (range: RowRange, rows: LedgerRows) => ask<void>({ kind: "fill", range, rows });
    filling = () =>
      fold?.fill(isOver) ?? fillRing({ cursor, rowsOf, fill, isOver, onCorruption, log });
    post({ kind: "started", port: server.port });
  } catch (error) {
    post({ kind: "failed", reason: (error as Error).message });
  }
}

/**
 * Opens the reader, and the ledger that it goes with: a file's is the pipeline's own; a database has the rows
 * of all workers, which are folded into one. `fresh` does that with what was committed until now.
 */
async function openLedgerAndReader(
  { JOURNAL, LEDGER_SLOTS }: WorkerSettings,
  own: LedgerMemory,
): Promise<{
  readonly reader: JournalReader;
  readonly ledger: LedgerMemory;
  readonly fresh: (() => Promise<void>) | null;
}> {
  if (!isPostgres(JOURNAL)) return { reader: openReader(JOURNAL), ledger: own, fresh: null };
  const questions = new Questions(JOURNAL);
  const ledger = await openLedger(LEDGER_SLOTS, own.processors);
  const folded = await Fold.begin((text, values) => questions.ask(text, values), ledger);
  const reader = new PostgresReader(questions, folded);
  fold = folded;
  return { reader, ledger: ledger.memory, fresh: () => folded.fresh() };
}

/** Null when they are off; then nothing of it is loaded. */
async function webhooksOf({
  WEBHOOK_URL,
  JOURNAL,
}: WorkerSettings): Promise<WebhooksSource | null> {
  if (WEBHOOK_URL === null) return null;
  const { openSource } = await import("./webhooks/open-source.ts");
  const source = (webhooks = openSource(JOURNAL));
  return {
    list: (limit) => source.list(limit),
    view: () => ask<WebhooksView>({ kind: "webhooks", resend: null }),
    resend: (fromMs, grounds) =>
      ask<string | null>({ kind: "webhooks", resend: { fromMs, grounds } }),
  };
}

type Question =
  | { readonly kind: "webhooks"; readonly resend: ResendOrder | null }
  | { readonly kind: "purge" | "metrics" | "beat" }
  | { readonly kind: "fill"; readonly range: RowRange; readonly rows: LedgerRows }
  | { readonly kind: "live"; readonly question: LiveQuestion }
  | { readonly kind: "operate"; readonly command: OperatorCommand };

function ask<T>(question: Question): Promise<T> {
  const id = nextId++;
  return new Promise((resolve) => {
    asked.set(id, resolve as (answer: unknown) => void);
    post({ ...question, id });
  });
}

function onCorruption(message: string): void {
  post({ kind: "corrupt", message });
}

/** A database that is away is told of by commits; the next fold has it all. */
function tellIfWrong(error: unknown): void {
  if (!(error instanceof JournalUnreachable)) throw error;
}

function answered(id: number, answer: unknown): void {
  asked.get(id)?.(answer);
  asked.delete(id);
}

function post(message: FromHttpThread): void {
  self.postMessage(message);
}
