/**
 * The HTTP door of an API in the world: the API's own handler, called with requests as shops write them.
 *
 *   R12  each verdict is told by its status, an accepted payment by its address too, and nothing that is no
 *        payment gets to the worker: the answer says what is wrong with it
 */
import { acceptPayment } from "../../api/accept.ts";
import type { ApiMetrics } from "../../api/metrics.ts";
import { BODY_BYTES_MAX } from "../../shared/limits.ts";
import type { Payment } from "../../shared/payment.ts";
import type { Link, Verdict } from "../../shared/verdict.ts";
import type { Chance } from "./chance.ts";
import type { Ingress } from "./ingress.ts";
import { Violation } from "./violation.ts";

const AMOUNT_MAX = 1_000_000;
/** Share of the requests that are no payment. */
const ODD = 0.1;
/** Said of a payment whose API ended, or was not there. */
const NOBODY: Link = {
  pay: () => Promise.resolve(null),
  instance: 0,
  answering: false,
  traffic: { framesSent: 0, framesReceived: 0, retransmissions: 0, drops: {} },
  close: () => {},
};
const STATUS: Readonly<Record<Verdict["kind"] | "none", number>> = {
  stored: 202,
  duplicate: 202,
  conflict: 409,
  busy: 503,
  elsewhere: 503,
  invalid: 400,
  none: 503,
};

export type DoorOptions = {
  readonly chance: Chance;
  /** Runs a check; a violation ends the run. */
  readonly watch: (check: () => void) => void;
};

export class Door {
  readonly #options: DoorOptions;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Posts a payment; `done` is called with the verdict behind the answer. False when the API is down. */
  post(api: Ingress, payment: Payment, done: (verdict: Verdict | null) => void): boolean {
    if (!api.isUp) return false;
    const { chance } = this.#options;
    if (chance.happens(ODD)) void this.#expectRefusal(payment);
    void this.#ask(api, payment, done);
    return true;
  }

  async #ask(
    api: Ingress,
    payment: Payment,
    done: (verdict: Verdict | null) => void,
  ): Promise<void> {
    let handed: Payment | null = null;
    let verdict: Verdict | null = null;
    const pay = async (asked: Payment) => {
      handed = asked;
      const { promise, resolve } = Promise.withResolvers<Verdict | null>();
      api.pay(asked, resolve);
      verdict = await promise;
      return verdict;
    };
    const answer = await answerTo({ ...NOBODY, pay }, bodyOf(this.#options.chance, payment));
    this.#options.watch(() => {
      if (!Bun.deepEquals(handed, payment)) {
        throw new Violation(`R12: ${payment.correlationId} is handed over as another payment`);
      }
      checkAnswer(answer, payment, verdict);
    });
    done(verdict);
  }

  async #expectRefusal(payment: Payment): Promise<void> {
    const { chance, watch } = this.#options;
    const [what, body, status, words] = chance.pick(oddBodiesOf(payment));
    let isHanded = false;
    const pay = async () => {
      isHanded = true;
      return null;
    };
    const answer = await answerTo({ ...NOBODY, pay }, body);
    const said = await answer.text();
    watch(() => {
      if (isHanded) throw new Violation(`R12: ${what} is handed to the worker`);
      if (answer.status !== status || !isProblem(answer))
        throw new Violation(`R12: ${what} is answered ${answer.status}, and not ${status}`);
      if (!words.test(said)) throw new Violation(`R12: ${what} is answered ${said}`);
    });
  }
}

function answerTo(link: Link, body: string): Promise<Response> {
  const headers = { "content-length": String(Buffer.byteLength(body)) };
  const request = new Request("http://api/payments", { method: "POST", body, headers });
  return acceptPayment({ link, metrics: UNCOUNTED, amountMax: AMOUNT_MAX }, request);
}

function checkAnswer(answer: Response, { correlationId }: Payment, verdict: Verdict | null): void {
  const { status, headers } = answer;
  const kind = verdict?.kind ?? "none";
  const problem = (what: string) => {
    throw new Violation(`R12: the verdict on ${correlationId} is ${kind}, and ${what}`);
  };
  if (status !== STATUS[kind]) problem(`it is answered ${status}`);
  if (status === 202 && headers.get("location") !== `/payments/${correlationId}`)
    problem(`its address is ${headers.get("location")}`);
  if (status !== 202 && !isProblem(answer)) problem("the answer is no problem");
  const retryAfter = Number(headers.get("retry-after"));
  const waitMs = verdict?.kind === "busy" ? verdict.retryAfterMs : 0;
  const moreMs = retryAfter * 1_000 - waitMs;
  const isRight = retryAfter >= 1 && moreMs >= 0 && moreMs <= 1_000;
  if (status === 503 && !isRight) problem(`it may be repeated after ${retryAfter} s`);
}

function isProblem({ headers }: Response): boolean {
  return headers.get("content-type") === "application/problem+json";
}

/** Writes it as one of many shops does. */
function bodyOf(
  chance: Chance,
  { correlationId, amountCents, source, reference }: Payment,
): string {
  const id = chance.happens(0.2) ? correlationId.toUpperCase() : correlationId;
  const amount = amountCents / 100;
  const fields = { correlationId: id, amount, source, reference };
  if (chance.happens(0.8)) return JSON.stringify(fields);
  return JSON.stringify(fields, null, 2).replace(
    /"amount": [^,\n]+/,
    `"amount": ${amountCents}e-2`,
  );
}

/** Gives bodies that are no payment, each with its name, and the status and some words of its answer. */
function oddBodiesOf({ correlationId, amountCents }: Payment): [string, string, number, RegExp][] {
  const amount = amountCents / 100;
  const written = (fields: object) => JSON.stringify({ correlationId, amount, ...fields });
  const [id, tail] = [correlationId, correlationId.slice(1)];
  return [
    ["half a body", written({}).slice(0, -2), 400, /not JSON/],
    ["nothing", "", 400, /not JSON/],
    ["null", "null", 400, /not a JSON object/],
    ["a list", `[${written({})}]`, 400, /not a JSON object/],
    ["a field that is not known", written({ amout: 1 }), 400, /amout.* not known/],
    ["a part of an id", written({ correlationId: tail }), 400, /correlationId.* UUID/],
    ["a strange letter", written({ correlationId: `g${tail}` }), 400, /correlationId.* UUID/],
    ["no id", JSON.stringify({ amount }), 400, /correlationId.* missing/],
    ["no amount", JSON.stringify({ correlationId: id }), 400, /amount.* missing/],
    ["an amount that is a text", written({ amount: String(amount) }), 400, /amount.* a number/],
    ["an amount of nothing", written({ amount: 0 }), 400, /amount.* greater than 0/],
    ["an amount below nothing", written({ amount: -amount }), 400, /amount.* greater than 0/],
    ["three decimals", written({ amount: amount + 0.001 }), 400, /amount.* two decimals/],
    ["too much", written({ amount: AMOUNT_MAX + 0.01 }), 400, /amount.* above/],
    ["an empty source", written({ source: "" }), 400, /source/],
    ["a source in another script", written({ source: "açaí" }), 400, /source/],
    ["an empty reference", written({ reference: "" }), 400, /reference/],
    ["a reference of two lines", written({ reference: "a\nb" }), 400, /reference/],
    ["a reference that is too long", written({ reference: "a".repeat(65) }), 400, /reference/],
    ["a body that is too long", written({ reference: "a".repeat(BODY_BYTES_MAX) }), 413, /./],
  ];
}

const UNCOUNTED: ApiMetrics = {
  verdicts: { stored: 0, duplicate: 0, conflict: 0, busy: 0, elsewhere: 0, invalid: 0, timeout: 0 },
  countRequest: () => {},
  observePayment: () => {},
  answer: () => Promise.resolve(new Response()),
};
