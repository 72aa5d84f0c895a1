/**
 * Queues payments that are durable and belong to no processor, by deadline. Patience is the same for
 * all, so new ones are always the last; those that a processor refused come back among the first. A
 * payment that was refused again and again rests before it is tried again: it would otherwise go to and
 * fro as fast as the processor says no.
 */
import type { OpenPayment } from "./payment.ts";

/** Emptied places at the front of the line are given back in pieces of this size. */
export const COMPACT_AT = 1_024;

export class PaymentQueue {
  /** Payments in order of deadlines as far as `#isSorted`; the places below `#first` are empty. */
  #line: OpenPayment[] = [];
  #first = 0;
  #isSorted = true;
  /** Payments that were refused and are back; few, sorted by deadline. */
  #returned: OpenPayment[] = [];
  /** Payments not to be tried before their time; few. */
  #resting: { readonly payment: OpenPayment; readonly untilMs: number }[] = [];
  readonly #compactAt: number;

  constructor(compactAt = COMPACT_AT) {
    this.#compactAt = compactAt;
  }

  /** Number of payments that may be tried now. */
  get length(): number {
    return this.#returned.length + this.#line.length - this.#first;
  }

  /**
   * Takes a payment in behind all with nearer deadlines: usually the newest. Those that another worker left come by
   * the thousands, and not as the newest; they are sorted in together, when one is asked for next.
   */
  push(payment: OpenPayment): void {
    const newest = this.#line.at(-1);
    if (newest !== undefined && newest.deadlineMs > payment.deadlineMs) this.#isSorted = false;
    this.#line.push(payment);
  }

  putBack(payment: OpenPayment): void {
    let at = this.#returned.length;
    while (at > 0 && this.#returnedMsAt(at - 1) > payment.deadlineMs) at--;
    this.#returned.splice(at, 0, payment);
  }

  rest(payment: OpenPayment, untilMs: number): void {
    this.#resting.push({ payment, untilMs });
  }

  /** Takes payments out; that is rare, so it may search, once for however many. */
  remove(payments: ReadonlySet<OpenPayment>): void {
    const stays = (payment: OpenPayment) => !payments.has(payment);
    this.#line = this.#line.slice(this.#first).filter(stays);
    this.#first = 0;
    this.#returned = this.#returned.filter(stays);
    this.#resting = this.#resting.filter(({ payment }) => stays(payment));
  }

  /** When the next one has rested; infinite while none rests. */
  get nextWakeAtMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { untilMs } of this.#resting) nextMs = Math.min(nextMs, untilMs);
    return nextMs;
  }

  /** Puts back payments that have rested. */
  wake(nowMs: number): void {
    if (this.#resting.length === 0) return;
    const rested = this.#resting.filter(({ untilMs }) => untilMs <= nowMs);
    if (rested.length === 0) return;
    this.#resting = this.#resting.filter(({ untilMs }) => untilMs > nowMs);
    for (const { payment } of rested) this.putBack(payment);
  }

  /** Takes the payment with the nearest deadline. */
  takeOldest(): OpenPayment | undefined {
    this.#sort();
    const next = this.#line[this.#first];
    const back = this.#returned[0];
    if (back !== undefined && (next === undefined || back.deadlineMs <= next.deadlineMs)) {
      return this.#returned.shift();
    }
    if (next === undefined) return undefined;
    this.#first++;
    if (this.#first >= this.#compactAt && this.#first * 2 >= this.#line.length) {
      this.#line = this.#line.slice(this.#first);
      this.#first = 0;
    }
    return next;
  }

  /** Takes the payment that can wait the longest. */
  takeNewest(): OpenPayment | undefined {
    this.#sort();
    return this.#line.length > this.#first ? this.#line.pop() : this.#returned.pop();
  }

  /** Deadline at a position from the front, in the order in which `takeOldest` gives payments. */
  deadlineMsAt(position: number): number {
    this.#sort();
    // Counts the returned payments before the position: two sorted lists are read as one.
    let low = Math.max(0, position - (this.#line.length - this.#first));
    let high = Math.min(position, this.#returned.length);
    while (low < high) {
      const returned = (low + high) >> 1;
      if (this.#returnedMsAt(returned) <= this.#lineMsAt(position - returned - 1)) {
        low = returned + 1;
      } else high = returned;
    }
    return Math.min(this.#returnedMsAt(low), this.#lineMsAt(position - low));
  }

  #sort(): void {
    if (this.#isSorted) return;
    this.#line = this.#line.slice(this.#first).sort((a, b) => a.deadlineMs - b.deadlineMs);
    this.#first = 0;
    this.#isSorted = true;
  }

  #lineMsAt(index: number): number {
    return this.#line[this.#first + index]?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  #returnedMsAt(index: number): number {
    return this.#returned[index]?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }
}
