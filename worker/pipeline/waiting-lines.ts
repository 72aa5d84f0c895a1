/**
 * Lines of payments that are durable and belong to no processor: one line for each order of the
 * processors from cheap to dear (router/orders.ts), each sorted by deadline. Were there one line for all,
 * a payment that waits for its cheapest processor would hold up those behind it whose cheapest has room.
 * As long as fees are parts of the amount there is one line, and nothing is looked up.
 */
import type { OpenPayment } from "../payment.ts";
import { PaymentQueue } from "../queue.ts";
import type { Order, Orders } from "../router/orders.ts";

export type Line<L> = { readonly order: Order<L>; readonly queue: PaymentQueue };

export class WaitingLines<L> {
  readonly #orders: Pick<Orders<L>, "of">;
  /** Lines by the number of their order. */
  readonly #lines: Line<L>[] = [];
  readonly #compactAt: number | undefined;

  constructor(orders: Pick<Orders<L>, "of">, compactAt?: number) {
    this.#orders = orders;
    this.#compactAt = compactAt;
  }

  /** Number of payments that may be tried now. */
  get length(): number {
    let sum = 0;
    for (const { queue } of this.#lines) sum += queue.length;
    return sum;
  }

  /** The line that a payment belongs in. */
  of({ payment }: OpenPayment): Line<L> {
    const order = this.#orders.of(payment.amountCents);
    return (this.#lines[order.number] ??= { order, queue: new PaymentQueue(this.#compactAt) });
  }

  /** Lines in which payments wait, that with the nearest deadline first. */
  byDeadline(): readonly Line<L>[] {
    const waiting = this.#lines.filter(({ queue }) => queue.length > 0);
    if (waiting.length < 2) return waiting;
    return waiting.sort((a, b) => a.queue.deadlineMsAt(0) - b.queue.deadlineMsAt(0));
  }

  push(payment: OpenPayment): void {
    this.of(payment).queue.push(payment);
  }

  putBack(payment: OpenPayment): void {
    this.of(payment).queue.putBack(payment);
  }

  rest(payment: OpenPayment, untilMs: number): void {
    this.of(payment).queue.rest(payment, untilMs);
  }

  remove(payments: ReadonlySet<OpenPayment>): void {
    for (const { queue } of this.#lines) queue.remove(payments);
  }

  /** When the next payment has rested; infinite while none rests. */
  get nextWakeAtMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { queue } of this.#lines) nextMs = Math.min(nextMs, queue.nextWakeAtMs);
    return nextMs;
  }

  wake(nowMs: number): void {
    for (const { queue } of this.#lines) queue.wake(nowMs);
  }
}
