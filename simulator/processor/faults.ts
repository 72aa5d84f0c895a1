/**
 * Faults of a real processor: each has a probability, and one number drawn for a call decides which
 * of them, if any, happens to it.
 */
import { malformed, type Read } from "./intake.ts";

const PROBABILITIES = [
  "answerLost",
  "resetBefore",
  "errorWithInsert",
  "errorWithoutInsert",
  "truncated",
  "hang",
] as const;
const FLAGS = ["hangInserts", "hangAll"] as const;

export type Fault = (typeof PROBABILITIES)[number];
export type Faults = { readonly [P in Fault]: number } & {
  /** True when a call that is never answered is recorded. */
  readonly hangInserts: boolean;
  /** True when no call but those to /admin and /simulator is ever answered. */
  readonly hangAll: boolean;
};

export const NO_FAULTS: Faults = {
  answerLost: 0,
  resetBefore: 0,
  errorWithInsert: 0,
  errorWithoutInsert: 0,
  truncated: 0,
  hang: 0,
  hangInserts: false,
  hangAll: false,
};

/** Draws nothing when no fault has a chance, so that a quiet phase leaves a seed's sequence alone. */
export function drawFault(faults: Faults, random: () => number): Fault | null {
  if (sumOf(faults) === 0) return null;
  let left = random();
  for (const fault of PROBABILITIES) {
    left -= faults[fault];
    if (left < 0) return fault;
  }
  return null;
}

/** Faults left out are off: what is set is what the body says, whatever was set before. */
export function readFaults(body: Record<string, unknown>): Read<Faults> {
  const stray = Object.keys(body).find((name) => !(name in NO_FAULTS));
  if (stray !== undefined) return malformed(`${stray} is not a fault`);
  const faults = { ...NO_FAULTS, ...body } as Faults;
  const bad = PROBABILITIES.find((name) => !isProbability(faults[name]));
  if (bad !== undefined) return malformed(`${bad} is not a probability from 0 to 1`);
  const unclear = FLAGS.find((name) => typeof faults[name] !== "boolean");
  if (unclear !== undefined) return malformed(`${unclear} is not true or false`);
  // A sum of decimals such as 0.7 + 0.2 + 0.1 may come out a hair above 1.
  if (sumOf(faults) > 1 + 1e-9) return malformed("the probabilities sum to more than 1");
  return { ok: true, value: faults };
}

function isProbability(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= 1;
}

function sumOf(faults: Faults): number {
  return PROBABILITIES.reduce((sum, name) => sum + faults[name], 0);
}
