/** Collects bytes that come in pieces. Room doubles, so that each is copied twice however many come. */
const FIRST_BYTES = 4 * 1024;
const EMPTY = Buffer.alloc(0);

export class GrowingBytes {
  #room = EMPTY;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Valid until more is appended. */
  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#room.length) this.#grow(length);
    this.#room.set(piece, this.#length);
    this.#length = length;
  }

  #grow(needed: number): void {
    const room = Buffer.allocUnsafe(Math.max(FIRST_BYTES, 2 * this.#room.length, needed));
    room.set(this.bytes);
    this.#room = room;
  }
}
