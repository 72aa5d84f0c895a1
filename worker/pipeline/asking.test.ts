/** When the core asks; what follows from answers is in `worker/pipeline/caution.test.ts`. */
import { expect, test } from "bun:test";
import { shareOf } from "../../shared/tariff.ts";
import { Lane } from "../lane.ts";
import { queuedPayment } from "../payment.fixture.ts";
import { Asking, ASKING_DEFAULTS, type Question } from "./asking.ts";
import { NOTHING, ScriptedProcessor, UNASKED } from "./scripted.fixture.ts";
import { idOf } from "./world.fixture.ts";

function laneAt(number: number): Lane {
  const client = new ScriptedProcessor(number);
  const name = `p${number}`;
  return new Lane(0, {
    name,
    fee: shareOf(0.05),
    inFlightMax: 64,
    number,
    url: `http://${name}`,
    client,
  });
}

const payment = (seq: number) => queuedPayment(seq, { correlationId: idOf(seq) });

const asking = (notBeforeMs = 0) => new Asking([laneAt(0)], () => 1, notBeforeMs);
const due = (core: Asking, nowMs: number): Question[] => [...core.due(nowMs)];

test("with nobody to ask there is no next time", () => {
  expect(asking().nextTickAtMs).toBe(Number.POSITIVE_INFINITY);
});

test("a payment is asked for at once, and nobody before the time that was given", () => {
  const core = asking(500);
  core.add(payment(1));
  expect(core.nextTickAtMs).toBe(500);
  expect(due(core, 499)).toHaveLength(0);
  expect(due(core, 500)).toHaveLength(1);
  // The answer is awaited.
  expect(core.nextTickAtMs).toBe(Number.POSITIVE_INFINITY);
});

test.each([1, 2])("%d that nothing has proven absent are asked for again", (count) => {
  const core = asking();
  for (let seq = 1; seq <= count; seq++) core.add(payment(seq));
  for (const question of due(core, 0)) expect(core.answered(0, question, NOTHING)).toEqual([]);
  expect(core.nextTickAtMs).toBeLessThanOrEqual(ASKING_DEFAULTS.backoffMsMax);
  expect(due(core, ASKING_DEFAULTS.backoffMsMax - 1)).toHaveLength(0);
  expect(due(core, ASKING_DEFAULTS.backoffMsMax)).toHaveLength(count);
});

test("one that gives no answer is asked again after a rest that doubles, for one payment at a time", () => {
  const core = asking();
  for (let seq = 1; seq <= 3; seq++) core.add(payment(seq));
  const [first, ...others] = due(core, 0);
  core.answered(0, first!, UNASKED);
  expect(core.nextTickAtMs).toBe(ASKING_DEFAULTS.backoffMsFirst);
  for (const question of others) core.answered(1, question, UNASKED);
  // Calls that were under way already say nothing new.
  expect(core.nextTickAtMs).toBe(ASKING_DEFAULTS.backoffMsFirst);
  expect(due(core, 249)).toHaveLength(0);
  const [again, ...none] = due(core, 250);
  expect(none).toEqual([]);
  core.answered(250, again!, UNASKED);
  expect(core.nextTickAtMs).toBe(250 + 2 * ASKING_DEFAULTS.backoffMsFirst);
});

test("no more are under way than a processor may be asked for at a time", () => {
  const core = asking();
  for (let seq = 1; seq <= ASKING_DEFAULTS.inFlightMax + 5; seq++) core.add(payment(seq));
  expect(due(core, 0)).toHaveLength(ASKING_DEFAULTS.inFlightMax);
  expect(due(core, 0)).toHaveLength(0);
});
