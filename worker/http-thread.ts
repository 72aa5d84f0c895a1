/** Entry of the http thread builds its parts when told to start, and passes messages on. */
import { systemClock } from "../shared/clock.ts";
import { Incidents } from "../shared/incidents.ts";
import { createLog } from "../shared/log.ts";
import { startAudit, type Audit } from "./audit.ts";
import type { FromHttpThread, HttpThreadStart, ToHttpThread } from "./http.ts";
import { HistoryFile } from "./http/history-file.ts";
import { HistoryKeeper } from "./http/history-keeper.ts";
import { isPostgres } from "./journal-url.ts";
import { openPayments } from "./http/payments.ts";
import { startHttp, type HttpServer } from "./http/server.ts";
import { openStories } from "./http/stories.ts";
import type { OperatorAnswer, OperatorCommand } from "./intervention.ts";
import type { LiveQuestion, LiveReading } from "./live.ts";
import { JournalInDoubt, watchPulse } from "./http/standstill.ts";
import { SummaryReader } from "./summary.ts";

declare const self: Worker;

let server: HttpServer | null = null;
let payments: ReturnType<typeof openPayments> | null = null;
let stories: ReturnType<typeof openStories> | null = null;
let audit: Audit | null = null;
let incidents: Incidents | null = null;
let history: HistoryKeeper | null = null;
let nextId = 1;
const asked = new Map<number, (answer: unknown) => void>();

self.onmessage = async ({ data }: MessageEvent<ToHttpThread>) => {
  switch (data.kind) {
    case "start":
      return start(data);
    case "readiness":
      return server?.setReadiness(data.readiness);
    case "purged":
      return answered(data.id, undefined);
    case "metrics":
      return answered(data.id, data.metrics);
    case "live":
      return answered(data.id, data.reading);
    case "operated":
      return answered(data.id, data.answer);
    case "leave":
      return server?.leave();
    case "stop":
      await server?.stop();
      await history?.stop();
      audit?.stop();
      incidents?.close();
      payments?.close();
      stories?.close();
      return post({ kind: "stopped" });
  }
};

function start(order: HttpThreadStart): void {
  const { settings, names, ledger, prunedBeforeMs, pulse } = order;
  try {
    const { oldRows } = (payments = openPayments(settings.JOURNAL, names));
    stories = openStories(settings.JOURNAL, names);
    const log = createLog("worker-http", settings.LOG_LEVEL);
    incidents = new Incidents(systemClock, log);
    const standstill = watchPulse(pulse, incidents);
    // A database has no folder beside it that is ours.
    const file = isPostgres(settings.JOURNAL) ? null : new HistoryFile(settings.JOURNAL);
    const left = file?.read(log) ?? null;
    history = new HistoryKeeper({ clock: systemClock, left, file, incidents, standstill });
    const rowsOf = (fromRow: number, toRow: number) => {
      if (standstill.isInDoubt()) throw new JournalInDoubt();
      return oldRows(fromRow, toRow);
    };
    const summary = new SummaryReader(ledger, rowsOf, prunedBeforeMs);
    audit = startAudit({ settings, names, summary, standstill, incidents });
    server = startHttp({
      settings,
      names,
      payments,
      log,
      summary,
      standstill,
      history,
      audit,
      purge: () => ask<void>({ kind: "purge" }),
      onCorruption: (message) => post({ kind: "corrupt", message }),
      pipelineMetrics: () => ask<unknown>({ kind: "metrics" }),
      live: (question) => ask<LiveReading>({ kind: "live", question }),
      operator: {
        stories,
        operate: (command) => ask<OperatorAnswer>({ kind: "operate", command }),
      },
    });
    history.start(server.look);
    post({ kind: "started", port: server.port });
  } catch (error) {
    post({ kind: "failed", reason: (error as Error).message });
  }
}

type Question =
  | { readonly kind: "purge" | "metrics" }
  | { readonly kind: "live"; readonly question: LiveQuestion }
  | { readonly kind: "operate"; readonly command: OperatorCommand };

function ask<T>(question: Question): Promise<T> {
  const id = nextId++;
  return new Promise((resolve) => {
    asked.set(id, resolve as (answer: unknown) => void);
    post({ ...question, id });
  });
}

function answered(id: number, answer: unknown): void {
  asked.get(id)?.(answer);
  asked.delete(id);
}

function post(message: FromHttpThread): void {
  self.postMessage(message);
}
