/**
 * A payment without a clear answer, and what an operator is told of it:
 *
 *   R21  what is asked and declared is answered as it is: recorded is settled, what could not be asked is declared
 *        absent on nobody's word but the operator's, and that is written down with it
 */
import type { OperatorAnswer } from "../../../worker/intervention.ts";
import { NO_FAULTS } from "../../../simulator/processor/faults.ts";
import { decideOn, pass, post, restart, stateOf, type Drill } from "./drill.ts";
import { Violation } from "../violation.ts";

const TIMEOUT_MS = 800;
/** Time in which a payment is taken, sent, and its answer lost. */
const SENT_MS = 150;
const NOTED = `SELECT count(*) AS n FROM interventions JOIN payments USING (seq)
  WHERE id = unhex(?, '-') AND action = 'absent' AND evidence LIKE '%could not be asked%'`;

export function drillHands(drill: Drill): void {
  const { wires, models, plan } = drill.world;
  restart(drill, { processorTimeoutMs: TIMEOUT_MS, bounds: { ...plan.bounds, tuning: {} } });
  askForRecorded(drill);
  // It is recorded nowhere, and nobody can tell so.
  for (const model of models) model.faults = { ...NO_FAULTS, resetBefore: 1 };
  const lost = postInDoubt(drill);
  for (const model of models) model.faults = NO_FAULTS;
  if (lost === null) return;
  pass(drill, 2 * TIMEOUT_MS + SENT_MS);
  const looksGet = (status: number | null) => {
    for (const wire of wires) wire.looksGet = status;
  };
  looksGet(301);
  expect("an answer that is unclear", decideOn(drill, "absent", lost, true), "refused");
  looksGet(drill.world.drill.pick([429, 500, 503]));
  expect("unasked, and nobody said so", decideOn(drill, "absent", lost), "refused");
  expect("unasked, as was said", decideOn(drill, "absent", lost, true), "done");
  looksGet(null);
  if (!drill.world.disk.holds(NOTED, lost))
    throw new Violation(`R21: ${lost} was declared absent, and not that nobody could be asked`);
}

/** Its processor has it, and every answer is lost; then an operator asks. */
function askForRecorded(drill: Drill): void {
  const { wires } = drill.world;
  const quiet = wires[0]!.faults;
  for (const wire of wires) wire.faults = { ...quiet, lostAfter: 1 };
  const id = postInDoubt(drill);
  for (const wire of wires) wire.faults = quiet;
  if (id === null) return;
  const answer = decideOn(drill, "ask", id);
  const isSettled = answer.kind === "done" && answer.state === "settled";
  if (isSettled && stateOf(drill, id) === "settled") return;
  throw new Violation(`R21: ${id} is recorded, and whoever asks hears ${JSON.stringify(answer)}`);
}

/** Posts a payment whose answer is lost, and holds it; null: it was not sent. */
function postInDoubt(drill: Drill): string | null {
  const id = post(drill, drill.world.drill.between(1, 99_999));
  pass(drill, SENT_MS);
  if (stateOf(drill, id) !== "unknown") return null;
  decideOn(drill, "hold", id);
  // A call may have been under way.
  pass(drill, SENT_MS);
  return stateOf(drill, id) === "held" ? id : null;
}

function expect(
  what: string,
  { kind, ...said }: OperatorAnswer,
  wanted: OperatorAnswer["kind"],
): void {
  if (kind === wanted) return;
  throw new Violation(`R21: absent, ${what}: ${kind} ${JSON.stringify(said)}`);
}
