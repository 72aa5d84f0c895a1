import { isIP } from "node:net";
import { hostname } from "node:os";
import * as v from "valibot";
import { hostIn } from "../shared/net/names.ts";
import {
  commonSettings,
  flag,
  integer,
  isHost,
  host,
  optionalSecrets,
  optionalTokens,
  readSettings,
  setting,
  type Read,
  type SettingsOf,
  type SettingsTable,
} from "../shared/settings.ts";
import { wordsOf } from "../shared/tariff.ts";
import { BACKLOG_MAX_MAX, LEDGER_SLOTS_MAX, LEDGER_SLOTS_MIN } from "./limits.ts";
import { isPostgres, isPostgresUrl } from "./journal-url.ts";
import { HTTP_ADDRESS } from "./address.ts";
import { PROCESSORS_FORM, readProcessors } from "./processor-list.ts";
import type { Priced } from "./tariffs.ts";
import type { ProcessorSetting } from "./processor-setting.ts";
import { readProcessorsFile } from "./processors-file.ts";
import { isPrivate } from "../shared/net/public.ts";

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

/** Kept as it is, with its query: a receiver may know its sender by that. */
const webhookUrl = () =>
  v.pipe(
    v.string(),
    v.check(
      (value) => value === "" || isWebhookUrl(value),
      "an http:// or https:// address without a name and a password",
    ),
    v.transform((value) => (value === "" ? null : new URL(value).href)),
  );

function isWebhookUrl(value: string): boolean {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) return false;
  const { username, password, hash } = new URL(value);
  return username === "" && password === "" && hash === "";
}

const webhookSecrets = () => {
  const expected = "whsec_ and 24 to 64 bytes in base64";
  return v.pipe(
    optionalSecrets(/^whsec_[A-Za-z0-9+/]+={0,2}$/, expected),
    v.check((parts) => parts === null || parts.every(isLongEnough), expected),
  );
};

function isLongEnough(secret: string): boolean {
  const { length } = Buffer.from(secret.slice("whsec_".length), "base64");
  return length >= 24 && length <= 64;
}

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
  WORKER_ADDRESS: setting(
    "",
    "the host at which APIs reach this worker, on a database; without it the address that it listens at, or the host's name if that is every address",
    v.pipe(
      v.string(),
      v.check((value) => value === "" || isHost(value), "a name or an address"),
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
    powerOfTwo(LEDGER_SLOTS_MIN, LEDGER_SLOTS_MAX),
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
  WEBHOOK_URL: setting(
    "",
    "where the shop is told that a payment is settled, rejected or in conflict (docs/WEBHOOKS.md); without it nobody is",
    webhookUrl(),
    "secret",
  ),
  WEBHOOK_SECRET: setting(
    "",
    "what webhooks are signed with, whsec_ and 24 to 64 bytes in base64, or NEW,OLD while it is rotated: then both sign",
    webhookSecrets(),
    "secret",
  ),
  WEBHOOK_ALLOW_PRIVATE: setting(
    "false",
    "whether webhooks may go to an address of this machine or of a private network",
    flag(),
  ),
  ...commonSettings,
};
type Given = Pick<typeof workerSettings, "PROCESSORS" | "PROCESSORS_FILE">;
/** Settings in which it is of no matter where the processors stood. */
type Settled<T extends Given> = Omit<SettingsOf<T>, keyof Given> & {
  readonly PROCESSORS: readonly ProcessorSetting[];
};
export type WorkerSettings = Settled<typeof workerSettings>;

/** The sentence on settings of webhooks that do not fit together; a name is judged when it is resolved. */
function webhooksMistake(settings: Readonly<Record<string, unknown>>): string | null {
  const { WEBHOOK_URL: url, WEBHOOK_SECRET: secrets, WEBHOOK_ALLOW_PRIVATE: allowed } = settings;
  if (typeof url !== "string") return null;
  if (secrets === null) return "WEBHOOK_SECRET: webhooks are signed, and there is none";
  const address = hostIn(new URL(url));
  if (allowed === true || isIP(address) === 0 || !isPrivate(address)) return null;
  return "WEBHOOK_URL: its address is private, which WEBHOOK_ALLOW_PRIVATE=true allows";
}

/** Reads settings that have processors, from one of the two places; or gives the sentence on a mistake. */
export function readWithProcessors<T extends Given & SettingsTable>(
  table: T,
  env: Record<string, string | undefined>,
): Read<Settled<T>> {
  const read = readSettings(table, env);
  if (!read.ok) return read;
  const { PROCESSORS, PROCESSORS_FILE, ...others } = read.settings;
  const mistake = webhooksMistake(others);
  if (mistake !== null) return { ok: false, reason: mistake };
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
