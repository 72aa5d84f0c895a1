/**
 * `worker audit …`: compares the journal with the processors' own books, whether a worker runs or not. It
 * writes nothing, and takes no lock.
 */
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { say } from "../shared/say.ts";
import { movedNames, whyNotAsked } from "../worker/addresses.ts";
import { adaptersOf, booksOf, lagMs, notAudited, whyNot } from "../worker/audit.ts";
import type { ProcessorAudit } from "../shared/http-api/audit.ts";
import { MoneyReader } from "../worker/http/money.ts";
import { parseWindow } from "../worker/http/window.ts";
import { readWithProcessors, workerSettings, type ProcessorSetting } from "../worker/settings.ts";
import type { SummaryWindow } from "../worker/summary.ts";
import { erasOf } from "../worker/tariffs.ts";
import { compare } from "../worker/audit/compare.ts";
import { describe } from "./audit/describe.ts";
import { openBooks } from "../worker/audit/books.ts";
import type { OwnBooks } from "../worker/audit/own-books.ts";
import { reportWith } from "../worker/audit/gap.ts";
import { JournalBooks } from "../worker/audit/ours.ts";
import { paced } from "../worker/audit/paced.ts";
import { BEGIN_MS, NoAnswer } from "../worker/audit/theirs.ts";

const USAGE = `usage: worker audit [options]

Compares what the journal has settled with what each processor has recorded, and finds the payments
that differ, by id. For processors with an audit-token in PROCESSORS; PROCESSORS, JOURNAL and
PROCESSOR_TIMEOUT_MS as the worker has them. The worker may run or not.

  --from ISO        the first requestedAt, as 2026-01-31T06:30:00-03:00 or with Z (default: the
                    beginning, the last purge or what was pruned)
  --to ISO          the last (default: as long ago as a call may be under way)
  --processor NAME  this one only
  --parts N         windows that are compared on their own (16): differences that cancel each other
                    out in one of them are not seen
  --calls N         at most so many calls to a processor (10000)
  --json            as GET /audit gives it
  --help, --version

Exit code 0: equal. 1: something differs. 2: it could not be compared, nothing
was, or it has moved.
`;

const { PROCESSORS, PROCESSORS_FILE, JOURNAL, PROCESSOR_TIMEOUT_MS } = workerSettings;
const TABLE = { PROCESSORS, PROCESSORS_FILE, JOURNAL, PROCESSOR_TIMEOUT_MS };
const REPEATS = 3;
const PARTS_MAX = 100_000;
const CALLS_MAX = 10_000_000;

export async function auditByHand(args: readonly string[]): Promise<0 | 1 | 2> {
  const options = readOptions(args);
  const nowMs = Date.now();
  const read = readWithProcessors(TABLE, process.env);
  if (!read.ok) throw new Error(read.reason);
  const { settings } = read;
  const chosen = settings.PROCESSORS.filter(
    ({ name }) => options.processor === undefined || options.processor === name,
  );
  if (chosen.length === 0)
    throw new Error(`there is no processor ${options.processor} in the settings`);
  if (chosen.every(({ kind, auditToken }) => kind === "rinha" && auditToken === undefined)) {
    throw new Error(
      "no processor has an audit-token: PROCESSORS='name=url;fee=0.05;audit-token=TOKEN', or auditToken in PROCESSORS_FILE",
    );
  }
  await using own = await openBooks(settings.JOURNAL);
  const { journal, names, summary, addresses } = own;
  const beginMs = ((await journal.forgottenUpToMs()) ?? BEGIN_MS - 1) + 1;
  const window = {
    fromMs: Math.max(options.window.fromMs, beginMs),
    toMs: Math.min(options.window.toMs, Number.MAX_SAFE_INTEGER),
  };
  if (options.window.toMs === Number.POSITIVE_INFINITY) window.toMs = nowMs - lagMs(settings);
  if (window.fromMs > window.toMs) throw new Error("there is nothing in this window: see --help");

  const moved = movedNames(settings.PROCESSORS, addresses);
  const { each } = await moneyIn(own, window);
  const feesOf = ({ name: of }: ProcessorSetting) =>
    each.flatMap(({ name, ...fees }) => (name === of && fees.count > 0 ? [fees] : []));
  const audits: ProcessorAudit[] = [];
  for (const setting of chosen) {
    const processor = names.indexOf(setting.name);
    const from = moved.get(setting.name);
    if (from !== undefined && (setting.kind !== "rinha" || setting.auditToken !== undefined)) {
      audits.push({ ...notAudited(setting.name, "off"), state: "moved", error: whyNotAsked(from) });
      continue;
    }
    const ours = new JournalBooks(journal, summary, processor, lagMs(settings));
    const audit = await auditOne(setting, { ours, names, processor }, window, options);
    const { state } = audit;
    audits.push(
      state === "equal" || state === "drift" ? { ...audit, fees: feesOf(setting) } : audit,
    );
  }
  const report = reportWith(audits, await journal.restoredAtMs());
  say(options.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
  if (audits.some(({ state }) => state === "drift")) return 1;
  if (audits.every(({ state }) => state === "cannot" || state === "off")) return 2;
  return audits.some(({ state }) => state === "failed" || state === "moved") ? 2 : 0;
}

/** Adds up what the payments of a window cost, each by the tariff that it was sent under. */
async function moneyIn({ journal, memory, summary, names }: OwnBooks, window: SummaryWindow) {
  const { tariffs } = await journal.charging();
  const eras = erasOf(tariffs, names.length);
  return await new MoneyReader(memory, summary, { names, eras }).read(window);
}

async function auditOne(
  setting: ProcessorSetting,
  here: { ours: JournalBooks; names: readonly string[]; processor: number },
  window: SummaryWindow,
  { parts, calls }: { parts: number; calls: number },
): Promise<ProcessorAudit> {
  const { name } = setting;
  const adapters = await adaptersOf([setting]);
  const why = whyNot(setting, adapters);
  if (why !== null) return notAudited(name, why);
  const failed = (error: string) => ({
    ...notAudited(name, "off"),
    state: "failed" as const,
    error,
  });
  if (here.processor === -1) return failed("the journal has never heard of it");
  const pace = { pauseMs: 0, repeats: REPEATS, sleep: Bun.sleep };
  const theirs = paced(booksOf(setting, adapters), pace);
  try {
    return await compare(name, { ...here, theirs }, window, { parts, calls });
  } catch (error) {
    if (error instanceof NoAnswer) return failed(error.message);
    throw error;
  }
}

const OPTIONS = {
  from: { type: "string" },
  to: { type: "string" },
  processor: { type: "string" },
  parts: { type: "string", default: "16" },
  calls: { type: "string", default: "10000" },
  json: { type: "boolean" },
} as const;

function readOptions(args: readonly string[]) {
  const { values } = argumentsOrExit({ usage: USAGE, options: OPTIONS }, args);
  const query = new URLSearchParams();
  if (values.from !== undefined) query.set("from", values.from);
  if (values.to !== undefined) query.set("to", values.to);
  const parsed = parseWindow(query);
  if (!parsed.ok) return refuseArguments(USAGE, parsed.reason);
  return {
    window: parsed.window,
    processor: values.processor,
    parts: wholeNumber("parts", values.parts, PARTS_MAX),
    calls: wholeNumber("calls", values.calls, CALLS_MAX),
    json: values.json,
  };
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  return refuseArguments(USAGE, `--${name} is a whole number from 1 to ${max}`);
}
