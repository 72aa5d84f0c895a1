/**
 * Incidents are what is wrong for a while. Each is one line in the log when it begins and one when it is
 * over, with how long it lasted and what was counted meanwhile: payments refused, calls lost.
 *
 *   begin ────────────── end ──── settled: "over" is said
 *                         └─ begin again before: the same incident, and the next pause is longer
 *
 * What comes and goes is one incident: that it is over is said when it has stayed away for a while, and
 * each time that it comes back soon doubles the while. `open` and `recent` know at once.
 */
import type { Clock } from "./clock.ts";
import { INCIDENTS, overOf, type IncidentKind } from "./incidents/table.ts";
import type { Log } from "./log.ts";

/** Time for which an incident stays away before it is said to be over, at first and at most. */
const SETTLE_MS = 2_000;
const SETTLE_MS_MAX = 60_000;
/** Time after its end in which the same incident counts as one that comes and goes. */
const AGAIN_MS = 600_000;
/** Ended incidents that are kept: a bad night's. */
const RECENT_MAX = 100;

type Details = Readonly<Record<string, string | number | null>>;
type Counts = Readonly<Record<string, number>>;

/** Circumstances of an incident. */
export type Circumstances = {
  /** Fields of both lines; the newest are those of the end. */
  readonly details?: Details;
  /** Reads counters; by how much they have grown since the beginning is what the incident cost. */
  readonly counts?: () => Counts;
  /** Counters at the beginning, where it was noticed later. */
  readonly from?: Counts;
};

export type Incident = {
  readonly kind: IncidentKind;
  /** Names whom it is about, where a process may have several of the kind. */
  readonly subject: string | null;
  /** Instants of the wall clock at the beginning; what follows is counted by the steady one. */
  readonly sinceMs: number;
  readonly endedMs: number | null;
  readonly times: number;
  readonly details: Details;
  readonly cost: Counts;
};

type Entry = {
  readonly kind: IncidentKind;
  readonly subject: string | null;
  readonly sinceMs: number;
  readonly begunAtMs: number;
  readonly counts: () => Counts;
  readonly from: Counts;
  details: Details;
  times: number;
  settleMs: number;
  /** Null while it lasts. */
  end: { readonly atMs: number; readonly cost: Counts } | null;
};

/** Each caller bounds its subjects: processors are configured, senders of frames are counted. */
export class Incidents {
  readonly #clock: Clock;
  readonly #log: Pick<Log, "info" | "warn" | "error">;
  /** Incidents that last, and that are over and not yet said to be. */
  readonly #unsaid = new Map<string, Entry>();
  /** Incidents that were said to be over, the newest last. */
  #said: Entry[] = [];
  /** Number of times that one began, or ended. */
  changes = 0;

  constructor(clock: Clock, log: Pick<Log, "info" | "warn" | "error">) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Incidents that last. */
  open(): readonly Incident[] {
    return [...this.#unsaid.values()].filter(({ end }) => end === null).map(incidentOf);
  }

  /** Incidents that are over, the newest last. */
  recent(): readonly Incident[] {
    const ended = [...this.#unsaid.values()].filter(({ end }) => end !== null);
    return [...this.#said, ...ended].map(incidentOf);
  }

  /** Begins an incident, or ends it where there are no circumstances; either may be said again. */
  tell(kind: IncidentKind, subject: string | null, now: Circumstances | null): void {
    if (now === null) this.end(kind, subject);
    else this.begin(kind, subject, now);
  }

  begin(kind: IncidentKind, subject: string | null, now: Circumstances = {}): void {
    const known = this.#unsaid.get(keyOf(kind, subject));
    if (known === undefined) return this.#begin(kind, subject, now);
    known.details = now.details ?? known.details;
    if (known.end === null) return;
    this.changes++;
    known.end = null;
    known.times++;
    known.settleMs = longer(known.settleMs);
  }

  /** Ends an incident: now, or when it was last met, where only its absence shows the end. */
  end(kind: IncidentKind, subject: string | null, atMs = this.#clock.steadyMs()): void {
    if (this.#unsaid.size === 0) return;
    const known = this.#unsaid.get(keyOf(kind, subject));
    if (known === undefined || known.end !== null) return;
    this.changes++;
    known.end = { atMs: Math.max(atMs, known.begunAtMs), cost: costOf(known) };
  }

  /** When it can be said of the next one that it is over, if it stays away; infinite while there is none. */
  get nextTickAtMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { end, settleMs } of this.#unsaid.values()) {
      if (end !== null) nextMs = Math.min(nextMs, end.atMs + settleMs);
    }
    return nextMs;
  }

  /** Says of those that stay away that they are over. Called every second or more often. */
  tick(): void {
    if (this.#unsaid.size > 0) this.#sayOver(this.#clock.steadyMs());
  }

  /** Says it of all that are over: the process ends. */
  close(): void {
    this.#sayOver(Number.POSITIVE_INFINITY);
  }

  #begin(kind: IncidentKind, subject: string | null, now: Circumstances): void {
    const { details = {}, counts = () => ({}), from = counts() } = now;
    const begunAtMs = this.#clock.steadyMs();
    const entry: Entry = {
      kind,
      subject,
      sinceMs: this.#clock.wallMs(),
      begunAtMs,
      counts,
      from,
      details,
      times: 1,
      settleMs: this.#settleMsFor(kind, subject, begunAtMs),
      end: null,
    };
    this.#unsaid.set(keyOf(kind, subject), entry);
    this.changes++;
    this.#log[INCIDENTS[kind].level]({ ...nameOf(entry), ...details }, INCIDENTS[kind].message);
  }

  #settleMsFor(kind: IncidentKind, subject: string | null, nowMs: number): number {
    const last = this.#said.findLast((one) => one.kind === kind && one.subject === subject);
    const isSoon = nowMs - (last?.end?.atMs ?? Number.NEGATIVE_INFINITY) < AGAIN_MS;
    return last === undefined || !isSoon ? SETTLE_MS : longer(last.settleMs);
  }

  #sayOver(nowMs: number): void {
    for (const [key, entry] of this.#unsaid) {
      const { kind, details, settleMs, times, end } = entry;
      if (end === null || nowMs - end.atMs < settleMs) continue;
      this.#unsaid.delete(key);
      this.#said = [...this.#said.slice(1 - RECENT_MAX), entry];
      const lasted = { durationMs: Math.round(end.atMs - entry.begunAtMs), times };
      this.#log.info({ ...nameOf(entry), ...details, ...end.cost, ...lasted }, overOf(kind));
    }
  }
}

function keyOf(kind: IncidentKind, subject: string | null): string {
  return subject === null ? kind : `${kind} ${subject}`;
}

function longer(settleMs: number): number {
  return Math.min(SETTLE_MS_MAX, 2 * settleMs);
}

/** Fields that name an incident in its lines. */
function nameOf({ kind, subject }: Entry): Record<string, string> {
  const { of } = INCIDENTS[kind];
  return of === null || subject === null ? { incident: kind } : { incident: kind, [of]: subject };
}

function costOf({ counts, from }: Entry): Counts {
  const grown = Object.entries(counts()).map(([name, count]) => [name, count - (from[name] ?? 0)]);
  return Object.fromEntries(grown);
}

function incidentOf(entry: Entry): Incident {
  const { kind, subject, sinceMs, begunAtMs, details, times, end } = entry;
  const endedMs = end === null ? null : sinceMs + Math.round(end.atMs - begunAtMs);
  return { kind, subject, sinceMs, endedMs, times, details, cost: end?.cost ?? costOf(entry) };
}
