/**
 * Listens at an API's end of the link for one life of it, and counts beside its client:
 *
 *   R16  frames are laid out as docs/PROTOCOL.md says; each has what waits, the oldest first, is sent again within
 *        the promised times without what was turned away, and by no more than the window; a payment has one
 *        verdict, which its worker has said, or none when its time is up; an idle link probes once a second
 */
import type { LinkClientBounds, LinkClientCore } from "../../../shared/link/client.ts";
import { carriesMore, type Payment } from "../../../shared/payment.ts";
import type { Secrets } from "../../../shared/settings.ts";
import type { Verdict } from "../../../shared/verdict.ts";
import type { Time } from "../time.ts";
import { Violation } from "../violation.ts";
import { KIND, keyOf, readDatagram, type Datagram } from "./datagram.ts";
import { verdictsIn } from "./verdicts.ts";

const DATAGRAM_BYTES_MAX = 1_200;
const PAYMENTS_MAX = 24;
/** A frame of so many bytes has room for any other payment. */
const ROOMY_BYTES = 600;
const RETRY_MS = { first: 20, most: 500, growth: 1.5 };
/** No frame is sent so often within the longest time that a payment waits, but for a client that does not wait. */
const SENDS_MAX = 40;
const PROBE_MS = 950;
const SILENCE_MS = 2_500;
/** The sum of decimals is not exact. */
const ROUNDING_MS = 1e-6;

type Asked = {
  readonly payment: Payment;
  readonly atMs: number;
  readonly awakeAtMs: number;
  isOver: boolean;
};
type Sent = {
  bytes: Buffer;
  /** Payments of the frame, by id. */
  readonly asked: ReadonlyMap<string, Asked>;
  readonly firstAtMs: number;
  atMs: number;
  awakeAtMs: number;
  sends: number;
  /** Some were turned away since it was sent. */
  hasRefused: boolean;
};

export type ApiTapOptions = {
  readonly time: Time;
  readonly instance: number;
  /** The newest first, as the API has them. */
  readonly secrets: Secrets;
  readonly ackTimeoutMs: number;
  readonly bounds: LinkClientBounds;
  /** Longest time between two ticks of the client: while it waits for something, and while it does not. */
  readonly tickMs: { readonly busy: number; readonly idle: number };
};

export class ApiTap {
  /** Frames that were not believed, by reason. */
  readonly drops = { length: 0, mac: 0, version: 0, kind: 0, payload: 0, stale: 0 };
  readonly #options: ApiTapOptions;
  readonly #signing: readonly Buffer[];
  readonly #believing: readonly Buffer[];
  readonly #waiting: Asked[] = [];
  /** Frames of which some payment has no verdict, by sequence. */
  readonly #open = new Map<number, Sent>();
  readonly #sequences = new Set<number>();
  #incarnation = 0;
  #heardAtMs = Number.NEGATIVE_INFINITY;
  #probedAtMs = Number.NEGATIVE_INFINITY;
  /** When something was heard or asked last, or it began. */
  #awakeAtMs: number;
  #roundTripMsMax = 0;
  #answered = 0;
  #losses = 0;
  /** The frame that is being received, and what its payments have to be told. */
  #arriving: Datagram | null = null;
  readonly #expected = new Map<Asked, Verdict>();
  #told = 0;
  /** Counts what the client has sent again, probed, and given up. */
  #deeds = 0;
  /** Cause of which nothing may come, while there is one. */
  #ignored: string | null = null;

  constructor(options: ApiTapOptions) {
    this.#options = options;
    this.#signing = [keyOf(options.secrets[0], "pay")];
    this.#believing = options.secrets.map((secret) => keyOf(secret, "verdict"));
    this.#awakeAtMs = this.#awakeMs;
  }

  /** Instants of a machine that never sleeps: what is late because everything slept is not late by them. */
  get #awakeMs(): number {
    return this.#options.time.nowMs - this.#options.time.pausedMs;
  }

  /** Sequence and payment of something that waits for its verdict; null when nothing does. */
  get someOpen(): { readonly sequence: number; readonly payment: Payment } | null {
    for (const [sequence, { asked }] of this.#open) {
      for (const { payment, isOver } of asked.values()) if (!isOver) return { sequence, payment };
    }
    return null;
  }

  get instance(): number {
    return this.#options.instance;
  }
  get secrets(): Secrets {
    return this.#options.secrets;
  }
  get incarnation(): number {
    return this.#incarnation;
  }

  asks(payment: Payment): Asked {
    const asked = { payment, atMs: this.#options.time.nowMs, awakeAtMs: this.#awakeMs };
    const { waitingMax } = this.#options.bounds;
    const one = { ...asked, isOver: false };
    if (this.#waiting.length < waitingMax) this.#waiting.push(one);
    return one;
  }

  /** The client tells what became of a payment. */
  tells(asked: Asked, verdict: Verdict | null): void {
    const { correlationId } = asked.payment;
    const problem = (what: string) => fail(`${correlationId} ${what}`);
    if (this.#ignored !== null) problem(`is answered by ${this.#ignored}`);
    if (asked.isOver) problem("is answered twice");
    asked.isOver = true;
    const waitedMs = this.#options.time.nowMs - asked.atMs;
    const { ackTimeoutMs, tickMs } = this.#options;
    const place = this.#waiting.indexOf(asked);
    const [sequence, sent] = this.#frameOf(asked) ?? [];
    const expected = this.#expected.get(asked);
    if (expected !== undefined) {
      this.#expected.delete(asked);
      this.#told++;
      if (!Bun.deepEquals(verdict, expected))
        problem(`is told ${JSON.stringify(verdict)}, and not ${JSON.stringify(expected)}`);
      if (expected.kind === "busy" || expected.kind === "elsewhere") sent!.hasRefused = true;
    } else if (verdict === null) {
      this.#deeds++;
      this.#losses++;
      if (waitedMs < ackTimeoutMs - ROUNDING_MS) problem(`is given up after ${waitedMs} ms`);
      if (place !== -1) this.#waiting.splice(place, 1);
    } else if (verdict.kind !== "busy" || place !== -1 || sent !== undefined) {
      problem(`is told ${verdict.kind}, which nobody has said`);
    }
    const lateMs = this.#awakeMs - asked.awakeAtMs - ackTimeoutMs;
    if (lateMs > tickMs.idle + tickMs.busy) problem(`is answered ${lateMs} ms too late`);
    if (sequence !== undefined) this.#closeIfOver(sequence, sent!, verdict !== null);
  }

  #frameOf(asked: Asked): [number, Sent] | undefined {
    const { correlationId } = asked.payment;
    for (const [sequence, sent] of this.#open) {
      if (sent.asked.get(correlationId) === asked) return [sequence, sent];
    }
    return undefined;
  }

  #closeIfOver(sequence: number, sent: Sent, isAnswered: boolean): void {
    for (const { isOver } of sent.asked.values()) if (!isOver) return;
    this.#open.delete(sequence);
    this.#checkGap(sequence, sent);
    if (!isAnswered) return;
    this.#answered++;
    if (sent.sends > 1) return;
    const roundTripMs = this.#options.time.nowMs - sent.firstAtMs;
    this.#roundTripMsMax = Math.max(this.#roundTripMsMax, roundTripMs);
  }

  /** No frame that waits for something is silent for longer than promised. */
  #checkGap(sequence: number, { awakeAtMs, sends }: Sent): void {
    const { tickMs } = this.#options;
    const firstMs = Math.max(RETRY_MS.first, 3 * this.#roundTripMsMax);
    const ceilingMs = Math.min(RETRY_MS.most, firstMs * RETRY_MS.growth ** (sends - 1));
    const lateMs = this.#awakeMs - awakeAtMs - ceilingMs - tickMs.busy;
    if (lateMs > (sends === 1 ? tickMs.idle : 0) + ROUNDING_MS)
      fail(`frame ${sequence} is not sent again for ${lateMs} ms more than promised`);
  }

  sends(bytes: Buffer): void {
    if (this.#ignored !== null) fail(`a frame is sent because of ${this.#ignored}`);
    const frame = readDatagram(this.#signing, bytes);
    if (frame === null) return fail("a frame of an API is not signed with its newest secret");
    const { sequence, version, instance } = frame;
    const isOurs = version === 1 && instance === this.#options.instance && sequence > 0;
    if (!isOurs || bytes.length > DATAGRAM_BYTES_MAX || !Array.isArray(frame.payload))
      return fail(`an API sends ${JSON.stringify(frame)} of ${bytes.length} bytes`);
    const known = this.#open.get(sequence);
    if (known !== undefined) return this.#sendsAgain(frame, bytes, known);
    if (this.#sequences.has(sequence)) fail(`${sequence} is the sequence of two frames`);
    this.#sequences.add(sequence);
    if (frame.incarnation !== (this.#arriving?.incarnation ?? this.#incarnation))
      fail(`frame ${sequence} is to ${frame.incarnation}, and not ${this.#incarnation}`);
    if (frame.payload.length === 0) this.#probes(frame);
    else this.#sendsNew(frame, bytes);
  }

  #probes({ kind }: Datagram): void {
    const { time, tickMs } = this.#options;
    const sinceMs = time.nowMs - Math.max(this.#heardAtMs, this.#probedAtMs);
    if (kind !== KIND.pay || sinceMs < PROBE_MS - ROUNDING_MS)
      fail(`a probe of kind ${kind} is sent ${sinceMs} ms after a sign of life`);
    this.#probedAtMs = time.nowMs;
    this.#deeds++;
    this.#checkProbed(tickMs.idle);
    this.#awakeAtMs = this.#awakeMs;
  }

  #checkProbed(lateMsMax: number): void {
    const silentMs = this.#awakeMs - this.#awakeAtMs;
    if (silentMs > PROBE_MS + lateMsMax + ROUNDING_MS)
      fail(`a link is silent for ${silentMs} ms, and does not probe`);
  }

  #sendsNew({ sequence, kind, payload }: Datagram, bytes: Buffer): void {
    const { time, bounds } = this.#options;
    const isCarrying = kind === KIND.carrying;
    const flat = payload as unknown[];
    const count = flat.length / (isCarrying ? 4 : 2);
    const taken = this.#waiting.splice(0, count);
    const asked = new Map(taken.map((one) => [one.payment.correlationId, one]));
    const isRight =
      (isCarrying || kind === KIND.pay) &&
      count <= PAYMENTS_MAX &&
      asked.size === count &&
      taken.every(({ payment, isOver }) => carriesMore(payment) === isCarrying && !isOver) &&
      Bun.deepEquals(flat, flatOf(taken, isCarrying));
    if (!isRight) fail(`frame ${sequence} has ${JSON.stringify(flat)}, which nobody waits for`);
    const { nowMs } = time;
    const when = { firstAtMs: nowMs, atMs: nowMs, awakeAtMs: this.#awakeMs };
    this.#open.set(sequence, { ...when, bytes, asked, sends: 1, hasRefused: false });
    const next = this.#waiting[0]?.payment;
    const hasRoom = count < PAYMENTS_MAX && bytes.length <= ROOMY_BYTES && next !== undefined;
    if (hasRoom && carriesMore(next) === isCarrying && !asked.has(next.correlationId))
      fail(`frame ${sequence} leaves ${next.correlationId} to the next`);
    const { windowMin, windowStart, windowMax } = bounds;
    const first = this.#losses === 0 ? windowStart : Math.max(windowStart, windowMin);
    const most = this.#answered === 0 ? first : Math.max(windowMin, windowMax);
    if (this.#open.size > Math.min(most, first + this.#answered))
      fail(`${this.#open.size} frames are unanswered`);
  }

  #sendsAgain({ sequence, payload, incarnation }: Datagram, bytes: Buffer, sent: Sent): void {
    this.#deeds++;
    const sinceMs = this.#options.time.nowMs - sent.atMs;
    if (sinceMs < RETRY_MS.first - ROUNDING_MS)
      fail(`frame ${sequence} is sent again after ${sinceMs} ms`);
    this.#checkGap(sequence, sent);
    if (++sent.sends > SENDS_MAX) fail(`frame ${sequence} is sent ${sent.sends} times`);
    this.#losses++;
    if (sent.hasRefused) {
      const rest = [...sent.asked.values()].filter(({ isOver }) => !isOver);
      const isCarrying = carriesMore(rest[0]!.payment);
      if (!Bun.deepEquals(payload, flatOf(rest, isCarrying)) || incarnation !== this.#incarnation)
        fail(`frame ${sequence} is sent again with ${JSON.stringify(payload)}`);
    } else if (!bytes.equals(sent.bytes)) {
      fail(`frame ${sequence} is another one when it is sent again`);
    }
    const { nowMs } = this.#options.time;
    Object.assign(sent, { bytes, hasRefused: false, atMs: nowMs, awakeAtMs: this.#awakeMs });
  }

  /** A frame arrives, and the client has not seen it yet. */
  arrives(bytes: Buffer): void {
    this.#told = 0;
    this.#expected.clear();
    const frame = readDatagram(this.#believing, bytes);
    this.#arriving = frame;
    if (frame?.instance !== this.#options.instance) return;
    for (const { sequence, correlationId, verdict } of verdictsIn(frame)) {
      const sent = this.#open.get(sequence);
      const asked = sent?.asked.get(correlationId);
      if (asked === undefined || asked.isOver || this.#expected.has(asked)) continue;
      const isRefusal = verdict.kind === "busy" || verdict.kind === "elsewhere";
      const isUnsure = isRefusal && sent!.sends > 1;
      this.#expected.set(asked, isUnsure ? { ...verdict, mayBeStored: true } : verdict);
    }
  }

  /** The client has seen it. */
  arrived(isBelieved: boolean): void {
    const frame = this.#arriving;
    if (frame === null) this.drops.mac++;
    else if (!isBelieved) this.drops.stale++;
    const isOurs = frame?.instance === this.#options.instance;
    if (isBelieved && !isOurs) fail("a frame is believed that is not for this API");
    if (!isBelieved && this.#told > 0) fail("a frame tells something, and is not believed");
    if (!isBelieved && isOurs && frame.incarnation === this.#incarnation)
      fail("a frame of the worker that is believed is not");
    const untold = this.#expected.size;
    this.#arriving = null;
    this.#expected.clear();
    if (!isBelieved) return;
    if (untold > 0) fail(`${untold} verdicts are not told`);
    this.#incarnation = frame!.incarnation;
    this.#heardAtMs = this.#options.time.nowMs;
    this.#awakeAtMs = this.#awakeMs;
  }

  /** Expects that nothing comes of it. */
  ignores(what: string, happen: () => void): void {
    this.#ignored = what;
    happen();
    this.#ignored = null;
  }

  /** Compares what the client counts with what it was sent. */
  checkDrops({ drops, stale }: LinkClientCore["stats"]): void {
    const { stale: seen, ...dropped } = this.drops;
    if (stale !== seen || !Bun.deepEquals(drops, dropped))
      fail(
        `an API counts ${JSON.stringify({ ...drops, stale })}, and not ${JSON.stringify(this.drops)}`,
      );
  }

  /** A tick does what is due, all of which is said beforehand; what waits for room may go at any time. */
  ticks(core: LinkClientCore, tick: () => void): void {
    const { nowMs } = this.#options.time;
    const dueInMs = core.nextTickAtMs - nowMs;
    const before = this.#deeds;
    tick();
    if (dueInMs > ROUNDING_MS && this.#deeds > before) fail("a tick does what was not due");
    const isLeft = core.nextTickAtMs - nowMs === dueInMs && this.#deeds === before;
    if (dueInMs < -ROUNDING_MS && isLeft) fail("a tick leaves what was due");
    const isAnswered = nowMs - this.#heardAtMs < SILENCE_MS;
    if (core.answering(nowMs) !== isAnswered) fail("the worker's silence is told wrongly");
    this.checkWindow();
  }

  /** Nothing waits that the window has room for; called when the client has sent what it wants to. */
  checkWindow(): void {
    const { windowMin, windowStart, windowMax } = this.#options.bounds;
    const started = Math.min(windowStart, windowMax);
    const least = this.#losses === 0 ? started : Math.min(started, windowMin);
    if (this.#waiting.length > 0 && this.#open.size < least)
      fail(`${this.#waiting.length} payments wait, and ${this.#open.size} frames are unanswered`);
    this.#checkProbed(this.#options.tickMs.idle);
  }
}

function flatOf(asked: readonly Asked[], isCarrying: boolean): unknown[] {
  return asked.flatMap(({ payment: { correlationId, amountCents, source, reference } }) =>
    isCarrying
      ? [correlationId, amountCents, source ?? null, reference ?? null]
      : [correlationId, amountCents],
  );
}

function fail(what: string): void {
  throw new Violation(`R16: ${what}`);
}
