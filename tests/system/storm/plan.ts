/** Draws what the shops of a storm will do from its seed, before it begins. */
import { integerFrom, uuidFrom } from "../../../testing/random.ts";

export type Submission = {
  /** Milliseconds since the beginning of the load. */
  readonly atMs: number;
  readonly correlationId: string;
  readonly amountCents: number;
};

/** Share of all payments that are sent again, with the same amount or with another one. */
const REPEATED_SHARE = 0.05;
const CONFLICTING_SHARE = 0.01;
/** Half of the repeats follow at once, while the first is on its way; the others within this time. */
const LATER_MS_MAX = 10_000;

export function planSubmissions(
  random: () => number,
  payments: number,
  durationMs: number,
  amountCentsMax: number,
): Submission[] {
  const submissions: Submission[] = [];
  for (let i = 0; i < payments; i++) {
    const atMs = (i / payments) * durationMs;
    const correlationId = uuidFrom(random);
    const amountCents = drawAmount(random, amountCentsMax);
    submissions.push({ atMs, correlationId, amountCents });
    const drawn = random();
    if (drawn >= REPEATED_SHARE + CONFLICTING_SHARE) continue;
    const later = random() * Math.min(LATER_MS_MAX, durationMs - atMs);
    const againAtMs = random() < 0.5 ? atMs : atMs + later;
    const isConflict = drawn < CONFLICTING_SHARE;
    const again = isConflict ? anotherAmount(random, amountCents, amountCentsMax) : amountCents;
    submissions.push({ atMs: againAtMs, correlationId, amountCents: again });
  }
  return submissions.sort((a, b) => a.atMs - b.atMs);
}

/** Draws every order of magnitude as often as any other, and the ends now and then. */
function drawAmount(random: () => number, max: number): number {
  const kind = random();
  if (kind < 0.01) return 1;
  if (kind < 0.02) return max;
  return Math.max(1, Math.round(Math.exp(random() * Math.log(max))));
}

function anotherAmount(random: () => number, amountCents: number, max: number): number {
  const near = amountCents + (amountCents < max ? 1 : -1);
  const other = random() < 0.5 ? near : integerFrom(random, 1, max);
  return other === amountCents ? near : other;
}
