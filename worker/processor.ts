/**
 * A payment processor over HTTP, whatever it speaks: an adapter describes its calls and what their answers
 * mean (processor/adapters/adapter.ts), and this runs it. Whatever happens, a call ends in one of a few
 * outcomes, and never throws for what a processor says, or leaves unsaid.
 *
 * What happens without an answer is judged here, the same for every kind: a call that surely never left
 * is refused, every other is `unknown`.
 */
import type { Payment } from "../shared/payment.ts";
import type { Lacking } from "../shared/http-api/lacking.ts";
import {
  lacksOf,
  type Adapter,
  type Charged,
  type HealthReading,
  type HttpCall,
  type LookOutcome,
  type NotFound,
} from "./processor/adapters/adapter.ts";
import { AdapterFault } from "./processor/adapters/guarded.ts";
import { adapterOf, type KindSetting } from "./processor/adapters/kinds.ts";
import { rinha } from "./processor/adapters/rinha.ts";
import type { Charge } from "./processor/charge.ts";
import { exchangeTo, type Exchange, type ExchangeError } from "./processor/exchange.ts";
import { readRetryAfterMs } from "./processor/words.ts";

export type { HealthReading, LookOutcome, NotFound } from "./processor/adapters/adapter.ts";
export type { Charge } from "./processor/charge.ts";
export type { Exchange } from "./processor/exchange.ts";

/** `connected`: a connection was made for the call. */
export type ChargeOutcome = Outcome & { readonly connected?: true };

/**
 * Meaning of an answer, or of there being none. `retryAfterMs`: so long an overloaded processor wants to be
 * left alone. `ownFault`: this process could not make the call, which says nothing about the processor.
 * `silent`: no answer came in time, which may also mean that it has too much to do.
 */
type Outcome =
  | Exclude<Charged, { kind: "refused" | "unknown" }>
  | (Extract<Charged, { kind: "refused" }> & {
      readonly retryAfterMs?: number;
      readonly ownFault?: true;
    })
  | (Extract<Charged, { kind: "unknown" }> & { readonly silent?: true });

/** How a configured processor is spoken to. */
export type ClientSetting = KindSetting & {
  readonly url: string;
  /** The secret itself, for the header that the kind puts it in. */
  readonly secret?: string | undefined;
  /** Headers of every call. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

export interface Processor {
  /** Time for which it surely knows an id, from the first charge under it (docs/PROCESSORS.md, P2). */
  readonly remembersForMs: number;
  /** It can be asked for a payment by our id (P4). */
  readonly canBeAsked: boolean;
  /** Pause between two calls for its health; null when it has none (P6). */
  readonly healthEveryMs: number | null;
  /** Promises that its kind does without. */
  readonly lacks: readonly Lacking[];
  charge(charge: Charge): Promise<ChargeOutcome>;
  look(payment: Payment): Promise<LookOutcome>;
  health(): Promise<HealthAnswer>;
}

export type HealthAnswer = {
  readonly reading: HealthReading | null;
  readonly retryAfterMs: number;
  /** The reason why the call could not be made, if it could not and that is not ours. */
  readonly unreachable?: string;
};

/** Longer than the five seconds that a processor may keep a health call waiting. */
const HEALTH_TIMEOUT_MS = 7_000;
const LOOK_TIMEOUT_MS = 5_000;
/** Nobody may silence the probes for longer. */
const RETRY_AFTER_MS_MAX = 60_000;
/**
 * Nor the payments: twice what the contest's processors ask for, and less than the patience of a
 * payment, so that a mistaken header sends none to a dearer processor for longer than it lasts.
 */
const REST_MS_MAX = 10_000;

export const NOT_ASKABLE = { kind: "unasked", reason: "it cannot be asked for a payment" } as const;

export class HttpProcessor implements Processor {
  readonly remembersForMs: number;
  readonly canBeAsked: boolean;
  readonly healthEveryMs: number | null;
  readonly lacks: readonly Lacking[];
  readonly #url: string;
  readonly #timeoutMs: number;
  #exchange: Exchange;
  readonly #adapter: Adapter;

  constructor(
    url: string,
    timeoutMs: number,
    exchange: Exchange = exchangeTo(url),
    adapter: Adapter = rinha,
  ) {
    this.remembersForMs = adapter.remembersForMs;
    this.canBeAsked = adapter.lookup !== undefined;
    this.healthEveryMs = adapter.health?.everyMs ?? null;
    this.lacks = lacksOf(adapter);
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#exchange = exchange;
    this.#adapter = adapter;
  }

  /** Makes the client of a configured processor. Rejects with a sentence about its kind. */
  static async of(setting: ClientSetting, timeoutMs: number): Promise<HttpProcessor> {
    const { url } = setting;
    const adapter = await adapterOf(setting);
    return new HttpProcessor(url, timeoutMs, exchangeOf(adapter, setting), adapter);
  }

  /** Calls from now on have another secret; those under way end on the connections that they have. */
  renew(setting: ClientSetting): void {
    this.#exchange = exchangeOf(this.#adapter, setting);
  }

  async charge(charge: Charge): Promise<ChargeOutcome> {
    let call: HttpCall;
    try {
      call = this.#adapter.charge(charge);
    } catch (error) {
      return withoutSource(neverDescribed(error), charge);
    }
    const sent = this.#send(call, this.#timeoutMs);
    let answer: Awaited<typeof sent>;
    try {
      answer = await sent;
    } catch (error) {
      // Only a call that has failed is an outcome: anything else is a fault of ours, and ends the process.
      return classifyError(error as ExchangeError);
    }
    const charged = withoutSource(this.#adapter.classifyCharge(answer, charge), charge);
    const outcome = resting(charged, answer.retryAfter);
    return answer.connected === true ? { ...outcome, connected: true } : outcome;
  }

  async look(payment: Payment): Promise<LookOutcome> {
    const { lookup } = this.#adapter;
    if (lookup === undefined) return NOT_ASKABLE;
    let call: HttpCall;
    try {
      call = lookup.call(payment);
    } catch (error) {
      return withoutSource({ kind: "unclear", reason: faultOf(error).message }, payment);
    }
    const answer = await this.#send(call, LOOK_TIMEOUT_MS).catch(failureOf);
    if (!(answer instanceof Error)) return withoutSource(lookup.classify(answer, payment), payment);
    return { kind: kindOfFailedLook(answer), reason: answer.message };
  }

  async health(): Promise<HealthAnswer> {
    const { health } = this.#adapter;
    if (health === undefined) return { reading: null, retryAfterMs: 0 };
    const answer = await this.#send(health.call, HEALTH_TIMEOUT_MS, true).catch(failureOf);
    if (answer instanceof Error) {
      return { reading: null, retryAfterMs: 0, ...unreachableOf(answer) };
    }
    const retryAfterMs = readRetryAfterMs(answer.retryAfter, RETRY_AFTER_MS_MAX);
    return { reading: health.read(answer), retryAfterMs };
  }

  #send({ path, headers, body, contentType }: HttpCall, timeoutMs: number, isAlone = false) {
    const url = this.#url + path;
    return this.#exchange({ url, headers, body, contentType, timeoutMs, isAlone });
  }
}

function exchangeOf(adapter: Adapter, setting: ClientSetting): Exchange {
  return exchangeTo(setting.url, { headers: headersOf(adapter, setting) });
}

export function headersOf({ authorize }: Adapter, { secret, headers = {} }: ClientSetting) {
  if (secret === undefined) return headers;
  return { ...headers, ...(authorize?.(secret) ?? { Authorization: `Bearer ${secret}` }) };
}

/**
 * A reason is written down, logged and shown, and a source never is: also when a processor or somebody's
 * adapter repeats it, as it is or as a part of an address or of JSON.
 */
function withoutSource<T extends object>(outcome: T, { source }: Payment): T {
  if (source === undefined || !("reason" in outcome)) return outcome;
  const spellings = [source, encodeURIComponent(source), JSON.stringify(source).slice(1, -1)];
  const hide = (reason: string, spelling: string) => reason.replaceAll(spelling, "…");
  const reason = spellings.reduce(hide, String(outcome.reason));
  const isInCode = "code" in outcome && spellings.some((one) => String(outcome.code).includes(one));
  return { ...outcome, reason, ...(isInCode ? { code: undefined } : {}) };
}

/** No byte has left, so that this attempt has recorded nothing. */
function neverDescribed(error: unknown): ChargeOutcome {
  return { kind: "refused", reason: faultOf(error).message, overloaded: false };
}

/** A fault of somebody's adapter; anything else is one of ours, and ends the process. */
function faultOf(error: unknown): AdapterFault {
  if (error instanceof AdapterFault) return error;
  throw error;
}

function failureOf(error: ExchangeError): ExchangeError {
  return error;
}

/** Adds for how long a processor that has too much to do wants to be left alone. */
function resting(charged: Charged, retryAfter: string | null): ChargeOutcome {
  if (charged.kind !== "refused" || !charged.overloaded) return charged;
  return { ...charged, retryAfterMs: readRetryAfterMs(retryAfter, REST_MS_MAX) };
}

export function classifyError(error: ExchangeError): ChargeOutcome {
  if (error.neverLeft) {
    const ownFault = error.ownFault ? { ownFault: true as const } : {};
    return { kind: "refused", reason: String(error.code), overloaded: false, ...ownFault };
  }
  if (error.name === "TimeoutError") {
    return { kind: "unknown", reason: "no answer in time", silent: true };
  }
  return { kind: "unknown", reason: String(error.code ?? error.name) };
}

/** An answer that broke off may have been about to say yes. */
function kindOfFailedLook({ name, neverLeft, ownFault }: ExchangeError): NotFound {
  return name === "TimeoutError" || (neverLeft && !ownFault) ? "unasked" : "unclear";
}

/** A call that is late says nothing: a processor may keep it waiting, above all when somebody else asks too. */
function unreachableOf({ name, code, neverLeft, ownFault }: ExchangeError) {
  return neverLeft && !ownFault ? { unreachable: String(code ?? name) } : {};
}
