import * as v from "valibot";
import {
  commonSettings,
  flag,
  integer,
  host,
  optionalSecret,
  parseHttpUrl,
  setting,
  type SettingsOf,
} from "../shared/settings.ts";
import { BACKLOG_MAX_MAX, LEDGER_SLOTS_MAX, PROCESSORS_MAX } from "./limits.ts";
import { HTTP_ADDRESS } from "./address.ts";

/** Setting of a processor; `fee` is a part of the amount: 0.05 is 5 %. */
export type ProcessorSetting = {
  readonly name: string;
  readonly url: string;
  readonly fee: number;
  /** Token for its administrative summary; the audit of this processor is off without one. */
  readonly auditToken?: string;
};

const PROCESSORS_FORM =
  "name=url;fee=0.05, then ;audit-token=TOKEN to have it audited (several separated by commas)";

const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const FEE = /^(?:0(?:\.\d+)?|1)$/;
/** Characters that a header can carry, without the two signs that separate. */
const AUDIT_TOKEN = /^[!-+\--:<-~]+$/;

type Read<T> = { readonly ok: true; readonly value: T } | Refused;
type Refused = { readonly ok: false; readonly reason: string };

/**
 * Reads the processors. Refuses with a sentence on the first mistake that repeats nothing: what looks
 * like a name may be the rest of a token.
 */
function readProcessors(list: string): Read<ProcessorSetting[]> {
  const found: ProcessorSetting[] = [];
  const entries = list.split(",");
  if (entries.length > PROCESSORS_MAX) return refused(`more than ${PROCESSORS_MAX} processors`);
  for (const [index, entry] of entries.entries()) {
    const read = readProcessor(entry.trim());
    if (!read.ok) return refused(`processor ${index + 1} ${read.reason}`);
    const { name, url } = read.value;
    if (found.some((other) => other.name === name)) {
      return refused(`processor ${index + 1} has the name of another`);
    }
    // A processor with two names would be charged, resolved and summed as two.
    if (found.some((other) => other.url === url)) {
      return refused(`processor ${index + 1} has the address of another`);
    }
    found.push(read.value);
  }
  return { ok: true, value: found };
}

function readProcessor(entry: string): Read<ProcessorSetting> {
  if (entry === "") return refused(`is empty; ${PROCESSORS_FORM}`);
  const [place = "", ...parts] = entry.split(";");
  const equals = place.indexOf("=");
  const name = place.slice(0, Math.max(0, equals));
  if (!NAME.test(name)) {
    return refused("has no name before its =, of a to z, 0 to 9 and -, beginning with a letter");
  }
  const url = parseHttpUrl(place.slice(equals + 1));
  if (url === null || /\s/.test(place)) {
    return refused(`has no http:// or https:// address without user, query or fragment`);
  }
  const [fee, token, ...more] = parts;
  if (fee === undefined || !fee.startsWith("fee=")) {
    return refused(`has no ;fee= after its address`);
  }
  if (!FEE.test(fee.slice("fee=".length))) {
    return refused(`has a fee that is no decimal from 0 to 1: 0.05 is 5 %`);
  }
  const found = { name, url, fee: Number(fee.slice("fee=".length)) };
  if (token === undefined) return { ok: true, value: found };
  const auditToken = token.startsWith(TOKEN) ? token.slice(TOKEN.length) : "";
  if (more.length > 0 || !token.startsWith(TOKEN)) {
    return refused(`has something else than ;audit-token= after its fee`);
  }
  if (!AUDIT_TOKEN.test(auditToken)) {
    return refused(`has an audit-token that is empty, or that no header can carry`);
  }
  return { ok: true, value: { ...found, auditToken } };
}
const TOKEN = "audit-token=";

function refused(reason: string): Refused {
  return { ok: false, reason };
}

/** Keeps what may be logged of a processor. */
export function withoutToken({ name, url, fee }: ProcessorSetting) {
  return { name, url, fee };
}

const processors = () =>
  v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const read = readProcessors(dataset.value);
      if (read.ok) return read.value;
      addIssue({ message: read.reason });
      return NEVER;
    }),
  );

/** A path, no address: `//` at the beginning is one of SQLite's or of a library's, and so is `file:`. */
const journalPath = () =>
  v.pipe(
    v.string(),
    v.regex(/^sqlite:(?!:|file:|\/\/[^/])[^\0]*[^/\0]$/i, "sqlite:PATH, the path of a file"),
    v.transform((value) => value.slice("sqlite:".length)),
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
    "default=http://127.0.0.1:8001;fee=0.05,fallback=http://127.0.0.1:8002;fee=0.15",
    `payment processors in any number: ${PROCESSORS_FORM}`,
    processors(),
    "itself",
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
    optionalSecret(/^[!-~]([ -~]*[!-~])?$/, "a text that a header can carry"),
    "secret",
  ),
  ...commonSettings,
};
export type WorkerSettings = SettingsOf<typeof workerSettings>;
