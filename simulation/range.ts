/** Seeds that a command line asks for: one, a range, or so many that nobody has run. */
import { refuseArguments } from "../shared/arguments.ts";

export const RANGE_OPTIONS = {
  seed: { type: "string" },
  seeds: { type: "string" },
  fresh: { type: "string" },
} as const;

type Asked = { readonly [name in keyof typeof RANGE_OPTIONS]?: string | undefined };

/** Both ends are run. Ends the process when they, or the other numbers, are not whole and in order. */
export function rangeOf(usage: string, asked: Asked, others: readonly number[]) {
  const [from, to] = endsOf(asked);
  const isSound = [from, to, ...others].every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!isSound || from > to) refuseArguments(usage, "these are not whole numbers in order");
  return { from, to };
}

function endsOf({ seed, seeds, fresh }: Asked): [from: number, to: number] {
  if (seed !== undefined) return [Number(seed), Number(seed)];
  const [first = Number.NaN, last = Number.NaN] = seeds?.split("..").map(Number) ?? [];
  if (seeds !== undefined) return [first, last];
  const now = Math.floor(Date.now() / 1_000);
  return [now, now + Number(fresh) - 1];
}
