/**
 * The network between the worker and a processor, as the worker's real client sees it: an exchange
 * that answers, is refused, breaks off at any point, or never ends. A request may arrive long after
 * the worker gave it up, or after the worker itself is gone; the processor charges it all the same.
 */
import type { Exchange } from "../../worker/processor.ts";
import { inAnotherZone, NOT_FOUND, REJECTION, withoutZone } from "./between.ts";
import { MemoryProcessor, type Delivered, type Handle } from "../memory.ts";
import type { ProcessorModel } from "../../simulator/processor.ts";
import type { Chance } from "./chance.ts";
import type { Charged } from "./charged.ts";
import type { Kind, Proof } from "./kinds.ts";
import type { Plan } from "./plan.ts";
import type { Time } from "./time.ts";

type Request = Parameters<Exchange>[0];
type Reply = Awaited<ReturnType<Exchange>>;

/**
 * Fate of a charge on the wire, for the checker. `refused` and `declined` are proof that it was not recorded,
 * `absent` that it never will be: the checker itself has seen that.
 */
export type ChargeSeen = Charged & {
  readonly processor: number;
  readonly body: string;
  outcome: Proof | "open" | "absent";
};

/** A request that is on its way, or that the processor has and may still record. */
type Travelling = { readonly correlationId: string; handle: Handle | null };

export type WireOptions = {
  readonly time: Time;
  readonly chance: Chance;
  /** Each for what was added later, not to shift what the others draw. */
  readonly odd: Chance;
  readonly mood: Chance;
  readonly model: ProcessorModel;
  readonly kind: Kind;
  readonly number: number;
  readonly onCharge: (charge: ChargeSeen) => void;
  readonly onAnswer: (charge: ChargeSeen, status: number | string) => void;
  /** A health reading says that it fails. */
  readonly onFailing: () => void;
  /** A health reading says how long it takes at least. */
  readonly onReading: (minResponseTimeMs: number) => void;
};

/** Code of a call that this process could not make. */
export const OWN_FAULT = "EMFILE";

export class Wire {
  faults: Plan["wire"];
  answers: Plan["answers"];
  /** Something in between answers 400 to this share of all charges. */
  rejects = 0;
  /** Its health says the opposite of what it does. */
  liesInHealth = false;
  /** Something in between answers 404 to everything. */
  isHidden = false;
  /** Something in between answers every look with this status. */
  looksGet: number | null = null;
  /** Something in between answers its health call so. */
  healthSays: Reply | null = null;
  /** It turns every charge away, and wants to be left alone for so many seconds. */
  turnsAwayS: number | null = null;
  /** It prints instants in a zone of its own. */
  isInAnotherZone = false;
  /** Calls that have left, and looks among them, by their address. */
  calls = 0;
  readonly looks = new Map<string, number>();
  /** The worker has no descriptor left for a call. */
  isOutOfDescriptors = false;
  readonly #options: WireOptions;
  readonly #shell: MemoryProcessor;
  readonly #travelling = new Set<Travelling>();
  #wakeAtMs = Infinity;

  constructor(options: WireOptions, { wire, answers }: Plan) {
    this.#options = options;
    this.faults = wire;
    this.answers = answers;
    this.#shell = new MemoryProcessor(options.model);
  }

  /**
   * Looks after what the processor has due; call before and after its switches are changed. What became due while
   * everything slept is due with the switches of then.
   */
  wake(): void {
    const { time } = this.#options;
    this.#shell.tick(time.nowMs);
    const dueAtMs = this.#shell.nextDueAtMs();
    if (dueAtMs === null || dueAtMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = dueAtMs;
    time.after(dueAtMs - time.nowMs, () => {
      this.#wakeAtMs = Infinity;
      this.wake();
    });
  }

  /** A charge of this id is somewhere between the worker that sent it and the processor's records. */
  mayRecord(correlationId: string): boolean {
    for (const one of this.#travelling) {
      if (one.handle?.over === true) this.#travelling.delete(one);
      else if (one.correlationId === correlationId) return true;
    }
    return false;
  }

  get adapter(): Kind["adapter"] {
    return this.#options.kind.adapter;
  }

  /** The exchange of one life of the worker. */
  exchangeFor(alive: () => boolean): Exchange {
    return (request) =>
      new Promise((resolve, reject) => this.#send(request, alive, resolve, reject));
  }

  #send(
    request: Request,
    alive: () => boolean,
    resolve: (reply: Reply) => void,
    reject: (error: Error) => void,
  ): void {
    const { time, chance, number, kind, onCharge, onAnswer } = this.#options;
    const { body } = request;
    const charge: ChargeSeen | null =
      body === undefined
        ? null
        : { ...kind.chargedOf(body), processor: number, body, outcome: "open" };
    if (charge !== null) onCharge(charge);
    this.calls++;
    if (charge === null) this.looks.set(request.url, (this.looks.get(request.url) ?? 0) + 1);
    let ended = false;
    const end = (outcome: ChargeSeen["outcome"], status: number | string, tell: () => void) => {
      if (ended || !alive()) return;
      ended = true;
      if (charge !== null) {
        charge.outcome = outcome;
        onAnswer(charge, status);
      }
      tell();
    };
    const fail = (outcome: ChargeSeen["outcome"], code: string, name = "TypeError") =>
      end(outcome, code, () =>
        reject(
          Object.assign(new Error(code), {
            code,
            name,
            neverLeft: outcome === "refused" || undefined,
            ownFault: code === OWN_FAULT || undefined,
          }),
        ),
      );

    time.after(request.timeoutMs, () => fail("unclear", "TIMEOUT", "TimeoutError"));
    if (this.isOutOfDescriptors) {
      time.after(0.1, () => fail("refused", OWN_FAULT));
      return;
    }
    if (charge !== null && this.#options.mood.happens(this.rejects)) {
      time.after(1, () => end(kind.proofOf(REJECTION), REJECTION.status, () => resolve(REJECTION)));
      return;
    }
    const given = this.#instead(request);
    if (given !== null) {
      time.after(1, () => end(kind.proofOf(given), given.status, () => resolve(given)));
      return;
    }
    if (chance.happens(this.faults.neverSent)) {
      time.after(0.1, () => fail("refused", "ECONNREFUSED"));
      return;
    }
    if (chance.happens(this.faults.lostBefore)) {
      time.after(chance.next() * 500, () => fail("unclear", "ECONNRESET"));
      if (chance.happens(0.5)) return;
    }
    const travelling =
      charge === null ? null : { correlationId: charge.correlationId, handle: null };
    if (travelling !== null) this.#travelling.add(travelling);
    time.after(0.2 + chance.next() * this.faults.lateMsMax, () => {
      if (this.isHidden) {
        if (travelling !== null) this.#travelling.delete(travelling);
        return time.after(0.2, () => end("unclear", NOT_FOUND.status, () => resolve(NOT_FOUND)));
      }
      this.#arrive(request, travelling, (answer) => {
        if (chance.happens(this.faults.lostAfter)) fail("unclear", "ECONNRESET");
        else if (answer.kind === "dropped") fail("unclear", "ECONNRESET");
        else if (answer.kind !== "whole") fail("unclear", "ECONNRESET");
        else {
          const reply =
            this.liesInHealth && charge === null
              ? lieOf(this.#replyOf(answer))
              : this.#replyOf(answer);
          const isOdd = this.#options.odd.happens(this.answers.unclear);
          const told = isOdd ? kind.unclear(this.#options.odd, request) : reply;
          if (charge === null) this.#read(told);
          end(isOdd ? "unclear" : kind.proofOf(reply), told.status, () =>
            resolve({ ...told, connected: true }),
          );
        }
      });
    });
  }

  /** Tells what a health reading says. */
  #read({ body }: Reply): void {
    const { onFailing, onReading } = this.#options;
    if (body?.includes('"failing":true')) onFailing();
    const [, delay] = /"minResponseTime":(\d+)/.exec(body ?? "") ?? [];
    if (delay !== undefined) onReading(Number(delay));
  }

  /** Gives what is answered in the processor's place, without asking it. */
  #instead({ url, body }: Request): Reply | null {
    const bare = { body: "", retryAfter: null, complete: true };
    if (body !== undefined) {
      if (this.turnsAwayS === null) return null;
      return { ...bare, status: 429, retryAfter: String(this.turnsAwayS) };
    }
    if (url.endsWith("/service-health")) return this.healthSays;
    return this.looksGet === null ? null : { ...bare, status: this.looksGet };
  }

  #arrive(
    request: Request,
    travelling: Travelling | null,
    onAnswer: (answer: Delivered) => void,
  ): void {
    const { time, chance } = this.#options;
    const { url, body, headers, contentType = "application/json" } = request;
    const call = {
      method: body === undefined ? "GET" : "POST",
      path: url.slice(url.indexOf("/", "http://".length)),
      contentType,
      token: null,
      authorization: "Bearer sk_of_the_world",
      key: headers?.["Idempotency-Key"] ?? null,
      body: body ?? "",
    };
    const handle = this.#shell.call(time.nowMs, call, (answer) =>
      time.after(0.2 + chance.next(), () => onAnswer(answer)),
    );
    if (travelling !== null) travelling.handle = handle;
    time.after(0, () => this.wake());
  }

  /** A proxy on the way may put an error of its own in the place of the answer. */
  #replyOf(answer: Extract<Delivered, { kind: "whole" }>): Reply {
    const { chance } = this.#options;
    const retryAfter = answer.headers["retry-after"] ?? answer.headers["Retry-After"] ?? null;
    if (!chance.happens(this.faults.serverError)) {
      const reply = { status: answer.status, body: answer.body, retryAfter, complete: true };
      if (this.isInAnotherZone) return inAnotherZone(reply);
      return this.answers.zoneless ? withoutZone(reply) : reply;
    }
    const status = chance.pick([502, 503, 504, 301]);
    return { status, body: "bad gateway", retryAfter: null, complete: true };
  }
}

function lieOf(reply: Reply): Reply {
  const body = reply.body?.replace(/"failing":(true|false)/, (_, failing) => {
    return `"failing":${failing !== "true"}`;
  });
  return { ...reply, body: body ?? null };
}
