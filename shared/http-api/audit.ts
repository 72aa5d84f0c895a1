/** The result of an audit, as `GET /audit` and `worker audit --json` give it. */
import { sum } from "./live.ts";
import { state } from "./payments.ts";
import { tariff } from "./tariff.ts";
import {
  cents,
  id,
  instant,
  list,
  object,
  oneOf,
  orNull,
  refTo,
  text,
  whole,
  type Of,
} from "./schema.ts";

const difference = object({
  correlationId: id,
  /**
   * `missing` is settled here, and the processor does not have it. `extra` is at the processor, and
   * not settled there here. `amount` and `time` are on both sides, with other data.
   */
  kind: oneOf("missing", "extra", "amount", "time"),
  /** Null when the kind is `extra`. */
  oursCents: orNull(cents),
  /** Null when the kind is `missing`. */
  theirsCents: orNull(cents),
  oursRequestedAt: orNull(instant),
  theirsRequestedAt: orNull(instant),
  /** State of the payment that the gateway has under this id, and where. */
  status: state,
  processor: orNull(text),
});

/** The narrowest window in which something differs that no known id explains. */
const differingWindow = object({ from: orNull(instant), to: instant, ours: sum, theirs: sum });

/** Fees of the payments that are settled here, by the tariffs they were sent under. */
const fees = list(object({ tariff: whole, terms: tariff, count: whole, cents, paid: text }));

const asked = {
  name: text,
  /**
   * `off` has no audit-token and is not asked. `cannot` is of a kind that gives no totals. `waiting` has compared nothing yet. `moved` has another
   * address than the journal's, where nothing is asked. `failed` had its token refused, or its answer
   * cannot be read.
   */
  state: oneOf("off", "cannot", "waiting", "equal", "drift", "moved", "failed"),
  /** The window that was compared, both ends included; null where it is open. */
  from: orNull(instant),
  to: orNull(instant),
  ours: sum,
  theirs: sum,
  equalUpTo: orNull(instant),
  differing: list(difference),
  /** Differences beyond those that are listed. */
  differingMore: whole,
  windows: list(differingWindow),
  /** Payments that are recorded there and still open here: no drift. */
  pending: whole,
  checkedAt: orNull(instant),
  error: orNull(text),
};
/** `fees` are those of `worker audit`; a running worker's are on its page. */
export const processorAudit = object(asked, { fees });
const restored = object({
  /** The journal was put in place as a copy then, and nobody trusts it yet. */
  at: instant,
  /** Payments that the compared processors have more: those that the copy lacks, and nobody repeated. */
  payments: whole,
  cents,
});
export const audit = object(
  { processors: list(refTo("ProcessorAudit", processorAudit)) },
  { restored },
);

export type Sum = Of<typeof sum>;
export type Difference = Of<typeof difference>;
export type DifferingWindow = Of<typeof differingWindow>;
export type ProcessorAudit = Of<typeof processorAudit>;
export type AuditReport = Of<typeof audit>;
export type Restored = Of<typeof restored>;
