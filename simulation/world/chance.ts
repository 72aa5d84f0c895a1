import { integerFrom, pick, seededRandom } from "../../testing/random.ts";
import { uuidFromHex } from "../../worker/uuid.ts";

const DIGITS = "0123456789abcdef";

/** Chance from a seed: the same seed gives the same numbers, on every machine. */
export class Chance {
  /** Uniform in [0, 1). */
  readonly next: () => number;

  constructor(seed: number) {
    this.next = seededRandom(seed);
    for (let i = 0; i < 4; i++) this.next();
  }

  /** A whole number from `min` to `max`, both included. */
  between(min: number, max: number): number {
    return integerFrom(this.next, min, max);
  }

  /** True with this probability. */
  happens(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return pick(this.next, items);
  }

  /** A source of its own, so that what one part draws does not shift what another draws. */
  fork(): Chance {
    return new Chance(Math.floor(this.next() * 2 ** 32));
  }

  uuid(): string {
    let hex = "";
    for (let i = 0; i < 32; i++) hex += DIGITS[Math.floor(this.next() * 16)];
    return uuidFromHex(hex);
  }
}
