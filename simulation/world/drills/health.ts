/**
 * Health readings, while nothing is sent:
 *
 *   R27  what health says is believed when no answer is younger, and an odd answer changes nothing
 */
import type { ProcessorModel } from "../../../simulator/processor.ts";
import type { Exchange } from "../../../worker/processor.ts";
import { pass, restart, type Drill } from "./drill.ts";
import { Violation } from "../violation.ts";

/** Two readings, whatever the processor's windows are. */
const READINGS_MS = 11_000;

/** Health calls that were given up have places in its line. */
export function forgetHealthCalls(model: ProcessorModel): void {
  model.setDown(true);
  model.setDown(false);
}

export function drillHealth(drill: Drill): void {
  const { world, isOver } = drill;
  const { models, wires, processors, gateway, drill: chance } = world;
  const check = (when: string) => {
    if (isOver()) return;
    for (const [place, { name }] of processors.entries()) {
      const { latencyMs, breaker } = gateway.parts!.pipeline.lanes.named(name)!;
      const { delayMs } = models[place]!;
      if (latencyMs === delayMs && breaker.kind === "closed") continue;
      throw new Violation(
        `R27: ${name} is ${breaker.kind} and ${latencyMs} ms are believed ${when}, of ${delayMs}`,
      );
    }
  };
  for (const model of models) {
    forgetHealthCalls(model);
    model.delayMs = chance.pick([1, 20, 300]);
  }
  restart(drill);
  pass(drill, READINGS_MS);
  check("after two readings");
  for (const wire of wires) wire.healthSays = chance.pick(ODD);
  pass(drill, READINGS_MS / 2);
  check("after an odd one");
  for (const wire of wires) wire.healthSays = null;
  for (const model of models) model.delayMs = 0;
}

type Reply = Awaited<ReturnType<Exchange>>;
const WHOLE = { status: 200, retryAfter: null, complete: true };
const ODD: readonly Reply[] = [
  { ...WHOLE, body: '{"failing":"true","minResponseTime":7}' },
  { ...WHOLE, body: '{"failing":1,"minResponseTime":7}' },
  { ...WHOLE, body: '{"failing":true}' },
  { ...WHOLE, body: '{"failing":true,"minResponseTime":"7"}' },
  { ...WHOLE, body: '{"failing":true,"minResponseTime":-7}' },
  { ...WHOLE, body: '{"failing":true,"minResponseTime":7}', complete: false },
  { ...WHOLE, status: 500, body: '{"failing":true,"minResponseTime":7}' },
  { ...WHOLE, status: 429, body: "" },
];
