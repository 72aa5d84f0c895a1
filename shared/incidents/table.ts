/**
 * Incidents that a process may tell of. People alert on these messages and kinds: they stay as they are,
 * and docs/OPERATIONS.md has a row for each, with what it means and what to do.
 */
type Row = {
  /** Level of the line at its beginning; the one at its end is `info`. */
  readonly level: "warn" | "error";
  /** Field of its lines that names its subject; null when a process has only one of the kind. */
  readonly of: "address" | "processor" | "worker" | null;
  readonly message: string;
};

const TABLE = {
  "worker-silent": {
    level: "error",
    of: "worker",
    message: "the worker does not answer over the link",
  },
  "link-doubt": {
    level: "error",
    of: "worker",
    message:
      "The worker answers at WORKER_HTTP, but not over the link: is LINK_SECRET the same, and does UDP reach WORKER_LINK?",
  },
  "no-map": {
    level: "error",
    of: null,
    message:
      "No worker tells which payments are whose, so that none is taken: is WORKER_HTTP right, and do the workers share a database?",
  },
  "link-secret": {
    level: "error",
    of: "address",
    message: "frames with a wrong MAC: is LINK_SECRET the same there?",
  },
  "receive-buffer": {
    level: "warn",
    of: null,
    message: "datagrams are lost: the receive buffer is full",
  },
  "journal-fails": { level: "error", of: null, message: "the journal fails" },
  "journal-slow": { level: "warn", of: null, message: "the journal is slow" },
  "checkpoints-fail": { level: "error", of: null, message: "checkpoints fail" },
  "pipeline-still": { level: "error", of: null, message: "the pipeline stands still" },
  "ledger-end": { level: "error", of: null, message: "the ledger is at its end" },
  "backlog-high": { level: "warn", of: null, message: "the backlog is near its bound" },
  "breaker-open": { level: "warn", of: "processor", message: "the breaker is open" },
  "processor-moved": {
    level: "error",
    of: "processor",
    message: "nothing is sent to a processor that has another address while payments are open",
  },
  "journal-restored": {
    level: "warn",
    of: null,
    message:
      "this journal was restored from a copy, and what was charged since is not in it: every payment is asked for at every processor before it is charged, until: worker operator trust-journal --why TEXT",
  },
  "cannot-ask": {
    level: "error",
    of: "processor",
    message:
      "a processor cannot be asked what it has charged; payments wait for it, or for an operator",
  },
  "not-sent-again": {
    level: "error",
    of: "processor",
    message:
      "payments are unknown for longer than their processor remembers their ids; they are not sent again, and wait for an operator",
  },
  "audit-drift": { level: "error", of: "processor", message: "audit: drift" },
  "audit-gap": { level: "warn", of: "processor", message: "audit: the gap of the restore" },
  "audit-failed": { level: "warn", of: "processor", message: "audit: failed" },
  "no-descriptors": {
    level: "error",
    of: null,
    message: "no descriptors left: new connections are refused",
  },
  "no-calls": { level: "error", of: null, message: "calls cannot be made" },
  "history-fails": { level: "warn", of: null, message: "the history is not written" },
  "webhooks-fail": {
    level: "error",
    of: null,
    message: "webhooks are not delivered: the receiver takes none",
  },
  "webhooks-ended": {
    level: "error",
    of: null,
    message:
      "webhooks are not sent any more: the receiver has answered 410, until: worker operator webhooks resend --from INSTANT",
  },
  "webhooks-given-up": {
    level: "warn",
    of: null,
    message: "webhooks were given up: worker operator webhooks lists them",
  },
  "webhooks-broken": { level: "error", of: null, message: "webhooks cannot be read or sent" },
  "clock-stepped": { level: "warn", of: null, message: "the clock was set" },
} as const satisfies Record<string, Row>;

export type IncidentKind = keyof typeof TABLE;
export const INCIDENTS: Readonly<Record<IncidentKind, Row>> = TABLE;

/** Message of the line that ends an incident. */
export function overOf(kind: IncidentKind): string {
  return `over: ${INCIDENTS[kind].message}`;
}
