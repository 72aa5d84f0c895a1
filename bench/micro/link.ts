/**
 * Times a frame of the link, written and read with its MAC, against JSON with the same MAC by
 * node:crypto; and the MAC alone. One payment is a quiet moment, a full frame is a busy one. Frames
 * are flat arrays: the other ways that msgpackr has of writing payments (a map each, or records,
 * whose keys are written once a message) stand beside them, with the same MAC and the same checks.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { Packr } from "msgpackr";
import { decodePay, encodePay, linkKeys, PAYMENTS_PER_FRAME_MAX } from "../../shared/link/frame.ts";
import { canonicalCorrelationId, type Payment } from "../../shared/payment.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { compare } from "../compare.ts";
import { uuidFrom, seededRandom } from "../../testing/random.ts";

export const name = "micro/link";

const BATCH = 64;
const MAC_BYTES = 16;
const HEAD = { instance: 281_474_976_710_000, incarnation: 1_700_000_000, sequence: 123_456 };
const KEY = linkKeys("benchmark").pay;
const MODES = [
  { mode: "maps", packr: new Packr({ useRecords: false }) },
  { mode: "records", packr: new Packr({ useRecords: true }) },
];

export function run(context: BenchContext): Row[] {
  return [...framesOf(context, 1), ...framesOf(context, PAYMENTS_PER_FRAME_MAX), macOf(context)];
}

function framesOf(context: BenchContext, count: number): Row[] {
  const payments = somePayments(count);
  const frame = encodePay(KEY, HEAD, payments);
  const json = encodeJson(payments);
  const checks = new Checks();
  checks.equal("a decoded frame", decodePay(KEY, frame), {
    ok: true,
    frame: { kind: "pay", ...HEAD, payments },
  });
  checks.equal("a decoded JSON frame", decodeJson(json), payments);
  frame[20]! ^= 1;
  checks.equal("a forged frame", decodePay(KEY, frame), { ok: false, reason: "mac" });
  frame[20]! ^= 1;
  const encoding = compare(context, {
    batch: BATCH,
    ours: times(() => encodePay(KEY, HEAD, payments)),
    naive: times(() => encodeJson(payments)),
  });
  const decoding = compare(context, {
    batch: BATCH,
    ours: times(() => decodePay(KEY, frame)),
    naive: times(() => decodeJson(json)),
  });
  const what = count === 1 ? "1 payment" : `${count} payments`;
  const sizes = `${frame.length} bytes against ${json.length}`;
  return [
    rowOf(`link: encode ${what}`, "ns", encoding, checks, `against JSON + HMAC; ${sizes}`),
    rowOf(
      `link: decode ${what}`,
      "ns",
      decoding,
      checks,
      "against HMAC + JSON.parse, ids and amounts checked alike",
    ),
    ...MODES.flatMap((mode) => otherWay(context, mode, what, payments)),
  ];
}

/** Compares ours with msgpackr in another of its modes. */
function otherWay(
  context: BenchContext,
  { mode, packr }: (typeof MODES)[number],
  what: string,
  payments: readonly Payment[],
): Row[] {
  const frame = encodePay(KEY, HEAD, payments);
  const other = encodeObjects(packr, payments);
  const checks = new Checks();
  checks.equal("payments decoded", decodeObjects(packr, other), payments);
  other[other.length - 1]! ^= 1;
  checks.equal("a forged message", decodeObjects(packr, other), null);
  other[other.length - 1]! ^= 1;
  const note = `${frame.length} bytes against ${other.length}`;
  const encoding = compare(context, {
    batch: BATCH,
    ours: times(() => encodePay(KEY, HEAD, payments)),
    naive: times(() => encodeObjects(packr, payments)),
  });
  const decoding = compare(context, {
    batch: BATCH,
    ours: times(() => decodePay(KEY, frame)),
    naive: times(() => decodeObjects(packr, other)),
  });
  return [
    rowOf(`link: encode ${what}, against ${mode}`, "ns", encoding, checks, note),
    rowOf(`link: decode ${what}, against ${mode}`, "ns", decoding, checks, note),
  ];
}

function encodeObjects(packr: Packr, payments: readonly Payment[]): Buffer {
  const packed = packr.pack({ ...HEAD, payments });
  return Buffer.concat([packed, sealOf(packed)]);
}

function decodeObjects(packr: Packr, bytes: Buffer): Payment[] | null {
  const packed = bytes.subarray(0, -MAC_BYTES);
  if (!timingSafeEqual(sealOf(packed), bytes.subarray(-MAC_BYTES))) return null;
  const { payments } = packr.unpack(packed) as { payments: Payment[] };
  return payments.every(isPayment) ? payments : null;
}

function sealOf(bytes: Buffer): Buffer {
  return new Bun.CryptoHasher("sha256", KEY).update(bytes).digest().subarray(0, MAC_BYTES);
}

function macOf(context: BenchContext): Row {
  const frame = encodePay(KEY, HEAD, somePayments(PAYMENTS_PER_FRAME_MAX));
  const sealed = frame.subarray(0, -MAC_BYTES);
  const ours = () => new Bun.CryptoHasher("sha256", KEY).update(sealed).digest();
  const naive = () => createHmac("sha256", KEY).update(sealed).digest();
  const checks = new Checks();
  checks.equal(
    "the MAC at a frame's end",
    frame.subarray(-MAC_BYTES),
    ours().subarray(0, MAC_BYTES),
  );
  checks.equal("the MAC of node:crypto", naive(), ours());
  const series = compare(context, { batch: BATCH, ours: times(ours), naive: times(naive) });
  return rowOf(
    "link: MAC of a full frame",
    "ns",
    series,
    checks,
    "against node:crypto's createHmac",
  );
}

function times(operation: () => unknown): () => unknown {
  return () => {
    let last: unknown;
    for (let i = 0; i < BATCH; i++) last = operation();
    return last;
  };
}

function encodeJson(payments: readonly Payment[]): Buffer {
  const text = Buffer.from(JSON.stringify({ ...HEAD, payments }));
  const mac = createHmac("sha256", KEY).update(text).digest().subarray(0, MAC_BYTES);
  return Buffer.concat([text, mac]);
}

function decodeJson(bytes: Buffer): Payment[] | null {
  const text = bytes.subarray(0, -MAC_BYTES);
  const mac = createHmac("sha256", KEY).update(text).digest().subarray(0, MAC_BYTES);
  if (!timingSafeEqual(mac, bytes.subarray(-MAC_BYTES))) return null;
  const { payments } = JSON.parse(text.toString()) as { payments: Payment[] };
  return payments.every(isPayment) ? payments : null;
}

function isPayment({ correlationId, amountCents }: Payment): boolean {
  return (
    canonicalCorrelationId(correlationId) === correlationId &&
    Number.isSafeInteger(amountCents) &&
    amountCents > 0
  );
}

function somePayments(count: number): Payment[] {
  const random = seededRandom(2);
  return Array.from({ length: count }, () => ({
    correlationId: uuidFrom(random),
    amountCents: 1 + Math.floor(random() * 1_000_000),
  }));
}
