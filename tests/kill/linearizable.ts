/**
 * Hands a history to Porcupine, which knows nothing of us: the rules that it judges by are made here from TRANSITIONS,
 * so that they stand in one place, and all else is in porcupine/main.go. It takes Go; where there is
 * none, nobody is asked, and whoever wanted to ask says so.
 */
import { join } from "node:path";
import type { Status } from "../../testing/gateway.ts";
import { run } from "../../testing/process.ts";
import { STORED_AS, TRANSITIONS, type OpenKind, type Target } from "../../worker/payment.ts";

export type Operation = {
  readonly id: string;
  /** Steady clock, as the answer's. */
  readonly calledAtMs: number;
} & (
  | {
      readonly kind: "post";
      readonly amountCents: number;
      readonly outcome: "accepted" | "conflict" | "none";
      /** Null when nothing clear was answered: it may take effect at any time after. */
      readonly returnedAtMs: number | null;
    }
  | { readonly kind: "read"; readonly seen: Status | "missing"; readonly returnedAtMs: number }
);

export const WHY_NO_GO = Bun.which("go") === null ? "skipped: there is no go" : null;
const PORCUPINE = join(import.meta.dir, "porcupine");
/** Moves that come with an operator, or after a restore. */
const OPERATED: ReadonlySet<string> = new Set(["hold", "resume", "absent", "find"]);

/** Gives the ids whose operations no order explains, with what was told of each. */
export async function unexplained(
  operations: readonly Operation[],
  isOperated: boolean,
): Promise<{ readonly id: string; readonly text: string }[]> {
  const kept = withoutRepeats(operations);
  const input = [rulesBy(isOperated), ...kept.map(toLine)].map((one) => JSON.stringify(one));
  const options = { cwd: PORCUPINE, input: `${input.join("\n")}\n` };
  const { code, out, err } = await run(["go", "run", "."], options);
  if (code !== 0) throw new Error(`Porcupine ended with ${code}: ${err}`);
  const refused = Bun.JSONL.parse(out) as { readonly id: string; readonly result: string }[];
  return refused.map(({ id, result }) => {
    const told = kept.filter((one) => one.id === id).map((one) => JSON.stringify(one));
    const why = result === "Illegal" ? "no order explains" : "the search was given up for";
    return { id, text: `${why}\n    ${told.join("\n    ")}` };
  });
}

/** The first of an id's posts without an answer matters alone: whatever a later one can do, that one can. */
function withoutRepeats(operations: readonly Operation[]): Operation[] {
  const pending = new Set<string>();
  return operations
    .toSorted((a, b) => a.calledAtMs - b.calledAtMs)
    .filter((one) => {
      if (one.kind !== "post" || one.returnedAtMs !== null) return true;
      const key = `${one.id} ${one.amountCents}`;
      return !pending.has(key) && pending.add(key);
    });
}

function toLine(operation: Operation): object {
  if (operation.kind === "post") return operation;
  const { seen, ...rest } = operation;
  return seen === "missing" ? rest : { ...rest, seen: { ...seen, state: seen.status } };
}

/** States that a payment may be seen in after each, and those that it leaves with its owner or not at all. */
export function rulesBy(isOperated: boolean) {
  const next = new Map<string, Set<string>>();
  const from = (state: string) => next.getOrInsertComputed(state, () => new Set([state]));
  for (const [kind, { moves }] of Object.entries(TRANSITIONS)) {
    if (OPERATED.has(kind) && !isOperated) continue;
    for (const [state, to] of Object.entries(moves)) {
      if (state === "accepting") continue;
      for (const target of [to].flat() as Target[]) {
        from(toldAs(state)).add(toldAs(target));
        from(toldAs(target));
      }
    }
  }
  for (const [, reached] of next) {
    // A set that grows while it is walked is walked to its end.
    for (const state of reached) for (const further of from(state)) reached.add(further);
  }
  const moves = Object.fromEntries([...next].map(([state, reached]) => [state, [...reached]]));
  const keep = Object.keys(moves).filter((state) => !moves[state]!.includes("accepted"));
  return { moves, keep };
}

/** The word of an answer for a state of the worker's memory. */
function toldAs(state: string): string {
  return STORED_AS[state as OpenKind]?.[0] ?? state;
}
