/**
 * The audit compares the ledger's total for a processor with that processor's own, to the cent, and
 * names the payments that make a difference. It runs all the time in the worker, or in one of several
 * that share a database, for processors with an audit-token, and by hand as `worker audit`. It only reads,
 * on both sides: a person decides what to do about a difference. Method and limits are in
 * docs/adr/0019-audit.md.
 *
 * It runs in the http thread, whose columns and journal it reads, in steps that are small beside a
 * question from outside; one call at a time leaves for one processor at a time.
 */
import type { Incidents } from "../shared/incidents.ts";
import type { AuditReport, ProcessorAudit } from "../shared/http-api/audit.ts";
import type { AuditGauges } from "./http/audit.ts";
import { mayBeGap, reportWith } from "./audit/gap.ts";
import { LeadersAudit } from "./audit/leader.ts";
import { JournalBooks } from "./audit/ours.ts";
import { paced } from "./audit/paced.ts";
import { HttpBooks } from "./audit/theirs.ts";
import { JournalUnreachable, type JournalReader } from "./journal-reader.ts";
import { Watch } from "./audit/watch.ts";
import type { Lead } from "./cluster/lead.ts";
import type { WorkerSettings } from "./settings.ts";
import type { AuditedState } from "./standing.ts";
import { lacksOf, type Adapter } from "./processor/adapters/adapter.ts";
import { adapterOf } from "./processor/adapters/kinds.ts";
import { headersOf } from "./processor.ts";
import type { ProcessorSetting } from "./processor-setting.ts";
import type { SummaryReader } from "./summary.ts";

const EVERY_MS = 5_000;
const FIRST_AFTER_MS = 500;
/** Pause between calls to a processor. */
const PAUSE_MS = 5;
/** Time for a settlement to reach ledger and file, on top of the time that its call may take. */
const LAG_MS = 2_000;
/** Incidents that the worker tells that audits. */
const KINDS = ["audit-failed", "audit-gap", "audit-drift"] as const;

export type AuditOptions = {
  readonly settings: Pick<WorkerSettings, "PROCESSORS" | "PROCESSOR_TIMEOUT_MS">;
  readonly adapters: Adapters;
  readonly journal: JournalReader;
  /** Names of processors by number. */
  readonly names: readonly string[];
  readonly summary: SummaryReader;
  readonly standstill: {
    /** True while the journal is not to be asked. */
    isInDoubt(): boolean;
  };
  readonly incidents: Pick<Incidents, "tell" | "end">;
  /** The worker that audits for all; this one, where there is no other. */
  readonly lead: () => Lead;
  /** Pause between two rounds. */
  readonly everyMs?: number;
};

export interface Audit {
  /** This worker's own report, or of the one that audits; a sentence when that one cannot be asked. */
  report(isOwn: boolean): Promise<AuditReport | string>;
  gauges(): AuditGauges[];
  /** Processors that are audited, by this worker or another, as far as is known here. */
  audited(): readonly AuditedState[];
  /** Takes new tokens, by the name of a processor that had one at the start. */
  renew(tokens: Readonly<Record<string, string>>): void;
  stop(): void;
}

/** A payment of this age is not under way any more, or the journal knows it as open. */
export function lagMs({ PROCESSOR_TIMEOUT_MS }: Pick<WorkerSettings, "PROCESSOR_TIMEOUT_MS">) {
  return PROCESSOR_TIMEOUT_MS + LAG_MS;
}

export async function startAudit(options: AuditOptions): Promise<Audit> {
  const { settings, adapters, journal, names, summary, standstill, incidents, lead } = options;
  const { everyMs = EVERY_MS } = options;
  const leaders = new LeadersAudit(() => lead().leader);
  const reportBy = (own: () => Promise<AuditReport>) => async (isOwn: boolean) =>
    isOwn || lead().leads ? own() : leaders.report();
  const isOn = settings.PROCESSORS.some((one) => whyNot(one, adapters) === null);
  if (!isOn)
    return {
      report: reportBy(() => reportOf(options, new Map(), null)),
      gauges: () => [],
      audited: () => [],
      renew() {},
      stop() {},
    };
  const watches = new Map<string, Watch>();
  const books = new Map<string, HttpBooks>();
  for (const setting of settings.PROCESSORS) {
    const { name, url } = setting;
    if (whyNot(setting, adapters) !== null) continue;
    const processor = names.indexOf(name);
    const ours = new JournalBooks(journal, summary, processor, lagMs(settings));
    const pace = { pauseMs: PAUSE_MS, repeats: 0, sleep: Bun.sleep };
    const book = booksOf(setting, adapters);
    books.set(name, book);
    const theirs = paced(book, pace);
    const sides = { ours, theirs, names, processor };
    const said = {
      purgedAtMs: () => journal.forgottenUpToMs(),
      // The worker that runs has written down every address that it calls.
      movedFrom: async () => {
        const known = await journal.address(name);
        return known === url ? null : known;
      },
    };
    watches.set(name, new Watch({ name, sides, lagMs: lagMs(settings), ...said }));
  }
  let restoredAt = await journal.restoredAtMs();
  let timer: Timer;
  let stopped = false;

  const isOver = () => stopped || !lead().leads;
  const audit = async () => {
    for (const watch of watches.values()) {
      if (isOver()) return;
      if (standstill.isInDoubt()) continue;
      await watch.round(Date.now(), performance.now());
      if (isOver()) return;
      try {
        restoredAt = await journal.restoredAtMs();
        await tellOf(incidents, watch, restoredAt !== null);
      } catch (error) {
        if (isOver()) return;
        // The next round tells it.
        if (!(error instanceof JournalUnreachable)) throw error;
      }
    }
  };
  const follow = async () => {
    for (const name of watches.keys()) for (const kind of KINDS) incidents.end(kind, name);
    await leaders.report();
  };
  const round = async () => {
    await (lead().leads ? audit() : follow());
    if (!stopped) timer = setTimeout(round, everyMs);
  };
  timer = setTimeout(round, FIRST_AFTER_MS);
  const gauges = () => (lead().leads ? [...watches.values()].map((watch) => watch.gauges()) : []);

  return {
    report: reportBy(() => reportOf(options, watches, restoredAt)),
    gauges,
    audited: () => (lead().leads ? gauges() : leaders.audited()),
    renew(tokens) {
      for (const [name, token] of Object.entries(tokens)) books.get(name)?.renew(token);
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

async function reportOf(
  { settings: { PROCESSORS }, adapters }: Pick<AuditOptions, "settings" | "adapters">,
  watches: ReadonlyMap<string, Watch>,
  restoredAt: number | null,
): Promise<AuditReport> {
  const report = async (one: ProcessorSetting) =>
    (await watches.get(one.name)?.report()) ?? notAudited(one.name, whyNot(one, adapters) ?? "off");
  return reportWith(await Promise.all(PROCESSORS.map(report)), restoredAt);
}

/**
 * A difference is not over because the processor does not answer now, nor because it has moved. While the
 * journal is a restored copy, what the processor has more happened after the copy was made.
 */
async function tellOf(
  incidents: AuditOptions["incidents"],
  watch: Watch,
  isRestored: boolean,
): Promise<void> {
  const report = await watch.report();
  const { name, state, error, equalUpTo, ours, theirs } = report;
  incidents.tell("audit-failed", name, state === "failed" ? { details: { error } } : null);
  if (state === "drift" && isRestored && mayBeGap(report)) {
    const [payments, cents] = [theirs.count - ours.count, theirs.cents - ours.cents];
    incidents.end("audit-drift", name);
    incidents.tell("audit-gap", name, { details: { payments, cents, equalUpTo } });
  } else if (state === "drift") {
    const { driftPayments: payments, driftCents: cents } = watch.gauges();
    incidents.end("audit-gap", name);
    incidents.tell("audit-drift", name, { details: { payments, cents, equalUpTo } });
  } else if (state === "equal" || state === "waiting") {
    incidents.end("audit-gap", name);
    incidents.end("audit-drift", name);
  }
}

/** Adapters of the processors that are configured, by name. */
export type Adapters = ReadonlyMap<string, Adapter>;

export async function adaptersOf(processors: readonly ProcessorSetting[]): Promise<Adapters> {
  const each = processors.map(async (one) => [one.name, await adapterOf(one)] as const);
  return new Map(await Promise.all(each));
}

/** The reason why a processor is not audited, as the report's state; null when it is. */
export function whyNot({ name, kind, auditToken }: ProcessorSetting, adapters: Adapters) {
  if (lacksOf(adapters.get(name) as Adapter).includes("totals")) return "cannot";
  return kind === "rinha" && auditToken === undefined ? "off" : null;
}

export function booksOf(setting: ProcessorSetting, adapters: Adapters): HttpBooks {
  const { url, auditToken = "" } = setting;
  const adapter = adapters.get(setting.name) as Adapter;
  return new HttpBooks(url, auditToken, adapter, headersOf(adapter, setting));
}

/** The report on a processor that is not asked. */
export function notAudited(name: string, state: "off" | "cannot"): ProcessorAudit {
  return {
    name,
    state,
    from: null,
    to: null,
    ours: { count: 0, cents: 0 },
    theirs: { count: 0, cents: 0 },
    equalUpTo: null,
    differing: [],
    differingMore: 0,
    windows: [],
    pending: 0,
    checkedAt: null,
    error: null,
  };
}
