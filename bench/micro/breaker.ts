/**
 * Times admitting a payment and recording its answer, against a breaker that slides its window exactly:
 * it keeps the time of every answer of the last five seconds. Ours keeps counts, and starts them anew.
 */
import { Breaker } from "../../worker/router/breaker.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { compare } from "../compare.ts";

export const name = "micro/breaker";

const BATCH = 256;
/** Time between answers, at 1 000 a second. */
const STEP_MS = 1;
const WINDOW_MS = 5_000;

export function run(context: BenchContext): Row[] {
  const checks = new Checks();
  checkFailures(checks);
  const breaker = new Breaker(0);
  const twin = new SlidingBreaker(WINDOW_MS);
  let nowMs = 0;
  let twinNowMs = 0;
  const ours = () => {
    for (let i = 0; i < BATCH; i++) {
      nowMs += STEP_MS;
      if (breaker.admits) breaker.record(nowMs, breaker.admit(nowMs), "success", "");
    }
  };
  const naive = () => {
    for (let i = 0; i < BATCH; i++) {
      twinNowMs += STEP_MS;
      if (twin.admits) twin.record(twinNowMs, true);
    }
  };
  const series = compare(context, { batch: BATCH, ours, naive });
  checks.equal("the state after successes", breaker.state.kind, "closed");
  checks.equal("the twin's state after successes", twin.admits, true);
  const note = "against an exact sliding window of 5 s, 1 000 answers a second";
  return [rowOf("breaker: admit + record", "ns", series, checks, note)];
}

/** Asserts that both trip at the fifth failure in a row, and not before. */
function checkFailures(checks: Checks): void {
  const breaker = new Breaker(0);
  const twin = new SlidingBreaker(WINDOW_MS);
  for (let failure = 1; failure <= 5; failure++) {
    breaker.record(failure, breaker.admit(failure), "failure", "");
    twin.record(failure, false);
    checks.equal(`${failure} failures`, breaker.admits, failure < 5);
    checks.equal(`${failure} failures, the twin`, twin.admits, failure < 5);
  }
}

class SlidingBreaker {
  admits = true;
  readonly #windowMs: number;
  readonly #answers: { readonly atMs: number; readonly ok: boolean }[] = [];
  #failures = 0;
  #failuresInARow = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  record(nowMs: number, ok: boolean): void {
    this.#answers.push({ atMs: nowMs, ok });
    if (!ok) this.#failures++;
    this.#failuresInARow = ok ? 0 : this.#failuresInARow + 1;
    while (this.#answers[0]!.atMs <= nowMs - this.#windowMs) {
      if (!this.#answers.shift()!.ok) this.#failures--;
    }
    const samples = this.#answers.length;
    if (this.#failuresInARow >= 5) this.admits = false;
    if (samples >= 20 && this.#failures / samples >= 0.5) this.admits = false;
  }
}
