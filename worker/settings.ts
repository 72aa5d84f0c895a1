import * as v from "valibot";
import {
  bothSettings,
  flag,
  integer,
  optionalText,
  parseHttpUrl,
  setting,
  text,
  type SettingsOf,
} from "../shared/settings.ts";
import { BACKLOG_MAX_MAX, LEDGER_SLOTS_MAX, PROCESSORS_MAX } from "./limits.ts";
import { HTTP_ADDRESS } from "./address.ts";

/** `fee` is a part of the amount: 0.05 is 5 %. */
export type ProcessorSetting = {
  readonly name: string;
  readonly url: string;
  readonly fee: number;
  /** For its administrative summary; the audit of this processor is off without one. */
  readonly auditToken?: string;
};

const PROCESSORS_FORM =
  "name=url;fee=0.05, then ;audit-token=TOKEN to have it audited (several separated by commas)";

const OWN_ADDRESS = "a list in which every processor has an address of its own";

/** A token is what a header can carry, without the two signs that separate. */
const PROCESSOR =
  /^\s*([a-z][a-z0-9-]{0,31})=([^;\s]+);fee=(0(?:\.\d+)?|1)(?:;audit-token=([!-+\--:<-~]+))?\s*$/;

/** The processors, or null when the text is not in the form above. */
export function parseProcessors(list: string): ProcessorSetting[] | null {
  const processors = list.split(",").map(parseProcessor);
  if (processors.some((processor) => processor === null)) return null;
  const found = processors as ProcessorSetting[];
  return new Set(found.map(({ name }) => name)).size === found.length ? found : null;
}

function parseProcessor(entry: string): ProcessorSetting | null {
  const match = PROCESSOR.exec(entry);
  if (match === null) return null;
  const [, name = "", address = "", fee, auditToken] = match;
  const url = parseHttpUrl(address);
  if (url === null) return null;
  return { name, url, fee: Number(fee), ...(auditToken === undefined ? {} : { auditToken }) };
}

/** Under two names one processor would be charged for, resolved and summed as two. */
function hasAddressesOfTheirOwn(processors: readonly ProcessorSetting[]): boolean {
  return new Set(processors.map(({ url }) => url)).size === processors.length;
}

/** What may be logged of a processor. */
export function withoutToken({ name, url, fee }: ProcessorSetting) {
  return { name, url, fee };
}

const processors = () =>
  v.pipe(
    v.string(),
    v.check((value) => parseProcessors(value) !== null, PROCESSORS_FORM),
    v.check(
      (value) => (parseProcessors(value) ?? []).length <= PROCESSORS_MAX,
      `a list of at most ${PROCESSORS_MAX}`,
    ),
    v.check((value) => hasAddressesOfTheirOwn(parseProcessors(value) ?? []), OWN_ADDRESS),
    v.transform((value) => parseProcessors(value) as ProcessorSetting[]),
  );

const journalPath = () =>
  v.pipe(
    v.string(),
    v.regex(/^sqlite:.+/, "sqlite:PATH"),
    v.transform((value) => value.slice("sqlite:".length)),
  );

const powerOfTwo = (min: number, max: number) =>
  v.pipe(
    integer(min, max),
    v.check((n) => Number.isInteger(Math.log2(n)), `a power of two from ${min} to ${max}`),
  );

export const workerSettings = {
  LINK_HOST: setting("127.0.0.1", "address of the link (UDP)", text()),
  LINK_PORT: setting("9996", "port of the link (UDP)", integer(0, 65535)),
  HTTP_HOST: setting(
    HTTP_ADDRESS.host,
    "address for summary, status, purge, dashboard, health and metrics",
    text(),
  ),
  HTTP_PORT: setting(HTTP_ADDRESS.port, "port for the same", integer(0, 65535)),
  PROCESSORS: setting(
    "default=http://127.0.0.1:8001;fee=0.05,fallback=http://127.0.0.1:8002;fee=0.15",
    `payment processors in any number: ${PROCESSORS_FORM}`,
    processors(),
  ),
  JOURNAL: setting("sqlite:./data/payments.db", "where payments are kept", journalPath()),
  JOURNAL_SYNC: setting(
    "full",
    "full: a 202 survives a power cut; normal: a killed process, not a power cut; off: benchmarks only",
    v.picklist(["full", "normal", "off"], "one of full, normal, off"),
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
    "bearer token that administrative calls need; without one there are no operator calls",
    optionalText(),
  ),
  ...bothSettings,
};
export type WorkerSettings = SettingsOf<typeof workerSettings>;
