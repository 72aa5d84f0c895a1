/**
 * A payment processor, faithful to CONTRACT.md, "The processor of the contest", as a pure state
 * machine: it holds no clock, timer, socket or promise. A shell tells it the time and a call; the answer
 * comes at once, or as a ticket whose answer `advance` gives when it is due:
 *
 *   apply(nowMs, call) ── answer
 *          └── pending, ticket ··· advance(nowMs) ── [{ ticket, answer }]   (at nextDueAtMs())
 *
 * The way of a payment: a place among 800 (or in the line of 500) → the delay, read when the place is
 * taken → the failure switch, read after the delay → a fault, if one is drawn → the insert.
 *
 * Due work runs in the order (due, arrival) and at the time it was due, before anything newer is
 * looked at. So it makes no difference how often or how late a shell calls `advance`, and the same
 * calls at the same times give the same answers: in a seeded world, and behind a socket.
 * Nobody can take a call back: one whose caller hung up is charged all the same.
 */
import { administer } from "./processor/admin.ts";
import {
  DROPPED,
  SILENT,
  answered,
  type Answer,
  type Call,
  type Done,
  type Pending,
  type Whole,
} from "./processor/call.ts";
import { NO_FAULTS, drawFault, type Fault, type Faults } from "./processor/faults.ts";
import type { Form } from "./processor/form.ts";
import type { Order } from "./processor/intake.ts";
import { CallLimiter, HealthLimiter } from "./processor/limiter.ts";
import { Records } from "./processor/records.ts";
import { RINHA } from "./processor/rinha.ts";
import { Schedule } from "./processor/schedule.ts";

export type { Answer, Call, Done, Pending, Whole } from "./processor/call.ts";

export type ProcessorOptions = {
  /** Share of every amount: 0.05 is 5 %. */
  readonly fee: number;
  /** Uniform in [0, 1); only faults draw from it. */
  readonly random: () => number;
  /** Kind of processor that it is: the contest's, unless another is given. */
  readonly form?: Form;
};

/** A call in line for a place. */
type Waiting = { readonly ticket: number; readonly call: Call };
type Due =
  | { readonly kind: "pay"; readonly ticket: number; readonly order: Order }
  | { readonly kind: "health"; readonly ticket: number };

export class ProcessorModel {
  readonly fee: number;
  readonly records = new Records();
  // The switches. Set them by an administrative call, or directly after `advance(nowMs)`: work that was
  // due earlier must not see them.
  /** Header X-Rinha-Token of every administrative call. */
  token = "123";
  /** Delay of every payment that gets its place from now on. */
  delayMs = 0;
  /** True fails every payment whose delay ends from now on. */
  failing = false;
  faults: Faults = NO_FAULTS;

  readonly #form: Form;
  readonly #random: () => number;
  readonly #schedule = new Schedule<Due>();
  readonly #limiter = new CallLimiter<Waiting>();
  readonly #health = new HealthLimiter();
  #down = false;
  #nowMs = -Infinity;
  #tickets = 0;
  #done: Done[] = [];

  constructor(options: ProcessorOptions) {
    this.fee = options.fee;
    this.#random = options.random;
    this.#form = options.form ?? RINHA;
  }

  /** The answer to a call, or the ticket under which `advance` will give it. */
  apply(nowMs: number, call: Call): Answer | Pending {
    this.#run(nowMs);
    if (isAdministrative(call.path)) return administer(this, call);
    if (this.#down) return DROPPED;
    return this.#hushed(this.#route(call));
  }

  /** The answers that have become due by `nowMs`, each once, in the order in which they were due. */
  advance(nowMs: number): readonly Done[] {
    this.#run(nowMs);
    const done = this.#done;
    if (done.length > 0) this.#done = [];
    return done;
  }

  /** Instant at which `advance` has something to give; null while nothing is waiting. */
  nextDueAtMs(): number | null {
    return this.#done.length > 0 ? this.#nowMs : this.#schedule.nextDueAtMs;
  }

  get down(): boolean {
    return this.#down;
  }

  /** A dead process answers nobody, and takes with it the calls that it was working on. */
  setDown(down: boolean): void {
    this.#down = down;
    if (!down) return;
    const lost = [...this.#schedule.takeAll(), ...this.#limiter.reset()];
    for (const { ticket } of lost) this.#done.push({ ticket, answer: DROPPED });
    this.#health.reset();
  }

  #route(call: Call): Answer | Pending {
    const asked = this.#form.asked(call);
    if (asked === "health") return this.#admitHealth();
    return asked === "charge" || asked === "find" ? this.#admit(call) : asked;
  }

  #admitHealth(): Answer | Pending {
    const dueAtMs = this.#health.admit(this.#nowMs);
    if (dueAtMs === null) return this.#form.turnedAway;
    if (dueAtMs <= this.#nowMs) return this.#healthAnswer();
    const ticket = this.#tickets++;
    this.#schedule.add(dueAtMs, { kind: "health", ticket });
    return { kind: "pending", ticket };
  }

  #admit(call: Call): Answer | Pending {
    if (this.#limiter.free) return this.#begin(call, this.#nowMs, null);
    const ticket = this.#tickets++;
    return this.#limiter.wait({ ticket, call })
      ? { kind: "pending", ticket }
      : this.#form.turnedAway;
  }

  /** Begins a call that got a place. It keeps the place only if there is a delay to wait for. */
  #begin(call: Call, atMs: number, heldTicket: number | null): Answer | Pending {
    if (this.#form.asked(call) === "find") return this.#form.find(call, this.records, atMs);
    const read = this.#form.read(call);
    if (!read.ok) return read.answer;
    if (this.delayMs === 0) return this.#settle(read.value, atMs);
    const ticket = heldTicket ?? this.#tickets++;
    this.#limiter.take();
    this.#schedule.add(atMs + this.delayMs, { kind: "pay", ticket, order: read.value });
    return { kind: "pending", ticket };
  }

  #run(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    for (;;) {
      const due = this.#schedule.takeDue(this.#nowMs);
      if (due === null) return;
      this.#finish(due.work, due.dueAtMs);
    }
  }

  #finish(work: Due, atMs: number): void {
    switch (work.kind) {
      case "health":
        this.#deliver(work.ticket, this.#healthAnswer());
        return;
      case "pay":
        this.#deliver(work.ticket, this.#settle(work.order, atMs));
        this.#limiter.give();
        this.#admitWaiting(atMs);
        return;
    }
  }

  #admitWaiting(atMs: number): void {
    for (;;) {
      const next = this.#limiter.next();
      if (next === undefined) return;
      const outcome = this.#begin(next.call, atMs, next.ticket);
      if (outcome.kind !== "pending") this.#deliver(next.ticket, outcome);
    }
  }

  #deliver(ticket: number, answer: Answer): void {
    this.#done.push({ ticket, answer: this.#hushed(answer) });
  }

  #hushed<T extends Answer | Pending>(outcome: T): T | typeof SILENT {
    return this.faults.hangAll && outcome.kind !== "pending" ? SILENT : outcome;
  }

  #healthAnswer(): Answer {
    return answered(200, `{"failing":${this.failing},"minResponseTime":${this.delayMs}}`);
  }

  #settle(order: Order, atMs: number): Answer {
    if (this.failing) return this.#form.failed;
    const fault = this.faults.hangAll ? "hang" : drawFault(this.faults, this.#random);
    return fault === null ? this.#insert(order, atMs) : this.#faulty(fault, order, atMs);
  }

  #faulty(fault: Fault, order: Order, atMs: number): Answer {
    switch (fault) {
      case "resetBefore":
        return DROPPED;
      case "answerLost":
        this.#insert(order, atMs);
        return DROPPED;
      case "errorWithoutInsert":
        return this.#form.broken;
      case "errorWithInsert":
        this.#insert(order, atMs);
        return this.#form.broken;
      case "truncated":
        return { kind: "truncated", of: this.#insert(order, atMs) };
      case "hang":
        if (this.faults.hangInserts) this.#insert(order, atMs);
        return SILENT;
    }
  }

  #insert(order: Order, atMs: number): Whole {
    return this.#form.record(order, atMs, this.records);
  }
}

function isAdministrative(path: string): boolean {
  return path.startsWith("/admin/") || path.startsWith("/simulator/");
}
