/**
 * The worker's end of the link, as a core: frames in, arrivals out; verdicts in, frames out.
 *
 * A frame whose payments are still being journaled is not processed again when it is repeated; one
 * that was answered before is, and the journal recognises its payments. So nothing has to be
 * remembered here beyond what is in hand, and a lost verdict costs one more look at the journal.
 *
 * A frame is answered with the secret that it was made with. So during a rotation a worker that has both
 * serves APIs that have the old one alone, and APIs that have the new one alone.
 */
import type { Payment } from "../payment.ts";
import type { Verdict } from "../verdict.ts";
import {
  claimedInstance,
  decodePay,
  ELSEWHERE_PER_FRAME_MAX,
  encodeElsewhere,
  encodeVerdicts,
  TRIAL_INSTANCE,
  VERDICTS_PER_FRAME_MAX,
  type CodedVerdict,
  type DropReason,
  type ElsewhereVerdict,
  type Keyring,
  type LinkKeys,
  type PayFrame,
} from "./frame.ts";

type Origin<Peer> = {
  readonly instance: number;
  readonly sequence: number;
  readonly peer: Peer;
  /** Keys that the frame was made with, and its answer is. */
  readonly keys: LinkKeys;
  unanswered: number;
};
/** A payment that came in, with what is needed to answer it. */
export type Arrival<Peer = unknown> = { readonly payment: Payment; readonly origin: Origin<Peer> };

type Outbox<Peer> = {
  peer: Peer;
  keys: LinkKeys;
  readonly verdicts: CodedVerdict[];
  readonly elsewhere: ElsewhereVerdict[];
};

export type LinkServerStats = {
  framesReceived: number;
  framesSent: number;
  /** Frames that were made with the old one of two secrets. */
  oldSecret: number;
  repeats: number;
  /** A trial is a frame with a wrong MAC of somebody who only tries its secret. */
  drops: Record<DropReason | "trial", number>;
};

export type LinkServerOptions<Peer> = {
  readonly keyring: Keyring;
  /** Random and new for every worker process; below 2^32. */
  readonly incarnation: number;
  readonly transmit: (frame: Buffer, peer: Peer) => void;
  readonly onArrivals: (arrivals: Arrival<Peer>[]) => void;
  /** A frame was made with none of these keys; it says that it is of this instance. */
  readonly onForged?: (peer: Peer, instance: number) => void;
};

export class LinkServerCore<Peer> {
  readonly stats: LinkServerStats = {
    framesReceived: 0,
    framesSent: 0,
    oldSecret: 0,
    repeats: 0,
    drops: { length: 0, mac: 0, trial: 0, version: 0, kind: 0, payload: 0 },
  };
  readonly #options: LinkServerOptions<Peer>;
  /** Sequences whose payments have no verdict yet, by instance. */
  readonly #inHand = new Map<number, Set<number>>();
  /** Verdicts of this turn, by instance. */
  readonly #outboxes = new Map<number, Outbox<Peer>>();

  constructor(options: LinkServerOptions<Peer>) {
    this.#options = options;
  }

  receive(bytes: Buffer, peer: Peer): void {
    const [newest, old] = this.#options.keyring;
    const decoded = decodePay(newest.pay, bytes);
    if (decoded.ok) return this.#take(decoded.frame, peer, newest);
    if (decoded.reason !== "mac" || old === undefined)
      return this.#drop(decoded.reason, bytes, peer);
    const again = decodePay(old.pay, bytes);
    if (!again.ok) return this.#drop(again.reason, bytes, peer);
    this.stats.oldSecret++;
    this.#take(again.frame, peer, old);
  }

  #drop(reason: DropReason, bytes: Buffer, peer: Peer): void {
    if (reason !== "mac") return void this.stats.drops[reason]++;
    const instance = claimedInstance(bytes);
    if (instance === TRIAL_INSTANCE) return void this.stats.drops.trial++;
    this.stats.drops.mac++;
    this.#options.onForged?.(peer, instance);
  }

  #take(frame: PayFrame, peer: Peer, keys: LinkKeys): void {
    this.stats.framesReceived++;
    if (frame.payments.length === 0) this.#answerProbe(frame, peer, keys);
    else if (this.#takeInHand(frame)) this.#arrive(frame, peer, keys);
    else this.stats.repeats++;
  }

  /** Queues the verdict of one arrival; `flush` sends what is queued. */
  answer(arrival: Arrival<Peer>, verdict: Verdict): void {
    const { origin, payment } = arrival;
    const { instance, sequence } = origin;
    let outbox = this.#outboxes.get(instance);
    if (outbox === undefined) {
      outbox = { peer: origin.peer, keys: origin.keys, verdicts: [], elsewhere: [] };
      this.#outboxes.set(instance, outbox);
    }
    outbox.peer = origin.peer;
    outbox.keys = origin.keys;
    const { correlationId } = payment;
    if (verdict.kind === "elsewhere") outbox.elsewhere.push({ sequence, correlationId, verdict });
    else outbox.verdicts.push({ sequence, correlationId, verdict });
    if (--origin.unanswered === 0) this.#letGo(instance, sequence);
  }

  flush(): void {
    for (const [instance, outbox] of this.#outboxes) this.#send(instance, outbox);
    this.#outboxes.clear();
  }

  /** Answers with the probe's sequence, which tells an API that the answer is new. */
  #answerProbe({ instance, sequence }: PayFrame, peer: Peer, keys: LinkKeys): void {
    const { incarnation } = this.#options;
    this.#transmit(encodeVerdicts(keys.verdict, { instance, incarnation, sequence }, []), peer);
  }

  #takeInHand({ instance, sequence }: PayFrame): boolean {
    let sequences = this.#inHand.get(instance);
    if (sequences === undefined) {
      sequences = new Set();
      this.#inHand.set(instance, sequences);
    }
    if (sequences.has(sequence)) return false;
    sequences.add(sequence);
    return true;
  }

  #letGo(instance: number, sequence: number): void {
    const sequences = this.#inHand.get(instance);
    sequences?.delete(sequence);
    if (sequences?.size === 0) this.#inHand.delete(instance);
  }

  #arrive(frame: PayFrame, peer: Peer, keys: LinkKeys): void {
    const { instance, sequence, payments } = frame;
    const origin = { instance, sequence, peer, keys, unanswered: payments.length };
    this.#options.onArrivals(payments.map((payment) => ({ payment, origin })));
  }

  #send(instance: number, { peer, keys, verdicts, elsewhere }: Outbox<Peer>): void {
    const { incarnation } = this.#options;
    const head = { instance, incarnation, sequence: 0 };
    for (let at = 0; at < verdicts.length; at += VERDICTS_PER_FRAME_MAX) {
      const some = verdicts.slice(at, at + VERDICTS_PER_FRAME_MAX);
      this.#transmit(encodeVerdicts(keys.verdict, head, some), peer);
    }
    for (let at = 0; at < elsewhere.length; at += ELSEWHERE_PER_FRAME_MAX) {
      const some = elsewhere.slice(at, at + ELSEWHERE_PER_FRAME_MAX);
      this.#transmit(encodeElsewhere(keys.verdict, head, some), peer);
    }
  }

  #transmit(frame: Buffer, peer: Peer): void {
    this.stats.framesSent++;
    this.#options.transmit(frame, peer);
  }
}
