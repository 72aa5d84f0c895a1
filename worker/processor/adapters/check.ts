/**
 * Holds an adapter to all that shows without a call: the same bytes twice, other bytes for another payment, and
 * *unknown* for what no contract lists. A file of somebody's own passes it at every start, and each time
 * that it is asked, its answer is looked at before it is believed (guarded.ts).
 *
 * What it promises about its processor (P1 to P6 in docs/PROCESSORS.md) nobody can see here.
 */
import type { Charge } from "../charge.ts";
import {
  CODE,
  type Adapter,
  type Charged,
  type HttpAnswer,
  type HttpCall,
  type LookOutcome,
} from "./adapter.ts";

/** Most that an adapter may take to say something: it holds up every other payment meanwhile. */
export const ADAPTER_MS_MAX = 100;
const HEALTH_EVERY_MS_MIN = 1_000;
/** Out of everybody's contract, so that no adapter has a reason to conclude anything from them. */
const STATUSES_OF_NOBODY = [299, 399, 499, 599];

const SAMPLE: Charge = {
  correlationId: "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3",
  amountCents: 1_990,
  requestedAtMs: Date.UTC(2026, 6, 1, 12, 30, 0, 7),
};
const OTHERS: readonly (readonly [string, Charge])[] = [
  ["amount", { ...SAMPLE, amountCents: 1_991 }],
  ["correlationId", { ...SAMPLE, correlationId: "5a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3" }],
];

/** Why a module gives no adapter that could be used, in a sentence; null when it does. */
export function whyNotUsable(it: unknown): string | null {
  if (!isAdapter(it))
    return "it is no adapter: see Adapter in worker/processor/adapters/adapter.ts";
  try {
    return whyNotTheSame(it) ?? whyNotCareful(it);
  } catch (error) {
    return `it throws: ${String((error as Error)?.message ?? error)}`;
  }
}

function isAdapter(it: unknown): it is Adapter {
  const { charge, classifyCharge, lookup, health, totals, remembersForMs, authorize } = (it ??
    {}) as Partial<Adapter>;
  const has = (part: object | undefined, ...names: string[]) =>
    part === undefined || names.every((name) => typeof part[name as never] === "function");
  return (
    has({ charge, classifyCharge }, "charge", "classifyCharge") &&
    has(lookup, "call", "classify") &&
    has(health, "read") &&
    has(totals, "call", "read") &&
    (authorize === undefined || typeof authorize === "function") &&
    typeof remembersForMs === "number" &&
    remembersForMs > 0
  );
}

function whyNotTheSame(adapter: Adapter): string | null {
  const calls = [adapter.charge(SAMPLE), adapter.charge({ ...SAMPLE })];
  if (!calls.every(isCall)) return "its charge is no call";
  const [first, second] = calls.map((call) => JSON.stringify(call));
  if (first !== second) return "its charge has other bytes the second time";
  for (const [name, other] of OTHERS) {
    if (JSON.stringify(adapter.charge(other)) === first) return `its charge leaves out the ${name}`;
  }
  const { lookup, health, totals } = adapter;
  if (lookup !== undefined && !isCall(lookup.call(SAMPLE))) return "its look is no call";
  if (health !== undefined && !isCall(health.call)) return "its health call is no call";
  if (health !== undefined && !(health.everyMs >= HEALTH_EVERY_MS_MIN)) {
    return `it asks for health more often than every ${HEALTH_EVERY_MS_MIN} ms`;
  }
  const window = { fromMs: SAMPLE.requestedAtMs, toMs: SAMPLE.requestedAtMs + 1 };
  return totals === undefined || isCall(totals.call(window)) ? null : "its totals are no call";
}

function whyNotCareful({ classifyCharge, lookup, health, totals }: Adapter): string | null {
  for (const answer of answersOfNobody()) {
    const of = `${answer.status}${answer.complete ? "" : ", cut short,"}`;
    const { kind } = classifyCharge(answer, SAMPLE);
    if (kind !== "unknown") return `a charge that is answered ${of} is ${kind}, not unknown`;
    const look = lookup?.classify(answer, SAMPLE).kind;
    if (look === "found" || look === "nothing") return `a look that is answered ${of} is ${look}`;
    if (health !== undefined && health.read(answer) !== null) return `${of} is read as health`;
    if (totals !== undefined && totals.read(answer) !== null) return `${of} is read as totals`;
  }
  return null;
}

function* answersOfNobody(): Generator<HttpAnswer> {
  for (const status of STATUSES_OF_NOBODY) {
    for (const body of ["", "{}", "<html>", null]) {
      yield { status, body, retryAfter: null, complete: true };
    }
  }
  yield { status: 200, body: '{"', retryAfter: null, complete: false };
}

const PATH = /^\/[!-~]*$/;
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const HEADER_VALUE = /^[ -~]*$/;

/** True for what can be sent as it stands: nothing in it ends a line. */
export function isCall(it: unknown): it is HttpCall {
  const { path, headers = {}, body, contentType } = (it ?? {}) as Partial<HttpCall>;
  return (
    typeof path === "string" &&
    PATH.test(path) &&
    isHeaders(headers) &&
    (body === undefined || typeof body === "string") &&
    (contentType === undefined || isHeaderValue(contentType))
  );
}

export function isHeaders(it: unknown): it is Readonly<Record<string, string>> {
  if (typeof it !== "object" || it === null) return false;
  return Object.entries(it).every(
    ([name, value]) => HEADER_NAME.test(name) && isHeaderValue(value),
  );
}

export function isCharged(it: unknown): it is Charged {
  const { kind, reason, overloaded, code } = (it ?? {}) as Record<string, unknown>;
  if (kind === "accepted" || kind === "exists") return true;
  if (typeof reason !== "string") return false;
  if (kind === "refused") return typeof overloaded === "boolean";
  if (kind === "rejected")
    return code === undefined || (typeof code === "string" && CODE.test(code));
  return kind === "unknown";
}

export function isLookOutcome(it: unknown): it is LookOutcome {
  const { kind, reason, amountCents, requestedAtMs } = (it ?? {}) as Record<string, unknown>;
  if (kind !== "found") {
    return typeof reason === "string" && ["nothing", "unasked", "unclear"].includes(String(kind));
  }
  return isWholeOrNull(amountCents) && isWholeOrNull(requestedAtMs);
}

function isWholeOrNull(it: unknown): boolean {
  return it === null || Number.isSafeInteger(it);
}

function isHeaderValue(it: unknown): boolean {
  return typeof it === "string" && HEADER_VALUE.test(it);
}
