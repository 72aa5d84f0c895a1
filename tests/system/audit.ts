/**
 * The audit, a pure function over what was collected: what shops were told, what the gateway says of
 * each payment, and what each processor has charged. Everything that is said about the same payment
 * has to agree, to the cent and to the millisecond.
 */
import type { Status, Sum, Window } from "../../testing/gateway.ts";
import type { Recorded } from "../../testing/processor-admin.ts";

/** The last word on one submission: an id and an amount may have been submitted several times. */
export type Answer = {
  readonly correlationId: string;
  readonly amountCents: number;
  /** `none` was repeated until the end and never got a final answer. */
  readonly outcome: "accepted" | "conflict" | "none" | `status ${number}`;
};

export type WindowSums = {
  readonly window: Window | null;
  readonly gateway: Readonly<Record<string, Sum>>;
  readonly processors: Readonly<Record<string, Sum>>;
};

export type Collected = {
  readonly answers: readonly Answer[];
  /** Status of every id that was answered or charged. */
  readonly statuses: ReadonlyMap<string, Status | "missing">;
  /** Ids that the gateway did not know at some moment after they were answered. */
  readonly onceMissing: ReadonlySet<string>;
  /** Charges by processor, in their order; one that charges twice lists a payment twice. */
  readonly recorded: ReadonlyMap<string, readonly Recorded[]>;
  readonly windows: readonly WindowSums[];
  /** Payments that some processor may decline for good: they may end as rejected, charged nowhere. */
  readonly isDeclined?: (amountCents: number) => boolean;
};

export type Violation = {
  readonly kind: ViolationKind;
  readonly id: string;
  readonly text: string;
};
export type ViolationKind =
  /** A shop was told something that does not fit what it and others asked. */
  | "answer"
  /** It was answered 202, and the gateway does not know it. */
  | "missing"
  | "unsettled"
  /** It is settled by the gateway's account, but not charged there. */
  | "not-charged"
  /** It is charged, but not settled there by the gateway's account, or was never accepted. */
  | "extra"
  | "charged-twice"
  | "wrong-amount"
  | "wrong-requested-at"
  | "wrong-fee"
  /** It was sent again after the time for which its processor knows it. */
  | "sent-late"
  | "wrong-sum"
  /** No order of things explains what was told of it while it was under way. */
  | "unexplained"
  /** It ended, and its shop was not told. */
  | "not-told"
  /** Its shop was told of it what is not so, or by somebody else. */
  | "told-wrong";

export function audit(collected: Collected): Violation[] {
  const accepted = new Map<string, number>();
  const answers = [...Map.groupBy(collected.answers, ({ correlationId }) => correlationId)];
  return [
    ...answers.flatMap(([id, some]) => auditAnswers(id, some, accepted)),
    ...[...accepted].flatMap(([id, cents]) => auditAccepted(id, cents, collected)),
    ...[...collected.recorded].flatMap(([name, rows]) => auditCharged(name, rows, collected)),
    ...auditTwice(collected.recorded),
    ...collected.windows.flatMap(auditWindow),
  ];
}

/** Audits answers: one amount of an id wins and gets 202 every time; any other gets 409 every time. */
function auditAnswers(
  id: string,
  answers: readonly Answer[],
  accepted: Map<string, number>,
): Violation[] {
  const violations: Violation[] = [];
  const amounts = new Set(answers.map(({ amountCents }) => amountCents));
  const won = new Set<number>();
  for (const { amountCents, outcome } of answers) {
    if (outcome === "accepted") won.add(amountCents);
    else if (outcome !== "conflict") {
      violations.push({ kind: "answer", id, text: `${amountCents} cents: ${outcome}` });
    }
  }
  for (const { amountCents, outcome } of answers) {
    if (outcome !== "conflict") continue;
    if (amounts.size === 1 || won.has(amountCents)) {
      violations.push({ kind: "answer", id, text: `409 for its own amount, ${amountCents} cents` });
    }
  }
  const answered = answers.every(({ outcome }) => outcome === "accepted" || outcome === "conflict");
  if (won.size > 1 || (won.size === 0 && answered)) {
    violations.push({ kind: "answer", id, text: `${won.size} of its amounts got 202` });
  }
  const [winner] = won;
  if (winner !== undefined) accepted.set(id, winner);
  return violations;
}

/** Audits acceptances: a payment answered 202 is settled, at a processor that has charged it. */
function auditAccepted(id: string, amountCents: number, collected: Collected): Violation[] {
  const status = collected.statuses.get(id) ?? "missing";
  if (status === "missing") return [{ kind: "missing", id, text: "answered 202, and unknown now" }];
  const violations: Violation[] = [];
  if (collected.onceMissing.has(id)) {
    violations.push({ kind: "missing", id, text: "unknown for a while after its 202" });
  }
  if (status.amountCents !== amountCents) {
    const text = `202 for ${amountCents} cents, kept with ${status.amountCents}`;
    violations.push({ kind: "wrong-amount", id, text });
  }
  if (status.status === "rejected" && collected.isDeclined?.(amountCents)) return violations;
  if (status.status !== "settled") {
    return [...violations, { kind: "unsettled", id, text: `it is ${status.status}` }];
  }
  const rows = collected.recorded.get(status.processor ?? "");
  if (rows === undefined || !idsOf(rows).has(id)) {
    violations.push({ kind: "not-charged", id, text: `${status.processor} has not charged it` });
  }
  return violations;
}

/** Audits charges: the gateway says the same of each, and has accepted it. */
function auditCharged(
  name: string,
  rows: readonly Recorded[],
  { statuses }: Collected,
): Violation[] {
  return rows.flatMap(({ correlationId: id, amountCents, requestedAtMs }) => {
    const status = statuses.get(id) ?? "missing";
    if (status === "missing") {
      return [{ kind: "extra", id, text: `${name} charged it, and nobody accepted it` }];
    }
    if (status.status !== "settled" || status.processor !== name) {
      const said = `the gateway has it as ${status.status} at ${status.processor}`;
      return [{ kind: "extra", id, text: `${name} charged it, and ${said}` }];
    }
    const violations: Violation[] = [];
    if (status.amountCents !== amountCents) {
      const text = `${name} charged ${amountCents} cents, the gateway has ${status.amountCents}`;
      violations.push({ kind: "wrong-amount", id, text });
    }
    if (requestedAtMs !== null && status.requestedAtMs !== requestedAtMs) {
      const text = `${name} has ${requestedAtMs}, the gateway ${status.requestedAtMs}`;
      violations.push({ kind: "wrong-requested-at", id, text });
    }
    return violations;
  });
}

function auditTwice(recorded: Collected["recorded"]): Violation[] {
  const violations: Violation[] = [];
  const first = new Map<string, string>();
  for (const [name, rows] of recorded) {
    for (const { correlationId: id } of rows) {
      const earlier = first.get(id);
      if (earlier === undefined) first.set(id, name);
      else violations.push({ kind: "charged-twice", id, text: `by ${earlier} and by ${name}` });
    }
  }
  return violations;
}

function auditWindow({ window, gateway, processors }: WindowSums): Violation[] {
  const id = window === null ? "everything" : `${window.fromMs} to ${window.toMs}`;
  const names = new Set([...Object.keys(gateway), ...Object.keys(processors)]);
  return [...names].flatMap((name) => {
    const ours = gateway[name] ?? NOTHING;
    const theirs = processors[name] ?? NOTHING;
    if (ours.count === theirs.count && ours.cents === theirs.cents) return [];
    const text = `${name}: ${theirs.count} payments of ${theirs.cents} cents, the gateway says ${ours.count} of ${ours.cents}`;
    return [{ kind: "wrong-sum", id, text }];
  });
}

const NOTHING: Sum = { count: 0, cents: 0 };
const idSets = new WeakMap<readonly Recorded[], Set<string>>();

function idsOf(rows: readonly Recorded[]): Set<string> {
  let ids = idSets.get(rows);
  if (ids === undefined) {
    ids = new Set(rows.map(({ correlationId }) => correlationId));
    idSets.set(rows, ids);
  }
  return ids;
}
