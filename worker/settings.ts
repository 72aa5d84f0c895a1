import { hostname } from "node:os";
import * as v from "valibot";
import {
  commonSettings,
  flag,
  integer,
  host,
  optionalTokens,
  readSettings,
  setting,
  type Read,
  type SettingsOf,
  type SettingsTable,
} from "../shared/settings.ts";
import { wordsOf } from "../shared/tariff.ts";
import { BACKLOG_MAX_MAX, LEDGER_SLOTS_MAX } from "./limits.ts";
import { isPostgres, isPostgresUrl } from "./journal-url.ts";
import { HTTP_ADDRESS } from "./address.ts";
import { PROCESSORS_FORM, readProcessors } from "./processor-list.ts";
import type { Priced } from "./tariffs.ts";
import type { ProcessorSetting } from "./processor-setting.ts";
import { readProcessorsFile } from "./processors-file.ts";

export type { ProcessorSetting } from "./processor-setting.ts";

/** The configured processors by their number in the journal, each with what it charges. */
export function pricedBy(
  { PROCESSORS }: Pick<WorkerSettings, "PROCESSORS">,
  names: readonly string[],
): Priced[] {
  return PROCESSORS.map(({ name, fee: terms }) => ({ processor: names.indexOf(name), terms }));
}

/** Keeps what may be logged of a processor. */
export function withoutSecrets({ name, kind, url, fee }: ProcessorSetting) {
  return { name, kind, url, fee: wordsOf(fee) };
}

/** Reads the processors from where they stand; null when nothing is given there. */
const processors = (read: (text: string) => ReturnType<typeof readProcessorsFile>) =>
  v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      if (dataset.value.trim() === "") return null;
      const found = read(dataset.value);
      if (found.ok) return found.value;
      addIssue({ message: found.reason });
      return NEVER;
    }),
  );

/** A path, no address: `//` at the beginning is one of SQLite's or of a library's, and so is `file:`. */
const FILE = /^sqlite:(?!:|file:|\/\/[^/])[^\0]*[^/\0]$/i;

/** The path of a file, or the URL of a database as it is. */
const journal = () =>
  v.pipe(
    v.string(),
    v.check(
      (value) => (isPostgres(value) ? isPostgresUrl(value) : FILE.test(value)),
      "sqlite:PATH, the path of a file, or postgres://USER:PASSWORD@HOST/DATABASE",
    ),
    v.transform((value) => (isPostgres(value) ? value : value.slice("sqlite:".length))),
  );

const powerOfTwo = (min: number, max: number) =>
  v.pipe(
    integer(min, max),
    v.check((n) => Number.isInteger(Math.log2(n)), `a power of two from ${min} to ${max}`),
  );

export const workerSettings = {
  LINK_HOST: setting("127.0.0.1", "address of the link (UDP)", host()),
  LINK_PORT: setting("9996", "port of the link (UDP)", integer(0, 65535)),
  HTTP_HOST: setting(
    HTTP_ADDRESS.host,
    "address for summary, status, purge, dashboard, health and metrics",
    host(),
  ),
  HTTP_PORT: setting(HTTP_ADDRESS.port, "port for the same", integer(0, 65535)),
  PROCESSORS: setting(
    "",
    `payment processors, at least one: ${PROCESSORS_FORM}`,
    processors(readProcessors),
    "itself",
  ),
  PROCESSORS_FILE: setting(
    "",
    "instead of PROCESSORS: the path of a JSON file with the processors, their fees and the names of their secrets (docs/PROCESSORS.md); its secrets are read again on SIGHUP",
    processors((path) => readProcessorsFile(path, process.env)),
    "itself",
  ),
  JOURNAL: setting(
    "sqlite:./data/payments.db",
    "where payments are kept: sqlite:PATH, or postgres://USER:PASSWORD@HOST/DATABASE for several machines",
    journal(),
  ),
  JOURNAL_SYNC: setting(
    "full",
    "full: a 202 survives a power cut; normal: a killed process, not a power cut; off: benchmarks only",
    v.picklist(["full", "normal", "off"], "one of full, normal, off"),
  ),
  CLUSTER_ALLOW_SINGLE: setting(
    "false",
    "whether a database without a synchronous standby will do",
    flag(),
  ),
  WORKER_NAME: setting(
    "",
    "what other workers on the same database call this one; the host's name if empty",
    v.pipe(
      v.string(),
      v.regex(/^[\w.:-]{0,64}$/, "up to 64 letters, digits, and any of _ . : -"),
      v.transform((name) => name || hostname()),
    ),
  ),
  PATIENCE_MS: setting(
    "15000",
    "how long a payment waits for a cheaper processor",
    integer(0, 3_600_000),
  ),
  LEDGER_SLOTS: setting(
    "1048576",
    "ring size, a power of two",
    powerOfTwo(4_096, LEDGER_SLOTS_MAX),
  ),
  BACKLOG_MAX: setting(
    "1000000",
    "accepted and not settled; beyond it payments are answered 503",
    integer(1, BACKLOG_MAX_MAX),
  ),
  PROCESSOR_TIMEOUT_MS: setting(
    "30000",
    "when a call without an answer becomes unknown",
    integer(100, 600_000),
  ),
  PURGE_ENABLED: setting("false", "whether POST /purge-payments exists", flag()),
  ADMIN_TOKEN: setting(
    "",
    "bearer token that administrative calls need, or NEW,OLD while it is rotated; without one there are no operator calls",
    optionalTokens(),
    "secret",
  ),
  ...commonSettings,
};
type Given = Pick<typeof workerSettings, "PROCESSORS" | "PROCESSORS_FILE">;
/** Settings in which it is of no matter where the processors stood. */
type Settled<T extends Given> = Omit<SettingsOf<T>, keyof Given> & {
  readonly PROCESSORS: readonly ProcessorSetting[];
};
export type WorkerSettings = Settled<typeof workerSettings>;

/** Reads settings that have processors, from one of the two places; or gives the sentence on a mistake. */
export function readWithProcessors<T extends Given & SettingsTable>(
  table: T,
  env: Record<string, string | undefined>,
): Read<Settled<T>> {
  const read = readSettings(table, env);
  if (!read.ok) return read;
  const { PROCESSORS, PROCESSORS_FILE, ...others } = read.settings;
  const [list, inFile] = [PROCESSORS, PROCESSORS_FILE] as (readonly ProcessorSetting[] | null)[];
  if (list && inFile) {
    const reason = "PROCESSORS_FILE: PROCESSORS is given, too: the processors stand in one of them";
    return { ok: false, reason };
  }
  const found = list ?? inFile;
  if (found) return { ok: true, settings: { ...others, PROCESSORS: found } as Settled<T> };
  const reason = `PROCESSORS: none is given, and payments go nowhere else; ${PROCESSORS_FORM}`;
  return { ok: false, reason };
}
