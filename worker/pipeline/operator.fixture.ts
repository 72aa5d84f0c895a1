/** An operator at the real pipeline, between processors that answer when a test says so. */
import { expect } from "bun:test";
import type { OperatorAnswer, PaymentAction, ProcessorAction } from "../intervention.ts";
import type { PaymentState } from "../transitions.ts";
import { Bench, UNKNOWN } from "./scripted.fixture.ts";
import { idOf } from "./world.fixture.ts";

export const GROUNDS = { who: "ana", why: "ticket 7", evidence: "mail of the processor" };
export const TIMEOUT_MS = 1_000;
export const TWICE_MS = 2 * TIMEOUT_MS;

/** Resolved when the journal has been given the time to write. */
export async function operate(
  bench: Bench,
  action: PaymentAction,
  n: number,
  state: PaymentState = "unknown",
  unasked = false,
): Promise<OperatorAnswer> {
  const seq = seqOf(n);
  const command = { kind: "payment", action, seq, correlationId: idOf(n), state, unasked } as const;
  const answer = bench.pipeline.operate({ ...command, grounds: GROUNDS });
  await bench.commit();
  return answer;
}

/** The pipeline numbers payments in the order in which they come. */
export const seqOf = (n: number) => n;

export async function setMode(bench: Bench, action: ProcessorAction, name = "default") {
  const answer = bench.pipeline.operate({ kind: "processor", action, name, grounds: GROUNDS });
  await bench.commit();
  return answer;
}

export const reasonOf = (answer: OperatorAnswer) =>
  answer.kind === "refused" ? answer.reason : answer;
export const stateOf = (answer: OperatorAnswer) => (answer.kind === "done" ? answer.state : answer);

/** A payment that its processor has not answered about, and that waits to be looked up. */
export async function unknownAt(bench: Bench, n = 1): Promise<void> {
  const charge = await bench.send(n);
  await charge.answer(UNKNOWN);
  await bench.commit();
}

export async function heldAt(bench: Bench, n = 1): Promise<void> {
  await unknownAt(bench, n);
  expect(stateOf(await operate(bench, "hold", n))).toBe("held");
}

export const benchOf = () => new Bench({ processorTimeoutMs: TIMEOUT_MS, settledBefore: true });
