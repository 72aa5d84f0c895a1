/** The statements that move a payment, made from the table of its states (payment.ts, TRANSITIONS). */
import { STORED_AS, TRANSITIONS, type MoveKind, type OpenKind, type Target } from "../payment.ts";
import { PAYMENT_STATES, type PaymentState } from "../transitions.ts";
import { sumAfter, type Fact } from "./copies.ts";

/** The states as they are on disk. */
export const CODE = Object.fromEntries(
  PAYMENT_STATES.map((state, code) => [state, code]),
) as Record<PaymentState, number>;

/**
 * Makes an UPDATE of one payment, of its state, of other columns, and of the sum over them. It takes the
 * values that `alsoSet` numbers, then the payment's seq, then its processor if the move is `owned`. It changes no row when the payment is in another state than the
 * move starts from.
 */
export function moveSql(
  kind: MoveKind,
  alsoSet: Readonly<Partial<Record<Fact, string>>> = {},
): string {
  const targets = targetsByCode(kind);
  const columns = { state: expressionOf(targets), ...alsoSet };
  const set = Object.entries({ ...columns, sum: sumAfter(columns) }).map((one) => one.join(" = "));
  const where = ["seq = ?", ...(TRANSITIONS[kind].owned ? ["processor = ?"] : [])];
  return `UPDATE payments SET ${set.join(", ")}
    WHERE ${[...where, isOneOf([...targets.keys()])].join(" AND ")}`;
}

/** Maps each code that the move may find to an expression of the next one, in any database's SQL. */
export function targetsByCode(kind: MoveKind): Map<number, string> {
  const targets = new Map<number, string>();
  for (const [from, to] of Object.entries(TRANSITIONS[kind].moves)) {
    const codes = typeof to === "string" ? [codeOf(to)] : to.map(codeOf);
    const target = codes.length === 1 ? `${codes[0]}` : caseOf(codes as [number, number]);
    for (const state of STORED_AS[from as OpenKind]) {
      if ((targets.get(CODE[state]) ?? target) !== target) throw new Error(`${kind} is ambiguous`);
      targets.set(CODE[state], target);
    }
  }
  return targets;
}

function codeOf(to: Target): number {
  return CODE[to === "queued" ? "accepted" : to];
}

function caseOf([ofNobody, ofProcessor]: readonly [number, number]): string {
  return `CASE WHEN processor IS NULL THEN ${ofNobody} ELSE ${ofProcessor} END`;
}

/** Makes one expression of the next code, whatever the move finds. */
export function expressionOf(targets: ReadonlyMap<number, string>): string {
  const [only, ...others] = new Set(targets.values());
  if (only !== undefined && others.length === 0) return only;
  const cases = [...targets].map(([code, target]) => `WHEN ${code} THEN ${target}`);
  return `CASE state ${cases.join(" ")} END`;
}

/** Avoids IN: with three values or more SQLite builds a table at every call, which is slower than the rest. */
function isOneOf(codes: readonly number[]): string {
  return `(${codes.map((code) => `state = ${code}`).join(" OR ")})`;
}
