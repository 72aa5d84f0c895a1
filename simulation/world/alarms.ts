/**
 * Judges what is said to be wrong when all is well:
 *
 *   R11  nothing but breakers that are open; every API has its worker's answers; and the worker trusts its
 *        journal again once an operator does
 */
import type { OperatorAnswer, OperatorCommand } from "../../worker/intervention.ts";
import type { Scene } from "./scene.ts";
import { Violation } from "./violation.ts";

const GROUNDS = { who: "somebody", why: "all is settled", evidence: "the processors' books" };

export function checkAlarms({ gateway, plan, apis }: Scene): void {
  for (const api of apis) {
    if (!api.isAnswered) throw new Violation("R11: all is well, and an API has no answers");
  }
  // Addresses that were exchanged, or a copy, are somebody's to decide about.
  if (plan.exchanges > 0 || plan.restores > 0) return;
  const { incidents, lanes } = gateway.parts!.pipeline;
  for (const { kind, subject } of incidents.open()) {
    const isOpen = lanes.all.some(
      ({ name, breaker }) => name === subject && breaker.kind !== "closed",
    );
    if (kind === "breaker-open" && isOpen) continue;
    throw new Violation(`R11: all is well, and ${kind} is said of ${subject ?? "the worker"}`);
  }
}

/** Somebody trusts a journal that was restored, once everything is settled. */
export function trustJournal(world: Scene, isOver: () => boolean): void {
  const { gateway, disk } = world;
  const { pipeline } = gateway.parts!;
  if (pipeline.caution === null) return;
  const command = { kind: "journal", action: "trust", grounds: GROUNDS } as const;
  const kind = answerTo(world, command, isOver)?.kind ?? "no answer";
  const isWritten = disk.holds(
    "SELECT count(*) > 0 AS n FROM interventions WHERE action = 'trust'",
  );
  if (kind === "done" && isWritten && pipeline.caution === null) return;
  throw new Violation(`R11: the journal is trusted, and the worker says ${kind}`);
}

/** Waits for the answer to an operator's command; null: there is none within a second. */
export function answerTo(
  { gateway, time }: Scene,
  command: OperatorCommand,
  isOver: () => boolean,
): OperatorAnswer | null {
  let answer: OperatorAnswer | null = null;
  void gateway.operate(command)?.then((told) => (answer = told));
  time.run(time.nowMs + 1_000, () => isOver() || answer !== null);
  return answer;
}
