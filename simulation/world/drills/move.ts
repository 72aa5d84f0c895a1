/**
 * A start behind a purge, with other fees, and a processor that has moved while a payment is open there:
 *
 *   R23  nothing is sent to the new address before an operator has confirmed it, which is said; then it is,
 *        durably, and the payment is resolved there
 *
 * What each payment costs is judged at the end of the run, as ever.
 */
import { NO_FAULTS } from "../../../simulator/processor/faults.ts";
import { answerTo } from "../alarms.ts";
import { decideOn, pass, post, restart, stateOf, type Drill } from "./drill.ts";
import { drawTariff } from "../tariffs.ts";
import { Violation } from "../violation.ts";

const SENT_MS = 150;
const COMMITTED_MS = 1_200;
const HOUR_MS = 3_600_000;
/** Amounts of which many fees end in half a cent. */
const AMOUNTS = [10, 30, 50, 70, 100, 300, 500, 700];
const GROUNDS = { who: "somebody", why: "a drill", evidence: "its people say so" };

export function drillMove(drill: Drill): void {
  const { world } = drill;
  const { drill: chance, plan, models, disk, processors, gateway, time } = world;
  for (const model of models) model.faults = { ...NO_FAULTS, resetBefore: 1 };
  const open = post(drill, 100);
  pass(drill, SENT_MS);
  const isInDoubt = stateOf(drill, open) === "unknown";
  if (isInDoubt) decideOn(drill, "hold", open);
  for (const model of models) model.faults = NO_FAULTS;
  // Newer payments than that one are settled, and forgotten.
  for (let i = 0; i < 3; i++) post(drill, chance.pick(AMOUNTS));
  pass(drill, COMMITTED_MS);
  // Settled payments of a journal that was lost are known to the world by numbers alone.
  if (plan.restores === 0 && chance.happens(0.5)) {
    void gateway.purge();
    pass(drill, COMMITTED_MS);
  }
  if (chance.happens(0.5)) time.wallOffsetMs -= HOUR_MS;
  const at = processors.findIndex(({ url }) => url === disk.payment(open)?.url);
  if (isInDoubt && at !== -1) processors[at]!.url = `${processors[at]!.url}-moved`;
  const before = world.wires[at]?.calls ?? 0;
  restart(drill, { tariffs: processors.map(() => drawTariff(chance)) });
  // Somebody is deciding about it until it is confirmed.
  if (isInDoubt) world.judges?.decisions.onOperator(processors[at]!.name, null, "moved");
  for (let i = 0; i < 4; i++) post(drill, chance.pick(AMOUNTS));
  pass(drill, SENT_MS);
  if (isInDoubt && stateOf(drill, open) === "held") confirm(drill, open, at, before);
}

/** `before`: calls to it that had left. */
function confirm(drill: Drill, open: string, at: number, before: number): void {
  const { world, isOver } = drill;
  const { processors, gateway, disk, wires } = world;
  const { name, url } = processors[at]!;
  const { lanes, incidents } = gateway.parts!.pipeline;
  const problem = (what: string) => {
    throw new Violation(`R23: ${name} has moved, ${what}`);
  };
  const isSaid = () =>
    incidents.open().some(({ kind, subject }) => kind === "processor-moved" && subject === name);
  if (!isSaid()) problem("and nobody is told");
  if (wires[at]!.calls !== before) problem("and is called before anybody has confirmed it");
  const command = { kind: "processor", action: "moved", name, grounds: GROUNDS } as const;
  const answer = answerTo(world, command, isOver);
  if (isOver()) return;
  if (answer?.kind !== "done") problem(`and ${JSON.stringify(answer)} is said to the operator`);
  if (disk.urlOf(name) !== url) problem("and that is not written down");
  if (isSaid() || lanes.named(name)?.movedFrom !== null) problem("and is not used");
  world.judges?.decisions.onOperator(name, false, "moved");
  decideOn(drill, "release", open);
}
