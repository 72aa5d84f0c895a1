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
import type { Clock } from "../../shared/clock.ts";
import type { Incidents } from "../../shared/incidents.ts";
import type { Log } from "../../shared/log.ts";
import { factorOf } from "../../shared/tariff.ts";
import type { Journal } from "../journal.ts";
import type { Lane, Lanes } from "../lane.ts";
import { ownerOf, type Move, type OpenPayment } from "../payment.ts";
import type { Intervention, ProcessorMode, Transition } from "../transitions.ts";
import { confirmAddress } from "./addresses.ts";
import type { Caution } from "./caution.ts";
import type { Looked } from "./charge.ts";
import type { OpenPayments } from "./open-payments.ts";
import {
  isSentAgain,
  refusalOf,
  refusalOfAbsence,
  refusalOfClosed,
  type Facts,
} from "./operator-rules.ts";
import type { MaySend } from "./resolver.ts";

type PaymentCommand = Extract<OperatorCommand, { kind: "payment" }>;
type ProcessorCommand = Extract<OperatorCommand, { kind: "processor" }>;

const MODE_MEANS: Record<ProcessorMode, string> = {
  auto: "is used as its breaker says",
  drained: "gets no new payment; those that are unknown there are still resolved",
  forced: "is used whatever its breaker says",
};

export type OperatorOptions = {
  readonly clock: Clock;
  readonly log: Log;
  readonly incidents: Pick<Incidents, "end">;
  readonly journal: Journal;
  readonly lanes: Lanes;
  readonly payments: OpenPayments;
  /** A processor has a mode from now on. */
  readonly setMode: (lane: Lane, mode: ProcessorMode) => void;
  readonly processorTimeoutMs: number;
  /** From now on nothing is sent for a payment. */
  readonly withdraw: (payment: OpenPayment) => void;
  /** It waits for a processor if it belongs to nobody; if not, it is resolved at its own again. */
  readonly goOn: (payment: OpenPayment) => void;
  readonly maySend: MaySend;
  /** Its processor is asked now; all of them, while it is held back. */
  readonly ask: (payment: OpenPayment) => Promise<Looked>;
  /** Holds payments back, on a journal that was restored from a copy; null on any other. */
  readonly caution: () => Pick<Caution, "holdsBack" | "clear" | "quietInMs"> | null;
  /** Ends that; gives the number of payments that it held back. */
  readonly trust: () => number;
};

export class Operator {
  readonly #options: OperatorOptions;
  /** Payments about which a decision is on its way to the disk, or a processor is asked. */
  readonly #deciding = new Set<number>();

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  async operate(command: OperatorCommand): Promise<OperatorAnswer> {
    if (command.kind === "processors") return { kind: "processors", processors: this.#lanes() };
    const { action, grounds } = command;
    const answer = await this.#carryOut(command);
    const about =
      command.kind === "payment"
        ? { correlationId: command.correlationId }
        : command.kind === "processor" && { processor: command.name };
    const moves = action !== "ask" && answer.kind === "done";
    this.#options.log[moves ? "warn" : "info"](
      { action, ...about, ...grounds, answer },
      "operator",
    );
    return answer;
  }

  #carryOut(command: Exclude<OperatorCommand, { kind: "processors" }>): Promise<OperatorAnswer> {
    switch (command.kind) {
      case "payment":
        return this.#onPayment(command);
      case "processor":
        return this.#onProcessor(command);
      case "journal":
        return this.#trust(command.grounds);
    }
  }

  async #onPayment(command: PaymentCommand): Promise<OperatorAnswer> {
    const payment = this.#options.payments.find(command.seq);
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
        return this.#absent(payment, intervention, command.unasked === true);
    }
  }

  async #ask(payment: OpenPayment, intervention: Intervention): Promise<OperatorAnswer> {
    const owner = whoOf(this.#factsOf(payment));
    const looked = await this.#options.ask(payment);
    await this.#asked(payment, intervention);
    switch (looked.kind) {
      case "settled":
        return done("settled", `${owner} has it: it is settled.`);
      case "conflict":
        return done("conflict", `${owner} has this id with another amount or time.`);
      case "nothing":
      case "unasked":
      case "unclear":
        return done(payment.state.kind, `${owner} gives no proof (${looked.reason}).`);
    }
  }

  /** Written behind what the look has led to, so that both are durable when it resolves. */
  #asked({ seq }: OpenPayment, intervention: Intervention): Promise<void> {
    return this.#durable({ kind: "ask", seq, intervention });
  }

  /** At once nothing more is sent; a call that is under way ends as it ends. */
  async #hold(payment: OpenPayment, intervention: Intervention): Promise<OperatorAnswer> {
    this.#options.withdraw(payment);
    await this.#committed(payment, { kind: "hold", seq: payment.seq, intervention });
    const { owner, calls } = this.#factsOf(payment);
    const ending = calls > 0 ? ` A call to ${owner} is under way and may still settle it.` : "";
    return done("held", `Nothing is sent for it until it is released.${ending}`);
  }

  /** Not before it is durable may anything be sent again. */
  async #release(payment: OpenPayment, intervention: Intervention): Promise<OperatorAnswer> {
    const { payments, goOn } = this.#options;
    await this.#committed(payment, { kind: "resume", seq: payment.seq, intervention });
    // A call that was under way may have settled it meanwhile.
    if (payments.find(payment.seq) === undefined) return done("ended", refusalOfClosed("held"));
    if (ownerOf(payment) === null) {
      goOn(payment);
      return done("accepted", "It is in the queue again.");
    }
    // A call under way brings it back by itself.
    if (payment.calls === 0) goOn(payment);
    return done("unknown", `It is resolved at ${this.#factsOf(payment).owner} again.`);
  }

  async #settle(payment: OpenPayment, intervention: Intervention): Promise<OperatorAnswer> {
    const { owner } = this.#factsOf(payment);
    const { payments, withdraw } = this.#options;
    withdraw(payment);
    await new Promise((durable) => payments.settle(payment, intervention, durable));
    return done("settled", `It counts as charged by ${owner}, at the time it was sent with.`);
  }

  /** A second charge is what a mistake here would cost: the processor is asked once more before. */
  async #absent(
    payment: OpenPayment,
    intervention: Intervention,
    unasked: boolean,
  ): Promise<OperatorAnswer> {
    const { ask, withdraw } = this.#options;
    const facts = this.#factsOf(payment);
    const isAsked = facts.configured || facts.heldBack;
    const looked = withOwner(facts, isAsked ? await ask(payment) : NOT_CONFIGURED);
    const owner = whoOf(facts);
    const isAgain = isSentAgain(facts);
    const claimed = facts.claimed && !isAgain;
    const refusal = refusalOfAbsence(looked, { ...facts, owner, claimed }, unasked);
    // The evidence is older than the decision: nothing may leave while that is written down.
    if (refusal === null) withdraw(payment);
    if (isAsked) await this.#asked(payment, { ...intervention, action: "ask" });
    if (refusal !== null) return refused(refusal);
    const notAsked =
      looked.kind === "unasked" ? `${owner} could not be asked (${looked.reason}).` : null;
    const said = notAsked === null ? "" : ` ${notAsked}`;
    if (isAgain) {
      await this.#letThrough(payment, noting(intervention, notAsked));
      return done("unknown", `It is sent to ${facts.owner} again, which has answered 422.${said}`);
    }
    await this.#free(payment, noting(intervention, notAsked));
    if (facts.owner === null) return done("accepted", `It may be charged now.${said}`);
    return done(
      "accepted",
      `It belongs to ${facts.owner} no more, is not held, and is in the queue again.${said}`,
    );
  }

  /** It belongs to nobody; resolves when that is durable. */
  #free(payment: OpenPayment, intervention: Intervention): Promise<unknown> {
    const owner = ownerOf(payment);
    if (owner === null) return this.#letThrough(payment, intervention);
    this.#options.caution()?.clear(payment);
    const { processor } = owner;
    const absent = { kind: "absent", seq: payment.seq, processor, intervention } as const;
    payment.isClaimed = false;
    const durable = this.#committed(payment, absent);
    // The next assignment comes after this in the journal, whenever that is written.
    this.#options.goOn(payment);
    return durable;
  }

  /** A payment that was held back, held or not, goes on: in the queue, or at the processor that it belongs to. */
  async #letThrough(payment: OpenPayment, intervention: Intervention): Promise<void> {
    const { seq, state } = payment;
    this.#options.caution()?.clear(payment);
    if (state.kind === "held")
      await this.#committed(payment, { kind: "resume", seq, intervention });
    else await this.#asked(payment, intervention);
    this.#options.goOn(payment);
  }

  /** Not before it is durable may anything be sent that was held back. */
  async #trust(grounds: Grounds): Promise<OperatorAnswer> {
    const { caution, trust } = this.#options;
    const doubting = caution();
    if (doubting === null) {
      return refused("This journal was not restored from a copy, or is trusted already.");
    }
    const waitMs = doubting.quietInMs;
    if (waitMs > 0) {
      return refused(
        "A call that the last worker had under way may still be charged, and no payment has been asked " +
          `for yet: wait another ${Math.ceil(waitMs / 1_000)} s.`,
      );
    }
    await this.#durable({ kind: "trust", intervention: this.#interventionOf("trust", grounds) });
    const whose =
      this.#options.journal.shared === undefined
        ? "payments go on"
        : "payments of this worker go on, and those of the others within a second";
    return done("trusted", `Nothing is asked for first any more; ${trust()} ${whose}.`);
  }

  async #onProcessor(command: ProcessorCommand): Promise<OperatorAnswer> {
    const { lanes, journal, setMode } = this.#options;
    const { action, name } = command;
    const lane = lanes.named(name);
    if (lane === null) {
      const known = journal.head.processors.includes(name);
      return known
        ? refused(`${name} is not configured any more: it gets no payment.`)
        : { kind: "refused", status: 404, reason: `There is no processor ${name}.` };
    }
    if (action === "moved") return this.#moved(lane, command.grounds);
    const mode = MODE_AFTER[action];
    setMode(lane, mode);
    const intervention = this.#interventionOf(action, command.grounds);
    await this.#durable({ kind: "mode", processor: lane.number, mode, intervention });
    return done(mode, `${name} ${MODE_MEANS[mode]}.`);
  }

  /** Not before it is durable may anything be sent there. */
  async #moved(lane: Lane, grounds: Grounds): Promise<OperatorAnswer> {
    const { name, number: processor, url } = lane;
    if (lane.movedFrom === null) {
      return refused(`${name} is at ${url}, as the journal has it: there is nothing to confirm.`);
    }
    const holder = this.#options.lanes.holderOf(lane);
    if (holder !== null) {
      return refused(
        `${name} is configured with the address that the journal has for ${holder}: this looks like ` +
          "two addresses exchanged in PROCESSORS; start with the old ones.",
      );
    }
    const intervention = this.#interventionOf("moved", grounds);
    await this.#durable({ kind: "address", processor, url, intervention });
    confirmAddress(lane, this.#options.incidents);
    return done(lane.mode, `${name} is at ${url} now; its payments are resolved there.`);
  }

  #lanes(): ProcessorView[] {
    return this.#options.lanes.all.map((lane) => ({
      name: lane.name,
      fee: factorOf(lane.fee),
      tariff: lane.fee,
      mode: lane.mode,
      breaker: lane.breaker.kind,
      inFlight: lane.inFlight,
      limit: Math.floor(lane.limit),
      latencyMs: lane.latencyMs,
      url: lane.url,
      movedFrom: lane.movedFrom,
      lacks: lane.client.lacks,
    }));
  }

  #factsOf(payment: OpenPayment): Facts {
    const { clock, journal, lanes, processorTimeoutMs, maySend } = this.#options;
    const number = ownerOf(payment)?.processor ?? null;
    const lane = lanes.of(payment);
    return {
      state: payment.state.kind,
      owner: number === null ? null : (journal.head.processors[number] as string),
      configured: lane !== null,
      moved: lane !== null && lane.movedFrom !== null,
      claimed: payment.isClaimed,
      outlived: lane !== null && !maySend(payment, lane),
      calls: payment.calls,
      quietMs: clock.steadyMs() - payment.quietSinceMs,
      quietMsMin: 2 * processorTimeoutMs,
      heldBack: this.#options.caution()?.holdsBack(payment) === true,
    };
  }

  #interventionOf(action: string, grounds: Grounds): Intervention {
    return { atMs: this.#options.clock.wallMs(), action, ...grounds };
  }

  #committed(payment: OpenPayment, move: Move): Promise<unknown> {
    return new Promise((durable) => this.#options.payments.commit(payment, move, durable));
  }

  /** Writes down a decision that moves no payment. */
  #durable(transition: Transition): Promise<void> {
    return new Promise((durable) => {
      this.#options.journal.append(transition, (result) => {
        if (result?.kind !== "done") throw new Error(`${transition.kind}: ${result?.kind}`);
        durable();
      });
    });
  }
}

/** Names in a sentence who has answered about a payment. */
function whoOf({ owner, heldBack }: Facts): string {
  return heldBack || owner === null ? "a processor" : owner;
}

const NOT_CONFIGURED = { kind: "unasked", reason: "it is not configured" } as const;

/** Nothing at all others says nothing of the one that the payment belongs to, and that was not asked. */
function withOwner({ owner, configured, heldBack }: Facts, looked: Looked): Looked {
  if (!heldBack || configured || owner === null || looked.kind !== "nothing") return looked;
  return { kind: "unasked", reason: `${owner}: ${NOT_CONFIGURED.reason}; ${looked.reason}` };
}

/** A decision with what it was made without. */
function noting(intervention: Intervention, note: string | null): Intervention {
  const { evidence } = intervention;
  return note === null ? intervention : { ...intervention, evidence: `${evidence} – ${note}` };
}

function done(state: string, detail: string): OperatorAnswer {
  return { kind: "done", state, detail };
}

function refused(reason: string): OperatorAnswer {
  return { kind: "refused", status: 409, reason };
}
