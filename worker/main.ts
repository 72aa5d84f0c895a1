/** Composes the parts in the order in which data flows. */
import { iso, recurring, systemClock as clock } from "../shared/clock.ts";
import { openUdpServer } from "../shared/link.ts";
import { createLog } from "../shared/log.ts";
import { refuseWhenFull } from "../shared/net/full.ts";
import {
  drainOnSignals,
  endOnExceptions,
  exitWith,
  fatalIn,
  settingsOrExit,
} from "../shared/process.ts";
import { holdSignals, onHangup } from "../shared/signals.ts";
import { build } from "../shared/version.ts";
import { callsInFlightMax } from "./calls.ts";
import { runCommandIfAsked } from "../commands/run.ts";
import { startHttpThread } from "./http.ts";
import { openJournal } from "./journal.ts";
import { isPostgres, shownJournal } from "./journal-url.ts";
import type { Upgrade } from "./journal/migrations.ts";
import { openLedger } from "./ledger.ts";
import { LEDGER_SLOTS_MIN } from "./limits.ts";
import { Lookout } from "./telemetry/lookout.ts";
import { observe } from "./telemetry/observe.ts";
import { Pipeline } from "./pipeline.ts";
import { HttpProcessor } from "./processor.ts";
import { refuseProxy } from "./proxy.ts";
import { Readiness } from "./readiness.ts";
import { rereadSecrets } from "./secrets.ts";
import { pricedBy, readWithProcessors, withoutSecrets, workerSettings } from "./settings.ts";
import { Ticker, TICK_MS } from "./ticker.ts";

const LOOK_MS = 1_000;
const LOOK_FURTHER_MS = 5_000;
/** Part of the time for draining that calls in flight may use; the rest is for the last commit. */
const CALLS_DRAIN_MS = 3_500;

await runCommandIfAsked(process.argv.slice(2));
const settings = settingsOrExit(readWithProcessors(workerSettings, process.env));
refuseProxy();
const log = createLog("worker", settings.LOG_LEVEL);
endOnExceptions(log);
log.info(build(), "starting");
const configured = settings.PROCESSORS.map(({ name }) => name);

const said = {
  fatal: fatalIn(log),
  warn: (reason: string) => log.warn(reason),
  say: (sentence: string) => log.info(sentence),
  upgraded: ({ kind, ...fields }: Upgrade) =>
    log.info(fields, kind === "begins" ? "the journal is being upgraded" : "upgraded the journal"),
};
const { journal, isNew } = await openJournal(settings, configured, clock, said).catch(exitWith);
/** Ends a start that has failed. Who waits for the lease of a database would wait until it is over. */
async function endWith(reason: Error): Promise<never> {
  await journal.close();
  return exitWith(reason);
}
const { processors: names, prunedBeforeMs } = journal.head;
// The http thread sums what a database has; here its rows are only numbered.
const slots = isPostgres(settings.JOURNAL) ? LEDGER_SLOTS_MIN : settings.LEDGER_SLOTS;
const ledger = await openLedger(slots, names.length).catch(endWith);
const tariffs = await journal.tariffs(pricedBy(settings, names)).catch(endWith);
const tariffsFromMs = tariffs.at(-1)?.fromMs ?? 0;
if (tariffsFromMs > clock.wallMs()) {
  const from = iso(tariffsFromMs);
  log.warn(
    { from },
    "the clock is behind the newest payment: payments are sent with that instant until then",
  );
}
const { PATIENCE_MS: patienceMs, PROCESSOR_TIMEOUT_MS: processorTimeoutMs } = settings;
const processors = await Promise.all(
  settings.PROCESSORS.map(async (setting) => {
    const { name, fee, url } = setting;
    return { name, fee, url, client: await HttpProcessor.of(setting, processorTimeoutMs) };
  }),
).catch(endWith);
const pipeline = new Pipeline({
  clock,
  random: Math.random,
  log,
  journal,
  ledger,
  processors,
  tariffsFromMs,
  backlogMax: settings.BACKLOG_MAX,
  inFlightMax: callsInFlightMax(configured.length),
  processorTimeoutMs,
  patienceMs,
});
await pipeline.recover().catch(endWith);

const { incidents } = pipeline;
const { startWebhooks } =
  settings.WEBHOOK_URL === null ? { startWebhooks: () => null } : await import("./webhooks.ts");
/** Copied, since threads are told it. */
const lead = () => {
  const { leads, leader } = journal.shared ?? { leads: true, leader: null };
  return { leads, leader };
};
const { leads } = lead();
const webhooks = startWebhooks({ settings, names, tariffs, journal, incidents, clock, leads });
// Nothing may end before it is known where webhooks begin.
await webhooks?.opened;

holdSignals();
const link = await openUdpServer(settings, log, (payment, answer) =>
  pipeline.take(payment, answer),
).catch(endWith);

const observers = observe({ clock, pipeline, journal, link, webhooks });
const cluster = journal.shared?.map ?? null;
const known = { names, tariffs, prunedBeforeMs, cluster, lead: lead() };
const start = { settings, ledger: ledger.memory, ...known };
const http = await startHttpThread(start, pipeline, observers, journal, webhooks).catch(endWith);
pipeline.onMap = (map, leadsNow) => {
  http.setMap(map, lead());
  webhooks?.lead(leadsNow);
};
if (journal.shared !== undefined) {
  journal.shared.onTariffs = (all) => {
    http.setTariffs(all);
    webhooks?.setTariffs(all);
    const from = iso(all.at(-1)?.fromMs ?? 0);
    log.warn(
      { from },
      "another worker has begun other fees: they are shown, and chosen by after a start",
    );
  };
}
const ticker = new Ticker({
  clock,
  tick() {
    pipeline.tick();
    readiness.tick();
  },
  nextAtMs: () => Math.min(pipeline.nextTickAtMs, readiness.nextTickAtMs),
});
const soon = () => ticker.soon();
const readiness = new Readiness({ clock, journal, pipeline, http, link, incidents }, () => {
  soon();
  webhooks?.grown();
});
pipeline.onEvent = soon;
soon();
const lookout = new Lookout({ clock, incidents, pipeline, journal, link });
recurring(LOOK_MS, () => lookout.look());
recurring(LOOK_FURTHER_MS, () => void lookout.lookFurther());

refuseWhenFull(incidents);
if (process.env["PROCESSORS_FILE"]) onHangup(() => rereadSecrets(settings, log, http, processors));
drainOnSignals(log, async () => {
  readiness.drain();
  http.leave();
  const untilMs = clock.steadyMs() + CALLS_DRAIN_MS;
  pipeline.startDrain();
  while (!pipeline.isDrained && clock.steadyMs() < untilMs) await Bun.sleep(TICK_MS);
  await http.stop();
  ticker.stop();
  await webhooks?.stop();
  await journal.close();
  incidents.close();
  // The verdicts of the last commit leave at the end of the turn.
  await Bun.sleep(1);
  link.close();
});
const shown = settings.PROCESSORS.map(withoutSecrets);
const opened = { journal: shownJournal(settings.JOURNAL), isNewJournal: isNew };
log.info({ link: link.port, http: http.port, processors: shown, ...opened }, "ready");
