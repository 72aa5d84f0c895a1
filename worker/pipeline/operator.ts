/**
 * The operator's hands: what somebody decides about a payment that cannot find its own way, or about a
 * processor. Each decision is checked against what is under way, written down with who and why, and
 * answered when that is durable. About one payment there is one decision at a time.
 */
import {
  MODE_AFTER,
  type Grounds,
  type OperatorAnswer,
  type OperatorCommand,
  type ProcessorView,
} from "../intervention.ts";
import type { Intervention, ProcessorMode, Transition } from "../journal.ts";
import type { OpenPayment } from "../payment.ts";
import type { PipelineOptions } from "../pipeline.ts";
import type { PaymentQueue } from "../queue.ts";
import { assignmentOf, ownerOf, type Books } from "./books.ts";
import type { Diary } from "../telemetry/lane-log.ts";
import { refusalOf, refusalOfClosed, type Facts } from "./operator-rules.ts";
import type { Resolver } from "./resolver.ts";

type PaymentCommand = Extract<OperatorCommand, { kind: "payment" }>;
type ProcessorCommand = Extract<OperatorCommand, { kind: "processor" }>;

const MODE_MEANS: Record<ProcessorMode, string> = {
  auto: "is used as its breaker says",
  drained: "gets no new payment; those that are unknown there are still resolved",
  forced: "is used whatever its breaker says",
};

export class Operator {
  readonly #options: PipelineOptions;
  readonly #books: Books;
  readonly #queue: PaymentQueue;
  readonly #resolver: Resolver;
  readonly #diary: Diary;
  /** Payments about which a decision is on its way to the disk, or a processor is asked. */
  readonly #deciding = new Set<number>();

  constructor(
    options: PipelineOptions,
    books: Books,
    queue: PaymentQueue,
    resolver: Resolver,
    diary: Diary,
  ) {
    this.#options = options;
    this.#books = books;
    this.#queue = queue;
    this.#resolver = resolver;
    this.#diary = diary;
  }

  async operate(command: OperatorCommand): Promise<OperatorAnswer> {
    if (command.kind === "processors") return { kind: "processors", processors: this.#lanes() };
    const answer = await (command.kind === "payment"
      ? this.#onPayment(command)
      : this.#onProcessor(command));
    const { action, grounds } = command;
    const about =
      command.kind === "payment"
        ? { correlationId: command.correlationId }
        : { processor: command.name };
    const moves = action !== "ask" && answer.kind === "done";
    this.#options.log[moves ? "warn" : "info"](
      { action, ...about, ...grounds, answer },
      "operator",
    );
    return answer;
  }

  async #onPayment(command: PaymentCommand): Promise<OperatorAnswer> {
    const payment = this.#books.find(command.seq);
    if (payment === undefined) return refused(refusalOfClosed(command.state));
    if (this.#deciding.has(payment.seq)) {
      return refused("Another decision about it is being carried out; try again in a moment.");
    }
    const refusal = refusalOf(command.action, this.#factsOf(payment));
    if (refusal !== null) return refused(refusal);
    this.#deciding.add(payment.seq);
    try {
      return await this.#decide(payment, command);
    } finally {
      this.#deciding.delete(payment.seq);
    }
  }

  #decide(payment: OpenPayment, command: PaymentCommand): Promise<OperatorAnswer> {
    const intervention = this.#interventionOf(command.action, command.grounds);
    switch (command.action) {
      case "ask":
        return this.#ask(payment, intervention);
      case "hold":
        return this.#hold(payment, intervention);
      case "release":
        return this.#release(payment, intervention);
      case "settle":
        return this.#settle(payment, intervention);
      case "absent":
        return this.#absent(payment, intervention);
    }
  }

  async #ask(payment: OpenPayment, intervention: Intervention): Promise<OperatorAnswer> {
    const { owner } = this.#factsOf(payment);
    const looked = await this.#resolver.ask(payment);
    await this.#asked(payment, intervention);
    switch (looked.kind) {
      case "settled":
        return done("settled", `${owner} has it: it is settled.`);
      case "conflict":
        return done("conflict", `${owner} has this id with another amount or time.`);
      case "no-information":
        return done(payment.state.kind, `${owner} gives no proof (${looked.reason}).`);
    }
  }

  /** Written behind what the look has led to, so that both are durable when it resolves. */
  #asked({ seq }: OpenPayment, intervention: Intervention): Promise<void> {
    return this.#durable({ kind: "ask", seq, intervention });
  }

  /** At once nothing more is sent; a call that is under way ends as it ends. */
  async #hold(payment: OpenPayment, intervention: Intervention): Promise<OperatorAnswer> {
    this.#queue.remove(payment);
    this.#resolver.remove(payment);
    this.#books.move(payment, { kind: "held", assignment: ownerOf(payment) });
    await this.#durable({ kind: "hold", seq: payment.seq, intervention });
    const { owner, calls } = this.#factsOf(payment);
    const ending = calls > 0 ? ` A call to ${owner} is under way and may still settle it.` : "";
    return done("held", `Nothing is sent for it until it is released.${ending}`);
  }

  /** Not before it is durable may anything be sent again. */
  async #release(payment: OpenPayment, intervention: Intervention): Promise<OperatorAnswer> {
    await this.#durable({ kind: "resume", seq: payment.seq, intervention });
    // A call that was under way may have settled it meanwhile.
    if (this.#books.find(payment.seq) === undefined) return done("ended", refusalOfClosed("held"));
    const assignment = ownerOf(payment);
    if (assignment === null) {
      this.#books.move(payment, { kind: "queued" });
      this.#queue.putBack(payment);
      return done("accepted", "It is in the queue again.");
    }
    this.#books.move(payment, { kind: "unknown", assignment });
    // A call under way brings it back by itself.
    if (payment.calls === 0) this.#resolver.add(payment);
    return done("unknown", `It is resolved at ${this.#factsOf(payment).owner} again.`);
  }

  async #settle(payment: OpenPayment, intervention: Intervention): Promise<OperatorAnswer> {
    const { owner } = this.#factsOf(payment);
    this.#resolver.remove(payment);
    await new Promise<void>((durable) => this.#books.settle(payment, intervention, durable));
    return done("settled", `It counts as charged by ${owner}, at the time it was sent with.`);
  }

  /** A second charge is what a mistake here would cost: the processor is asked once more before. */
  async #absent(payment: OpenPayment, intervention: Intervention): Promise<OperatorAnswer> {
    const { owner, configured } = this.#factsOf(payment);
    const looked = configured ? await this.#resolver.ask(payment) : null;
    // The evidence is older than the decision: nothing may leave while that is written down.
    this.#resolver.remove(payment);
    if (looked !== null) {
      await this.#asked(payment, { ...intervention, action: "ask" });
      if (looked.kind === "settled") return refused(`${owner} has it: it is settled instead.`);
      if (looked.kind === "conflict") return refused(refusalOfClosed("conflict"));
    }
    const { processor } = assignmentOf(payment);
    // The next assignment comes after this in the journal, whenever that is written.
    this.#books.move(payment, { kind: "queued" });
    this.#queue.putBack(payment);
    await this.#durable({ kind: "absent", seq: payment.seq, processor, intervention });
    return done("accepted", `It belongs to ${owner} no more, and is in the queue again.`);
  }

  async #onProcessor(command: ProcessorCommand): Promise<OperatorAnswer> {
    const { router, numbers, journal } = this.#options;
    const { action, name } = command;
    const lane = router.lanes.findIndex((one) => one.name === name);
    if (lane === -1) {
      const known = journal.head.processors.includes(name);
      return known
        ? refused(`${name} is not configured any more: it gets no payment.`)
        : { kind: "refused", status: 404, reason: `There is no processor ${name}.` };
    }
    if (action === "moved") return this.#moved(lane, command.grounds);
    const mode = MODE_AFTER[action];
    this.#diary.modeChanged(lane, router.lane(lane).mode, mode);
    router.lane(lane).mode = mode;
    const intervention = this.#interventionOf(action, command.grounds);
    await this.#durable({ kind: "mode", processor: numbers[lane] as number, mode, intervention });
    return done(mode, `${name} ${MODE_MEANS[mode]}.`);
  }

  /** Not before it is durable may anything be sent there. */
  async #moved(number: number, grounds: Grounds): Promise<OperatorAnswer> {
    const { router, numbers, urls } = this.#options;
    const lane = router.lane(number);
    const url = urls[number] as string;
    if (lane.movedFrom === null) {
      return refused(
        `${lane.name} is at ${url}, as the journal has it: there is nothing to confirm.`,
      );
    }
    const intervention = this.#interventionOf("moved", grounds);
    const processor = numbers[number] as number;
    await this.#durable({ kind: "address", processor, url, intervention });
    lane.movedFrom = null;
    return done(lane.mode, `${lane.name} is at ${url} now; its payments are resolved there.`);
  }

  #lanes(): ProcessorView[] {
    return this.#options.router.lanes.map((lane, number) => ({
      name: lane.name,
      fee: lane.fee,
      mode: lane.mode,
      breaker: lane.breaker.kind,
      inFlight: lane.inFlight,
      limit: Math.floor(lane.limit),
      latencyMs: lane.latencyMs,
      url: this.#options.urls[number] as string,
      movedFrom: lane.movedFrom,
    }));
  }

  #factsOf(payment: OpenPayment): Facts {
    const { clock, journal, numbers, router, processorTimeoutMs } = this.#options;
    const number = ownerOf(payment)?.processor ?? null;
    const lane = number === null ? -1 : numbers.indexOf(number);
    return {
      state: payment.state.kind,
      owner: number === null ? null : (journal.head.processors[number] as string),
      configured: lane !== -1,
      moved: lane !== -1 && router.lane(lane).movedFrom !== null,
      calls: payment.calls,
      quietMs: clock.steadyMs() - payment.attemptedAtMs,
      quietMsMin: 2 * processorTimeoutMs,
    };
  }

  #interventionOf(action: string, grounds: Grounds): Intervention {
    return { atMs: this.#options.clock.wallMs(), action, ...grounds };
  }

  #durable(transition: Transition): Promise<void> {
    return new Promise((durable) => this.#books.note(transition, durable));
  }
}

function done(state: string, detail: string): OperatorAnswer {
  return { kind: "done", state, detail };
}

function refused(reason: string): OperatorAnswer {
  return { kind: "refused", status: 409, reason };
}
