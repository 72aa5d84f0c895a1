/**
 * Reads and writes the link's datagrams as docs/PROTOCOL.md lays them out, apart from `shared/link/frame.ts`: what
 * both ends of ours get wrong in the same way is wrong on the wire.
 */
import { pack, unpack } from "msgpackr";

const HEAD_BYTES = 16;
const MAC_BYTES = 16;

export const KIND = { pay: 1, verdict: 2, carrying: 3, elsewhere: 4 } as const;
export type Direction = "pay" | "verdict";

export type Datagram = {
  readonly version: number;
  readonly kind: number;
  readonly instance: number;
  readonly incarnation: number;
  readonly sequence: number;
  readonly payload: unknown;
  /** Place of the secret that it is signed with, among those that were tried. */
  readonly secret: number;
};

const KEYS = new Map<string, Buffer>();

/** Gives the key of a direction, made from the secret. */
export function keyOf(secret: string, direction: Direction): Buffer {
  const name = `${direction} ${secret}`;
  let key = KEYS.get(name);
  if (key === undefined) {
    key = hmac(Buffer.from(secret), Buffer.from(`papa-leguas ${direction}`));
    KEYS.set(name, key);
  }
  return key;
}

/** Frames that were read, each with its key: most are met at both ends, and again. */
const READ = new WeakMap<Buffer, { readonly key: Buffer; readonly datagram: Datagram }>();

/** Gives null when it is signed with none of the keys. */
export function readDatagram(keys: readonly Buffer[], bytes: Buffer): Datagram | null {
  const before = READ.get(bytes);
  if (before !== undefined) {
    const secret = keys.indexOf(before.key);
    return secret === -1 ? null : { ...before.datagram, secret };
  }
  const end = bytes.length - MAC_BYTES;
  const secret = keys.findIndex((key) => macOf(key, bytes, end).equals(bytes.subarray(end)));
  if (secret === -1) return null;
  const datagram = {
    version: bytes[0]!,
    kind: bytes[1]!,
    instance: bytes.readUIntBE(2, 6),
    incarnation: bytes.readUInt32BE(8),
    sequence: bytes.readUInt32BE(12),
    payload: unpack(bytes.subarray(HEAD_BYTES, end)),
    secret,
  };
  READ.set(bytes, { key: keys[secret]!, datagram });
  return datagram;
}

/** `payload` is packed, unless it is bytes. */
export function writeDatagram(key: Buffer, datagram: Omit<Datagram, "secret">): Buffer {
  const { version, kind, instance, incarnation, sequence, payload } = datagram;
  const packed = Buffer.isBuffer(payload) ? payload : pack(payload);
  const end = HEAD_BYTES + packed.length;
  const bytes = Buffer.alloc(end + MAC_BYTES);
  bytes[0] = version;
  bytes[1] = kind;
  bytes.writeUIntBE(instance, 2, 6);
  bytes.writeUInt32BE(incarnation, 8);
  bytes.writeUInt32BE(sequence, 12);
  packed.copy(bytes, HEAD_BYTES);
  macOf(key, bytes, end).copy(bytes, end);
  return bytes;
}

function macOf(key: Buffer, bytes: Buffer, end: number): Buffer {
  return hmac(key, bytes.subarray(0, end)).subarray(0, MAC_BYTES);
}

function hmac(key: Buffer, bytes: Buffer): Buffer {
  return new Bun.CryptoHasher("sha256", key).update(bytes).digest();
}
