/**
 * A payment's source is forgotten when the payment ends, and yet the same id with another source is a
 * conflict for ever. So sixteen bits of a hash stay: another source differs from them but for once in
 * 65 536 times, and so many others share them that no source follows from them, not even one of few, as
 * a telephone number is. While the source is there its print is the copy of it (copies.ts). The id is in the hash, so that the same source is not known again by it.
 */

/** Gives a whole number below 65 536. */
export function printOf(correlationId: string, source: string): number {
  const digest = new Bun.CryptoHasher("sha256").update(`${correlationId} ${source}`).digest();
  return digest.readUInt16BE(0);
}
