/**
 * A datagram of the link.
 *
 *   0 version │ 1 kind │ 2–7 instance │ 8–11 incarnation │ 12–15 sequence │ payload (msgpack) │ MAC (16)
 *
 * instance: a random number of one API process, so that a restarted API ignores its old verdicts.
 * incarnation: a random number of one worker process, and nothing more: it says "another", not "later".
 * sequence: the PAY frame's own; a VERDICT names the sequences it answers in its payload, and one without
 *           verdicts names here the PAY frame without payments that it answers.
 * payload:  PAY [id, cents, …]; CARRYING [id, cents, source or null, reference or null, …]; VERDICT
 *           [sequence, id, code, retryAfterMs, …]; ELSEWHERE [sequence, id, map's version, …]; flat arrays
 *           only.
 * MAC:      HMAC-SHA-256 over all before it, cut to 16 bytes, one key per direction.
 *
 * A PAY frame has payments of id and amount alone, and is what it was before there were others: CARRYING
 * is a PAY frame with them, which a worker of before drops, since it could not keep what they carry.
 * Likewise ELSEWHERE is a VERDICT frame of such verdicts alone: an API of before drops it and believes the
 * others, and would drop all of a frame that has a code which it does not know.
 *
 * Decoding checks length, then MAC, then the rest with bounds; it returns a frame or the reason why
 * not, and never throws.
 */
import { timingSafeEqual } from "node:crypto";
import { Packr } from "msgpackr";
import { AMOUNT_CENTS_MAX, DATAGRAM_BYTES_MAX } from "../limits.ts";
import {
  canonicalCorrelationId,
  carriesMore,
  isReference,
  isSource,
  paymentOf,
  type Payment,
} from "../payment.ts";
import type { Secrets } from "../settings.ts";
import type { Verdict } from "../verdict.ts";

const VERSION = 1;
const HEADER_BYTES = 16;
/** It has six bytes, after version and kind. */
const INSTANCE_AT = 2;
const MAC_BYTES = 16;
/** Payload of a probe and of its answer: an idle process, which has one a second, need not wake msgpackr for it. */
const NOTHING = Buffer.of(0x90);
const PAYLOAD_BYTES_MAX = DATAGRAM_BYTES_MAX - HEADER_BYTES - MAC_BYTES;
/** Most payments of a datagram: array head 3, id 38, amount 9 make it 24. */
export const PAYMENTS_PER_FRAME_MAX = Math.floor((PAYLOAD_BYTES_MAX - 3) / 47);
/** Bytes that payments of one datagram may take together, by `bytesOf`. */
export const PAYMENT_BYTES_MAX = PAYLOAD_BYTES_MAX - 3;
/** Most verdicts of a datagram: array head 3, sequence 5, id 38, code 1, delay 5 make it 23. */
export const VERDICTS_PER_FRAME_MAX = Math.floor((PAYLOAD_BYTES_MAX - 3) / 49);
/** Most verdicts *elsewhere* of a datagram: array head 3, sequence 5, id 38, version 9 make it 22. */
export const ELSEWHERE_PER_FRAME_MAX = Math.floor((PAYLOAD_BYTES_MAX - 3) / 52);

const KIND = { pay: 1, verdict: 2, carrying: 3, elsewhere: 4 } as const;
const PAYING: readonly number[] = [KIND.pay, KIND.carrying];
const ANSWERING: readonly number[] = [KIND.verdict, KIND.elsewhere];
const VERDICT_CODES = ["stored", "duplicate", "conflict", "busy", "invalid"] as const;

export type FrameHead = {
  readonly instance: number;
  readonly incarnation: number;
  readonly sequence: number;
};
/** Payments as they came over the link, whichever kind of frame they came in. */
export type PayFrame = FrameHead & { readonly kind: "pay"; readonly payments: Payment[] };
export type AddressedVerdict<V extends Verdict = Verdict> = {
  readonly sequence: number;
  readonly correlationId: string;
  readonly verdict: V;
};
type Elsewhere = Extract<Verdict, { kind: "elsewhere" }>;
export type CodedVerdict = AddressedVerdict<Exclude<Verdict, Elsewhere>>;
export type ElsewhereVerdict = AddressedVerdict<Elsewhere>;
export type VerdictFrame = FrameHead & {
  readonly kind: "verdict";
  readonly verdicts: AddressedVerdict[];
};
export type DropReason = "length" | "mac" | "version" | "kind" | "payload";
export type Decoded<F> = { ok: true; frame: F } | { ok: false; reason: DropReason };

/**
 * The instance of whoever only tries its secret, and is no API: a worker that does not take the frame
 * counts it apart, and complains of nobody.
 */
export const TRIAL_INSTANCE = 0;

export type LinkKeys = { readonly pay: Buffer; readonly verdict: Buffer };

/** A key per direction from one secret: a captured PAY cannot come back as a VERDICT. */
export function linkKeys(secret: string | null): LinkKeys {
  const derive = (direction: string) =>
    Buffer.from(
      new Bun.CryptoHasher("sha256", secret ?? "").update(`papa-leguas ${direction}`).digest(),
    );
  return { pay: derive("pay"), verdict: derive("verdict") };
}

/** Frames are made with the first keys and taken with either: a secret that is rotated has two. */
export type Keyring = readonly [newest: LinkKeys, ...old: LinkKeys[]];

export function keyringOf(secrets: Secrets | null): Keyring {
  if (secrets === null) return [linkKeys(null)];
  const [newest, ...old] = secrets;
  return [linkKeys(newest), ...old.map(linkKeys)];
}

const packr = new Packr({ useRecords: false });

export function encodePay(key: Buffer, head: FrameHead, payments: readonly Payment[]): Buffer {
  if (payments.some(carriesMore)) return encodeCarrying(key, head, payments);
  const flat: (string | number)[] = [];
  for (const payment of payments) flat.push(payment.correlationId, payment.amountCents);
  return seal(key, KIND.pay, head, flat);
}

function encodeCarrying(key: Buffer, head: FrameHead, payments: readonly Payment[]): Buffer {
  const flat = payments.flatMap(({ correlationId, amountCents, source, reference }) => {
    return [correlationId, amountCents, source ?? null, reference ?? null];
  });
  return seal(key, KIND.carrying, head, flat);
}

/** Most bytes that a payment takes in a frame: id 38, amount 9, and a head of 3 for what it carries. */
export function bytesOf(payment: Payment): number {
  if (!carriesMore(payment)) return 47;
  const { source = "", reference = "" } = payment;
  return 53 + Buffer.byteLength(source) + Buffer.byteLength(reference);
}

export function encodeVerdicts(
  key: Buffer,
  head: FrameHead,
  verdicts: readonly CodedVerdict[],
): Buffer {
  const flat: (string | number)[] = [];
  for (const { sequence, correlationId, verdict } of verdicts) {
    const retryAfterMs = verdict.kind === "busy" ? Math.round(verdict.retryAfterMs) : 0;
    flat.push(sequence, correlationId, VERDICT_CODES.indexOf(verdict.kind), retryAfterMs);
  }
  return seal(key, KIND.verdict, head, flat);
}

export function encodeElsewhere(
  key: Buffer,
  head: FrameHead,
  verdicts: readonly ElsewhereVerdict[],
): Buffer {
  const flat = verdicts.flatMap(({ sequence, correlationId, verdict }) => {
    return [sequence, correlationId, verdict.mapVersion];
  });
  return seal(key, KIND.elsewhere, head, flat);
}

export function decodePay(key: Buffer, bytes: Buffer): Decoded<PayFrame> {
  const opened = open(key, PAYING, bytes);
  if (!opened.ok) return opened;
  const { head, flat } = opened;
  if (opened.kind === KIND.carrying) return decodeCarrying(head, flat);
  if (flat.length % 2 !== 0 || flat.length > 2 * PAYMENTS_PER_FRAME_MAX) return drop("payload");
  const payments: Payment[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const correlationId = canonicalCorrelationId(flat[i]);
    const amountCents = flat[i + 1];
    if (correlationId === null || !isAmount(amountCents)) return drop("payload");
    payments.push({ correlationId, amountCents });
  }
  return { ok: true, frame: { kind: "pay", ...head, payments } };
}

function decodeCarrying(head: FrameHead, flat: unknown[]): Decoded<PayFrame> {
  if (flat.length % 4 !== 0 || flat.length > 4 * PAYMENTS_PER_FRAME_MAX) return drop("payload");
  const payments: Payment[] = [];
  for (let i = 0; i < flat.length; i += 4) {
    const correlationId = canonicalCorrelationId(flat[i]);
    const amountCents = flat[i + 1];
    const source = flat[i + 2];
    const reference = flat[i + 3];
    if (correlationId === null || !isAmount(amountCents)) return drop("payload");
    if (source !== null && !isSource(source)) return drop("payload");
    if (reference !== null && !isReference(reference)) return drop("payload");
    payments.push(paymentOf(correlationId, amountCents, source, reference));
  }
  return { ok: true, frame: { kind: "pay", ...head, payments } };
}

export function decodeVerdicts(key: Buffer, bytes: Buffer): Decoded<VerdictFrame> {
  const opened = open(key, ANSWERING, bytes);
  if (!opened.ok) return opened;
  const { head, flat } = opened;
  if (opened.kind === KIND.elsewhere) return decodeElsewhere(head, flat);
  if (flat.length % 4 !== 0 || flat.length > 4 * VERDICTS_PER_FRAME_MAX) return drop("payload");
  const verdicts: AddressedVerdict[] = [];
  for (let i = 0; i < flat.length; i += 4) {
    const sequence = flat[i];
    const correlationId = flat[i + 1];
    const verdict = verdictFromCode(flat[i + 2], flat[i + 3]);
    if (!isInteger(sequence) || typeof correlationId !== "string" || verdict === null) {
      return drop("payload");
    }
    verdicts.push({ sequence, correlationId, verdict });
  }
  return { ok: true, frame: { kind: "verdict", ...head, verdicts } };
}

function decodeElsewhere(head: FrameHead, flat: unknown[]): Decoded<VerdictFrame> {
  if (flat.length % 3 !== 0 || flat.length > 3 * ELSEWHERE_PER_FRAME_MAX) return drop("payload");
  const verdicts: AddressedVerdict[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    const sequence = flat[i];
    const correlationId = flat[i + 1];
    const mapVersion = flat[i + 2];
    if (!isInteger(sequence) || typeof correlationId !== "string" || !isInteger(mapVersion)) {
      return drop("payload");
    }
    verdicts.push({ sequence, correlationId, verdict: { kind: "elsewhere", mapVersion } });
  }
  return { ok: true, frame: { kind: "verdict", ...head, verdicts } };
}

function verdictFromCode(code: unknown, retryAfterMs: unknown): CodedVerdict["verdict"] | null {
  const kind = typeof code === "number" ? VERDICT_CODES[code] : undefined;
  if (kind === undefined || !isInteger(retryAfterMs)) return null;
  return kind === "busy" ? { kind, retryAfterMs } : { kind };
}

function seal(key: Buffer, kind: number, head: FrameHead, flat: unknown[]): Buffer {
  const payload = flat.length === 0 ? NOTHING : packr.pack(flat);
  const end = HEADER_BYTES + payload.length;
  const bytes = Buffer.allocUnsafe(end + MAC_BYTES);
  bytes[0] = VERSION;
  bytes[1] = kind;
  bytes.writeUIntBE(head.instance, INSTANCE_AT, 6);
  bytes.writeUInt32BE(head.incarnation, 8);
  bytes.writeUInt32BE(head.sequence, 12);
  payload.copy(bytes, HEADER_BYTES);
  mac(key, bytes, end).copy(bytes, end);
  if (bytes.length > DATAGRAM_BYTES_MAX) throw new Error(`frame of ${bytes.length} bytes`);
  return bytes;
}

type Opened =
  { ok: true; kind: number; head: FrameHead; flat: unknown[] } | { ok: false; reason: DropReason };

function open(key: Buffer, kinds: readonly number[], bytes: Buffer): Opened {
  if (bytes.length <= HEADER_BYTES + MAC_BYTES || bytes.length > DATAGRAM_BYTES_MAX) {
    return drop("length");
  }
  const end = bytes.length - MAC_BYTES;
  const expected = mac(key, bytes, end);
  if (!timingSafeEqual(expected, bytes.subarray(end))) return drop("mac");
  if (bytes[0] !== VERSION) return drop("version");
  const kind = bytes[1] as number;
  if (!kinds.includes(kind)) return drop("kind");
  const isNothing = end === HEADER_BYTES + NOTHING.length && bytes[HEADER_BYTES] === NOTHING[0];
  const flat = isNothing ? [] : unpackArray(bytes, HEADER_BYTES, end);
  if (flat === null) return drop("payload");
  const head = {
    instance: claimedInstance(bytes),
    incarnation: bytes.readUInt32BE(8),
    sequence: bytes.readUInt32BE(12),
  };
  return { ok: true, kind, head, flat };
}

/** The instance that a frame says it is of, whoever made it: to be believed when its MAC is right. */
export function claimedInstance(bytes: Buffer): number {
  return bytes.readUIntBE(INSTANCE_AT, 6);
}

function unpackArray(bytes: Buffer, start: number, end: number): unknown[] | null {
  try {
    const value: unknown = packr.unpack(bytes, { start, end });
    return Array.isArray(value) ? value : null;
  } catch {
    return null; // It is not msgpack: the caller drops and counts the frame.
  }
}

/** Bun wants room for the longest digest that it has. */
const DIGEST = Buffer.alloc(64);
const MAC = DIGEST.subarray(0, MAC_BYTES);

/** Gives the MAC of the first bytes up to `end`, which stands until the next one is made. */
function mac(key: Buffer, bytes: Buffer, end: number): Buffer {
  new Bun.CryptoHasher("sha256", key).update(bytes.subarray(0, end)).digest(DIGEST);
  return MAC;
}

function drop(reason: DropReason): { ok: false; reason: DropReason } {
  return { ok: false, reason };
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isAmount(value: unknown): value is number {
  return isInteger(value) && value > 0 && value <= AMOUNT_CENTS_MAX;
}
