/**
 * Sends each payment to the worker that has its shard, as a core without clock, socket or timer.
 *
 *   no map yet    nothing goes anywhere: workers that do not share a database would take the same id twice
 *   a map         to the owner of the shard, and to nobody else
 *
 * *Elsewhere* is a refusal: the payment goes to the owner by a newer map as soon as there is one, and to the
 * present one again after a moment, as its worker may not have learnt of its shard yet. Silence is no
 * refusal: what a worker has in hand stays there until a newer map says that its shard is another's, to
 * whom it goes then, since the first may be gone for good. Else it is answered as silence.
 *
 * A payment that more than one worker was asked to take is safe: its id is stored once in the database
 * that they share, so that the second to store it says *duplicate*. What has to be kept is the doubt: once
 * a worker may have stored it, no later refusal may be told as "was not stored"; and what a worker says of
 * it that is no refusal is true, however late it comes.
 */
import type { Payment } from "../../shared/payment.ts";
import type { Verdict } from "../../shared/verdict.ts";
import type { Owners } from "./owners.ts";

/** Told once of a time and a verdict; null when the time of the payment is up. */
export type Answered = (nowMs: number, verdict: Verdict | null) => void;
export type Elsewhere = Extract<Verdict, { kind: "elsewhere" }>;
export type Done = (verdict: Verdict | null) => void;
type Posted = {
  readonly payment: Payment;
  readonly done: Done;
  readonly deadlineMs: number;
  mayBeStored: boolean;
  /** Link of the worker that has it in hand, or null. */
  link: string | null;
  /** Number of the newest sending: refusals and silence of earlier ones say nothing any more. */
  sending: number;
  /** Instant at which it is sent again; infinite while a worker has it in hand. */
  retryAtMs: number;
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
  /** Payments that a worker has in hand to which they were sent first: their link tells when their time is up. */
  readonly #inHand = new Set<Posted>();
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
      link: null,
      sending: 0,
      retryAtMs: Number.POSITIVE_INFINITY,
    };
    this.#inHand.add(posted);
    if (refusal !== null || !this.#send(posted)) this.#wait(nowMs, posted);
  }

  /** Takes over a map, unless it is older than the one that is known. */
  learn(nowMs: number, owners: Owners): boolean {
    if (this.#owners !== null && owners.version <= this.#owners.version) return false;
    this.#owners = owners;
    for (const posted of [...this.#inHand, ...this.#watched]) {
      if (this.#ownerOf(posted) !== posted.link) this.#sendAgain(nowMs, posted);
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

  #ownerOf({ payment }: Posted): string | null {
    return this.#owners?.linkOf(payment.correlationId) ?? null;
  }

  #send(posted: Posted): boolean {
    const link = this.#ownerOf(posted);
    if (link === null) return false;
    const sending = ++posted.sending;
    const isSent = this.#options.send(link, posted.payment, (nowMs, verdict) =>
      this.#answered(nowMs, posted, sending, verdict),
    );
    if (isSent) posted.link = link;
    return isSent;
  }

  /** The worker that had it in hand, if any, may have stored it. */
  #sendAgain(nowMs: number, posted: Posted): void {
    posted.mayBeStored ||= posted.link !== null;
    posted.link = null;
    posted.retryAtMs = Number.POSITIVE_INFINITY;
    this.#watch(posted);
    if (!this.#send(posted)) posted.retryAtMs = nowMs + RETRY_MS;
  }

  #answered(nowMs: number, posted: Posted, sending: number, verdict: Verdict | null): void {
    if (!this.#inHand.has(posted) && !this.#watched.has(posted)) return;
    const isRefusal = verdict?.kind === "busy" || verdict?.kind === "elsewhere";
    if (verdict !== null && !isRefusal) return this.#finish(posted, verdict);
    if (sending !== posted.sending) return;
    if (verdict === null) return this.#finish(posted, null);
    posted.link = null;
    posted.mayBeStored ||= verdict.mayBeStored === true;
    if (verdict.kind === "elsewhere") return this.#wait(nowMs, posted);
    this.#finish(posted, busy(verdict.retryAfterMs, posted));
  }

  #wait(nowMs: number, posted: Posted): void {
    if (this.#watched.size >= WAITING_MAX) {
      return this.#finish(posted, busy(BUSY_RETRY_MS, posted));
    }
    this.#watch(posted);
    posted.retryAtMs = nowMs + RETRY_MS;
    this.#options.ask();
  }

  #watch(posted: Posted): void {
    this.#inHand.delete(posted);
    this.#watched.add(posted);
  }

  /** A worker that has it in hand may yet store it; what waits here is with nobody. */
  #giveUp(posted: Posted): void {
    this.#finish(posted, posted.link === null ? busy(BUSY_RETRY_MS, posted) : null);
  }

  #finish(posted: Posted, verdict: Verdict | null): void {
    this.#inHand.delete(posted);
    this.#watched.delete(posted);
    posted.done(verdict);
  }
}

function busy(retryAfterMs: number, { mayBeStored }: Posted): Verdict {
  const refused = { kind: "busy", retryAfterMs } as const;
  return mayBeStored ? { ...refused, mayBeStored } : refused;
}
