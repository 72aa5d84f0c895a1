/** Starts the worker's HTTP side on a ledger and payments that a test makes up. */
import { systemClock } from "../../shared/clock.ts";
import { createLog, type Log } from "../../shared/log.ts";
import { shareOf } from "../../shared/tariff.ts";
import { allocateLedger, BLOCK_ROWS, LedgerWriter } from "../ledger.ts";
import { MoneyReader } from "./money.ts";
import type { PaymentFound } from "../journal-reader.ts";
import { SummaryReader } from "../summary.ts";
import { erasOf } from "../tariffs.ts";
import { HistoryKeeper } from "./history-keeper.ts";
import { startHttp, type HttpOptions, type HttpServer } from "./server.ts";

type Options = Partial<Omit<HttpOptions, "settings" | "log" | "known">> & {
  readonly names?: readonly string[];
  readonly settings?: Partial<HttpOptions["settings"]>;
  readonly log?: Log;
  readonly prunedBeforeMs?: number;
};

export type RunningHttp = AsyncDisposable & {
  readonly server: HttpServer;
  readonly ledger: LedgerWriter;
  readonly url: string;
  call(method: string, target: string, init?: RequestInit): Promise<Response>;
};

const NAMES = ["default", "fallback"];

/** A payment that was just accepted, as the journal has it. */
export function foundAs(correlationId: string): PaymentFound {
  const nobody = {
    processor: null,
    requestedAtMs: null,
    settledAtMs: null,
    reason: null,
    code: null,
  };
  const accepted = { amountCents: 1_990, state: "accepted", reference: null } as const;
  return { correlationId, seq: 1, acceptedAtMs: 0, ...accepted, ...nobody };
}

const absent = () => {
  throw new Error("nobody operates here");
};
const NONE_HAS_LEFT = () => {
  throw new Error("no row has left the ring");
};
const NO_OPERATOR: HttpOptions["operator"] = {
  journal: { payment: absent },
  stories: {
    list: absent,
    story: absent,
    ages: absent,
    openByProcessor: absent,
    lastWord: absent,
  },
  operate: absent,
  webhooks: null,
};

export function runHttp(given: Options = {}): RunningHttp {
  const { settings, prunedBeforeMs = null, names = NAMES, ...options } = given;
  const memory = allocateLedger(4_096, names.length, 16 * BLOCK_ROWS);
  const summary = new SummaryReader(memory, NONE_HAS_LEFT, { prunedBeforeMs });
  const tariffs = names.map((_, processor) => {
    return { number: processor + 1, processor, fromMs: 0, terms: shareOf(0.05) };
  });
  const known = { names, eras: erasOf(tariffs, names.length) };
  const server = startHttp({
    settings: {
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: 0,
      PROCESSORS: NAMES.map((name) => ({
        name,
        kind: "rinha" as const,
        url: "http://127.0.0.1:1",
        fee: shareOf(0.05),
      })),
      PURGE_ENABLED: false,
      ADMIN_TOKEN: null,
      JOURNAL: "payments.db",
      ...settings,
    },
    known,
    log: createLog("worker-http", "silent"),
    journal: { payment: async () => null },
    listing: { page: absent },
    endings: { after: absent, begin: absent, marks: absent },
    cluster: () => null,
    summary,
    money: new MoneyReader(memory, summary, known),
    purge: async () => {},
    standstill: {
      news: () => 0,
      reason: () => null,
      isInDoubt: () => false,
      async untilFresh() {},
    },
    pipelineMetrics: async () => [],
    live: absent,
    history: new HistoryKeeper({
      clock: systemClock,
      left: null,
      file: { async write() {} },
      incidents: { open: () => [], recent: () => [], begin() {}, end() {}, changes: 0 },
      standstill: { news: () => 0, async untilFresh() {} },
    }),
    operator: NO_OPERATOR,
    onCorruption: absent,
    leaveTimes: { quietMs: 0, answerMsMax: 0, breakOffMs: 1_000 },
    audit: { report: async () => ({ processors: [] }), gauges: () => [], audited: () => [] },
    ...options,
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    server,
    ledger: new LedgerWriter(memory),
    url,
    call: (method, target, init = {}) => fetch(url + target, { ...init, method }),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
