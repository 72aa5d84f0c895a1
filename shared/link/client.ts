/**
 * The API's end of the link, as a core. Payments of one event-loop turn travel in one frame; a frame is
 * sent again until every payment in it has its verdict or its time is up.
 *
 * Retransmission comes first after max(20 ms, 3 × smoothed round trip), then with full jitter below a
 * ceiling that grows by half each time up to 500 ms, by `tick` and never by a socket's `drain`. Flow is
 * limited by a window of unanswered frames, one more per window answered, halved on loss; payments beyond
 * it wait in a bounded line. A verdict counts when instance, incarnation, sequence and id all match;
 * anything else changes nothing.
 *
 * Incarnations have no order: the worker's answers tell which one is its newest. An incarnation takes the
 * place of the believed one when it answers a frame that was first sent while that one was believed; an
 * answer of an earlier one, however late it comes, was to a frame sent before. So a worker with any
 * number is believed within a second, and one that is gone is never believed again.
 *
 * Busy and elsewhere are certain of a frame that was sent once: the worker may have had room, or the shard,
 * when it read another copy. For the same reason a frame that is sent again has no payment in it any more
 * that was turned away.
 *
 * An id stands at most once in a frame, so that (sequence, id) names one payment even when two callers
 * post the same id with different amounts in the same turn. Nor does a frame mix payments of id and
 * amount alone with those that carry more: a worker of before takes the first ones alone.
 */
import { carriesMore, type Payment } from "../payment.ts";
import type { LinkTraffic, Verdict } from "../verdict.ts";
import {
  bytesOf,
  decodeVerdicts,
  encodePay,
  PAYMENT_BYTES_MAX,
  PAYMENTS_PER_FRAME_MAX,
  type AddressedVerdict,
  type Decoded,
  type DropReason,
  type Keyring,
  type VerdictFrame,
} from "./frame.ts";

const RETRY_FIRST_MS_MIN = 20;
const RETRY_MS_MAX = 500;
/** On a lossy link the second repetition decides the slowest percent: doubling would put it at 60 ms. */
const RETRY_GROWTH = 1.5;
export const LINK_CLIENT_DEFAULTS = {
  windowMin: 4,
  windowStart: 64,
  /** A 4 MiB receive buffer holds about 1800 full datagrams: room for three APIs at this window. */
  windowMax: 512,
  /** Payments that may wait for the window; beyond it the caller is told "busy" at once. */
  waitingMax: 16_384,
  /** Sequences begin anew after it. */
  sequenceMax: 0xffff_ffff,
};
export type LinkClientBounds = Readonly<typeof LINK_CLIENT_DEFAULTS>;
const BUSY_RETRY_MS = 1_000;
/**
 * An idle link probes the worker this often, so that readiness is known without payments: a little more often than
 * an idle worker has to wake by itself, so that each wakes for both.
 */
const PROBE_MS = 950;
/** Probes whose answer may still come; a datagram that is under way for longer comes too late. */
const PROBES_KEPT = 4;
const SILENCE_MS_MAX = 2_500;

type Done = (verdict: Verdict | null) => void;
type Entry = { readonly payment: Payment; readonly done: Done; readonly deadlineMs: number };
type Outstanding = {
  bytes: Buffer;
  /** Some of its payments were turned away, and are in `bytes`. */
  hasRefused: boolean;
  readonly entries: Map<string, Entry>;
  readonly firstSentAtMs: number;
  /** Incarnation of the worker that was believed when it was first sent. */
  readonly sentTo: number | null;
  /** The earliest deadline of its entries: those of one frame may have waited differently long. */
  deadlineMs: number;
  retryAtMs: number;
  retries: number;
};

type LinkClientStats = {
  framesSent: number;
  retransmissions: number;
  framesReceived: number;
  stale: number;
  timeouts: number;
  drops: Record<DropReason, number>;
};

/** Its bounds are smaller in tests, which go there. */
export type LinkClientOptions = Partial<LinkClientBounds> & {
  readonly keyring: Keyring;
  /** Random and new for every API process; below 2^48. */
  readonly instance: number;
  readonly ackTimeoutMs: number;
  readonly random: () => number;
  readonly transmit: (frame: Buffer) => void;
};

export class LinkClientCore {
  readonly stats: LinkClientStats = {
    framesSent: 0,
    retransmissions: 0,
    framesReceived: 0,
    stale: 0,
    timeouts: 0,
    drops: { length: 0, mac: 0, version: 0, kind: 0, payload: 0 },
  };
  readonly #options: LinkClientOptions & LinkClientBounds;
  readonly #outstanding = new Map<number, Outstanding>();
  #waiting: Entry[] = [];
  #nextSequence = 1;
  /** Incarnation of the worker that is believed; null before its first answer. */
  #incarnation: number | null = null;
  /** Sequences of the newest probes sent to it. */
  #probes: number[] = [];
  #window: number;
  #lossAtMs = 0;
  #roundTripMs = 0;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #probedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: LinkClientOptions) {
    this.#options = { ...LINK_CLIENT_DEFAULTS, ...options };
    this.#window = this.#options.windowStart;
  }

  get traffic(): LinkTraffic {
    const { framesSent, framesReceived, retransmissions, stale, drops } = this.stats;
    return { framesSent, framesReceived, retransmissions, drops: { ...drops, stale } };
  }

  /** True when nothing waits for `flush`, a verdict or a deadline. */
  get idle(): boolean {
    return this.#waiting.length === 0 && this.#outstanding.size === 0;
  }

  /** The instant from which `tick` has something to do, as things stand. */
  get nextTickAtMs(): number {
    let atMs = Math.max(this.#heardAtMs, this.#probedAtMs) + PROBE_MS;
    for (const { retryAtMs, deadlineMs } of this.#outstanding.values()) {
      atMs = Math.min(atMs, retryAtMs, deadlineMs);
    }
    return Math.min(atMs, this.#waiting[0]?.deadlineMs ?? atMs);
  }

  answering(nowMs: number): boolean {
    return nowMs - this.#heardAtMs < SILENCE_MS_MAX;
  }

  /** Takes a payment; `done` is called once, with its verdict or with null when its time is up. */
  pay(nowMs: number, payment: Payment, done: Done): void {
    if (this.#waiting.length >= this.#options.waitingMax) {
      done({ kind: "busy", retryAfterMs: BUSY_RETRY_MS });
      return;
    }
    this.#waiting.push({ payment, done, deadlineMs: nowMs + this.#options.ackTimeoutMs });
  }

  /** Sends what waits, as far as the window allows. Called at the end of an event-loop turn. */
  flush(nowMs: number): void {
    let taken = 0;
    while (taken < this.#waiting.length && this.#outstanding.size < Math.floor(this.#window)) {
      taken += this.#sendFrame(nowMs, taken);
    }
    if (taken > 0) this.#waiting.splice(0, taken);
  }

  receive(nowMs: number, bytes: Buffer): void {
    const decoded = this.#decode(bytes);
    if (!decoded.ok) {
      this.stats.drops[decoded.reason]++;
      return;
    }
    const { instance, verdicts } = decoded.frame;
    if (instance !== this.#options.instance || !this.#believes(nowMs, decoded.frame)) {
      this.stats.stale++;
      return;
    }
    this.#heardAtMs = nowMs;
    this.stats.framesReceived++;
    for (const addressed of verdicts) this.#settle(nowMs, addressed);
    this.flush(nowMs);
  }

  #decode(bytes: Buffer): Decoded<VerdictFrame> {
    const [newest, old] = this.#options.keyring;
    const decoded = decodeVerdicts(newest.verdict, bytes);
    if (decoded.ok || decoded.reason !== "mac" || old === undefined) return decoded;
    return decodeVerdicts(old.verdict, bytes);
  }

  #believes(nowMs: number, frame: VerdictFrame): boolean {
    if (frame.incarnation === this.#incarnation) return true;
    if (this.#incarnation !== null && !this.#isAnsweredSince(nowMs, frame)) return false;
    this.#incarnation = frame.incarnation;
    this.#probes = [];
    return true;
  }

  /** True when the frame answers something that was first sent to the worker that is believed. */
  #isAnsweredSince(nowMs: number, { sequence, verdicts }: VerdictFrame): boolean {
    if (verdicts.length > 0) {
      return verdicts.some((one) => {
        const frame = this.#outstanding.get(one.sequence);
        return frame?.sentTo === this.#incarnation && frame.entries.has(one.correlationId);
      });
    }
    // A worker of an earlier version answers probes by 0: it proves nothing, but nobody else is
    // there.
    return sequence === 0 ? !this.answering(nowMs) : this.#probes.includes(sequence);
  }

  /** Retransmits, gives up what is overdue, and probes an idle link. */
  tick(nowMs: number): void {
    for (const [sequence, frame] of this.#outstanding) {
      if (nowMs >= frame.deadlineMs) this.#expire(nowMs, sequence, frame);
      if (frame.entries.size > 0 && nowMs >= frame.retryAtMs) {
        this.#retransmit(nowMs, sequence, frame);
      }
    }
    this.#expireWaiting(nowMs);
    this.flush(nowMs);
    if (nowMs - Math.max(this.#heardAtMs, this.#probedAtMs) >= PROBE_MS) this.#probe(nowMs);
  }

  /** Answers everything that still waits with null: the process is going away. */
  close(): void {
    for (const frame of this.#outstanding.values()) {
      for (const entry of frame.entries.values()) entry.done(null);
    }
    for (const entry of this.#waiting) entry.done(null);
    this.#outstanding.clear();
    this.#waiting = [];
  }

  #sendFrame(nowMs: number, from: number): number {
    const entries = new Map<string, Entry>();
    let at = from;
    let deadlineMs = Number.POSITIVE_INFINITY;
    let bytesLeft = PAYMENT_BYTES_MAX;
    const isCarrying = carriesMore((this.#waiting[at] as Entry).payment);
    while (at < this.#waiting.length && entries.size < PAYMENTS_PER_FRAME_MAX) {
      const entry = this.#waiting[at] as Entry;
      bytesLeft -= bytesOf(entry.payment);
      const fits = bytesLeft >= 0 && carriesMore(entry.payment) === isCarrying;
      if (!fits || entries.has(entry.payment.correlationId)) break;
      entries.set(entry.payment.correlationId, entry);
      deadlineMs = Math.min(deadlineMs, entry.deadlineMs);
      at++;
    }
    const payments = Array.from(entries.values(), (entry) => entry.payment);
    const sequence = this.#takeSequence();
    const bytes = this.#encode(sequence, payments);
    this.#outstanding.set(sequence, {
      bytes,
      hasRefused: false,
      entries,
      firstSentAtMs: nowMs,
      sentTo: this.#incarnation,
      deadlineMs,
      retryAtMs: nowMs + this.#firstRetryMs(),
      retries: 0,
    });
    this.#transmit(bytes);
    return at - from;
  }

  /** Takes a sequence that nothing outstanding has: they begin anew at their end. */
  #takeSequence(): number {
    let sequence = this.#nextSequence;
    while (this.#outstanding.has(sequence)) sequence = this.#after(sequence);
    this.#nextSequence = this.#after(sequence);
    return sequence;
  }

  #after(sequence: number): number {
    return sequence >= this.#options.sequenceMax ? 1 : sequence + 1;
  }

  #encode(sequence: number, payments: readonly Payment[]): Buffer {
    const { instance } = this.#options;
    const head = { instance, incarnation: this.#incarnation ?? 0, sequence };
    return encodePay(this.#options.keyring[0].pay, head, payments);
  }

  #settle(nowMs: number, { sequence, correlationId, verdict }: AddressedVerdict): void {
    const frame = this.#outstanding.get(sequence);
    const entry = frame?.entries.get(correlationId);
    if (frame === undefined || entry === undefined) return;
    frame.entries.delete(correlationId);
    const isRefusal = verdict.kind === "busy" || verdict.kind === "elsewhere";
    frame.hasRefused ||= isRefusal;
    if (frame.entries.size === 0) {
      this.#outstanding.delete(sequence);
      this.#answered(nowMs, frame);
    }
    entry.done(isRefusal && frame.retries > 0 ? { ...verdict, mayBeStored: true } : verdict);
  }

  #answered(nowMs: number, frame: Outstanding): void {
    this.#window = Math.min(this.#options.windowMax, this.#window + 1 / this.#window);
    // Karn: a frame that was sent twice does not tell which sending was answered.
    if (frame.retries > 0) return;
    const sampleMs = nowMs - frame.firstSentAtMs;
    this.#roundTripMs += (sampleMs - this.#roundTripMs) / 8;
  }

  #firstRetryMs(): number {
    return Math.min(RETRY_MS_MAX, Math.max(RETRY_FIRST_MS_MIN, 3 * this.#roundTripMs));
  }

  #retransmit(nowMs: number, sequence: number, frame: Outstanding): void {
    if (frame.hasRefused) {
      const rest = Array.from(frame.entries.values(), ({ payment }) => payment);
      frame.bytes = this.#encode(sequence, rest);
      frame.hasRefused = false;
    }
    frame.retries++;
    const ceilingMs = Math.min(RETRY_MS_MAX, this.#firstRetryMs() * RETRY_GROWTH ** frame.retries);
    frame.retryAtMs = nowMs + Math.max(RETRY_FIRST_MS_MIN, this.#options.random() * ceilingMs);
    this.stats.retransmissions++;
    if (nowMs - this.#lossAtMs >= this.#firstRetryMs()) {
      this.#lossAtMs = nowMs;
      this.#window = Math.max(this.#options.windowMin, this.#window / 2);
    }
    this.#transmit(frame.bytes);
  }

  /** Gives up the entries whose time is up; the frame goes on for the others. */
  #expire(nowMs: number, sequence: number, frame: Outstanding): void {
    frame.deadlineMs = Number.POSITIVE_INFINITY;
    for (const [correlationId, entry] of frame.entries) {
      if (nowMs < entry.deadlineMs) {
        frame.deadlineMs = Math.min(frame.deadlineMs, entry.deadlineMs);
        continue;
      }
      frame.entries.delete(correlationId);
      this.#lossAtMs = nowMs;
      this.#giveUp(entry);
    }
    if (frame.entries.size === 0) this.#outstanding.delete(sequence);
  }

  #expireWaiting(nowMs: number): void {
    let expired = 0;
    while (expired < this.#waiting.length) {
      const entry = this.#waiting[expired] as Entry;
      if (nowMs < entry.deadlineMs) break;
      expired++;
    }
    for (const entry of this.#waiting.splice(0, expired)) this.#giveUp(entry);
  }

  #giveUp(entry: Entry): void {
    this.stats.timeouts++;
    entry.done(null);
  }

  /** A PAY frame without payments: the worker answers it with a VERDICT frame without verdicts. */
  #probe(nowMs: number): void {
    this.#probedAtMs = nowMs;
    const sequence = this.#takeSequence();
    this.#probes = [...this.#probes.slice(1 - PROBES_KEPT), sequence];
    this.#transmit(this.#encode(sequence, []));
  }

  #transmit(bytes: Buffer): void {
    this.stats.framesSent++;
    this.#options.transmit(bytes);
  }
}
