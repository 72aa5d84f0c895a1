/**
 * Sends each payment to the worker that has its shard, as a core without clock, socket or timer.
 *
 *   no map yet    nothing goes anywhere: workers that do not share a database would take the same id twice
 *   a map         to the owner of the shard, and to nobody else
 *
 * *Elsewhere* is a refusal: the payment goes to the owner by a newer map as soon as there is one, and to the
 * present one again after a moment, as its worker may not have learnt of its shard yet. Silence is no
 * refusal, and is answered as it is. A payment that more than one worker was asked to take is safe all the
 * same: its id is stored once in the database that they share, so that the second to store it says
 * *duplicate*. What has to be kept is the doubt: once a worker may have stored it, no later refusal may be
 * told as "was not stored".
 */
import type { Payment } from "../../shared/payment.ts";
import type { Verdict } from "../../shared/verdict.ts";
import type { Owners } from "./owners.ts";

/** Told once of a time and a verdict; null when the time of the payment is up. */
export type Answered = (nowMs: number, verdict: Verdict | null) => void;
export type Elsewhere = Extract<Verdict, { kind: "elsewhere" }>;
type Done = (verdict: Verdict | null) => void;
type Posted = {
  readonly payment: Payment;
  readonly done: Done;
  readonly deadlineMs: number;
  mayBeStored: boolean;
  /** Instant at which it is sent again; infinite while a worker has it in hand. */
  retryAtMs: number;
  isDone: boolean;
};

/** Time in which a worker learns that a shard has become its own, give or take. */
const RETRY_MS = 50;
const BUSY_RETRY_MS = 1_000;
/** Payments that may wait for a map or an owner; beyond it the caller is told "busy" at once. */
const WAITING_MAX = 16_384;

export type RoutingOptions = {
  readonly ackTimeoutMs: number;
  /**
   * Hands a payment to the link at an address. False when there is no such link yet.
   */
  readonly send: (link: string, payment: Payment, done: Answered) => boolean;
  /** Asks workers for a newer map, soon. */
  readonly ask: () => void;
};

export class Routing {
  readonly #options: RoutingOptions;
  /** Payments that wait for a map or an owner, or were sent for a second time. */
  readonly #watched = new Set<Posted>();
  #owners: Owners | null = null;

  constructor(options: RoutingOptions) {
    this.#options = options;
  }

  get owners(): Owners | null {
    return this.#owners;
  }

  /** True when `tick` has nothing to do. */
  get idle(): boolean {
    return this.#watched.size === 0;
  }

  /**
   * Takes a payment that came at `nowMs`; `done` is called once, with its verdict or with null when its
   * time is up. `refusal` is that of a worker to which it was sent without a map.
   */
  pay(nowMs: number, payment: Payment, done: Done, refusal: Elsewhere | null = null): void {
    const posted: Posted = {
      payment,
      done,
      deadlineMs: nowMs + this.#options.ackTimeoutMs,
      mayBeStored: refusal?.mayBeStored === true,
      retryAtMs: Number.POSITIVE_INFINITY,
      isDone: false,
    };
    if (refusal !== null || !this.#send(posted)) this.#wait(nowMs, posted);
  }

  /** Takes over a map, unless it is older than the one that is known. */
  learn(nowMs: number, owners: Owners): boolean {
    if (this.#owners !== null && owners.version <= this.#owners.version) return false;
    this.#owners = owners;
    for (const posted of this.#watched) {
      if (posted.retryAtMs < Number.POSITIVE_INFINITY) this.#sendAgain(nowMs, posted);
    }
    return true;
  }

  /** Sends again what waits, and gives up what is overdue. */
  tick(nowMs: number): void {
    for (const posted of this.#watched) {
      if (nowMs >= posted.deadlineMs) this.#giveUp(posted);
      else if (nowMs >= posted.retryAtMs) this.#sendAgain(nowMs, posted);
    }
  }

  #send(posted: Posted): boolean {
    const link = this.#owners?.linkOf(posted.payment.correlationId) ?? null;
    if (link === null) return false;
    return this.#options.send(link, posted.payment, (nowMs, verdict) =>
      this.#answered(nowMs, posted, verdict),
    );
  }

  #sendAgain(nowMs: number, posted: Posted): void {
    posted.retryAtMs = Number.POSITIVE_INFINITY;
    if (!this.#send(posted)) posted.retryAtMs = nowMs + RETRY_MS;
  }

  #answered(nowMs: number, posted: Posted, verdict: Verdict | null): void {
    if (posted.isDone) return;
    if (verdict === null) return this.#finish(posted, null);
    if (verdict.kind !== "busy" && verdict.kind !== "elsewhere")
      return this.#finish(posted, verdict);
    posted.mayBeStored ||= verdict.mayBeStored === true;
    if (verdict.kind === "elsewhere") return this.#wait(nowMs, posted);
    this.#finish(posted, busy(verdict.retryAfterMs, posted));
  }

  #wait(nowMs: number, posted: Posted): void {
    if (this.#watched.size >= WAITING_MAX && !this.#watched.has(posted)) {
      return this.#finish(posted, busy(BUSY_RETRY_MS, posted));
    }
    this.#watched.add(posted);
    posted.retryAtMs = nowMs + RETRY_MS;
    this.#options.ask();
  }

  /** A worker that has it in hand may yet store it; what waits here is with nobody. */
  #giveUp(posted: Posted): void {
    const isInHand = posted.retryAtMs === Number.POSITIVE_INFINITY;
    this.#finish(posted, isInHand ? null : busy(BUSY_RETRY_MS, posted));
  }

  #finish(posted: Posted, verdict: Verdict | null): void {
    posted.isDone = true;
    this.#watched.delete(posted);
    posted.done(verdict);
  }
}

function busy(retryAfterMs: number, { mayBeStored }: Posted): Verdict {
  const refused = { kind: "busy", retryAfterMs } as const;
  return mayBeStored ? { ...refused, mayBeStored } : refused;
}
