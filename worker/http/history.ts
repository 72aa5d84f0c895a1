/**
 * Keeps what happened in the last 24 hours: a row a minute, what was wrong, and what breakers did.
 *
 *   kept in a file ──► before ┐
 *                             ├──► told to readers, and written to the file
 *   readings ────────► since ─┘
 *
 * `before` is what an earlier worker has left, and only becomes less. `since` is of this one: a minute
 * that goes on and an incident that ends take the place of what was known of them. It is bounded by time
 * and by number; nothing in it is money, and all of it may be lost.
 */
import { iso } from "../../shared/clock.ts";
import type { ToldHistory, Minute, PastChange } from "../../shared/http-api/history.ts";
import type { ToldIncident } from "../../shared/http-api/incident.ts";
import type { LaneChange } from "../../shared/http-api/live.ts";
import type { Incident } from "../../shared/incidents.ts";
import { INCIDENTS } from "../../shared/incidents/table.ts";
import type { LiveMinute, LiveReading } from "../live.ts";

const KEPT_MS = 24 * 60 * 60 * 1_000;
/** A day has 1 440 minutes, and each restart cuts one short. */
export const MINUTES_MAX = 2_000;
export const INCIDENTS_MAX = 500;
export const CHANGES_MAX = 1_000;

/** Threads have incidents of their own. */
export type Thread = "pipeline" | "http";
type Known = { readonly incident: Incident; readonly thread: Thread };
export type NewsOfPipeline = Pick<
  LiveReading,
  "lanes" | "minutes" | "changes" | "incidents" | "news"
>;

const NOTHING: ToldHistory = { at: "", minutes: [], incidents: [], changes: [] };

export class History {
  #minutesBefore: readonly Minute[];
  #incidentsBefore: readonly ToldIncident[];
  /** Minutes by number, incidents by what tells one from another, each in the order of its beginning. */
  readonly #minutes = new Map<number, Minute>();
  readonly #incidents = new Map<string, Known>();
  #changes: readonly PastChange[];
  #news = 0;

  /** Goes on from what an earlier worker has left. Its incidents ended with it, when that was written. */
  constructor({ at, minutes, incidents, changes }: ToldHistory = NOTHING) {
    this.#minutesBefore = minutes;
    this.#changes = changes;
    this.#incidentsBefore = incidents.map((one) =>
      one.ended === null ? { ...one, ended: at, cutShort: true } : one,
    );
  }

  /** Number of things worth writing down that have come: minutes that go on are not. */
  get news(): number {
    return this.#news;
  }

  /** Takes what the pipeline has to tell since the last time. */
  take(nowMs: number, { lanes, minutes, changes, incidents }: NewsOfPipeline): void {
    const names = lanes.map(({ name }) => name);
    for (const minute of minutes) {
      if (!this.#minutes.has(minute.number)) this.#news++;
      this.#minutes.set(minute.number, namedBy(names, minute));
    }
    this.#news += changes.length;
    this.#changes = [...this.#changes, ...changes.map(unnumbered)].slice(-CHANGES_MAX);
    this.note(nowMs, "pipeline", incidents);
    this.#forget(iso(nowMs - KEPT_MS));
  }

  /** Notes the incidents of a thread: all that last, and the newest that are over. */
  note(nowMs: number, thread: Thread, incidents: readonly Incident[]): void {
    const told = new Set(incidents.map(keyOf));
    for (const incident of incidents) {
      const known = this.#incidents.get(keyOf(incident))?.incident;
      if (known === undefined || known.endedMs !== incident.endedMs) this.#news++;
      this.#incidents.set(keyOf(incident), { incident, thread });
    }
    for (const [key, { incident, thread: of }] of this.#incidents) {
      // More have ended since the last time than the thread keeps.
      if (of !== thread || incident.endedMs !== null || told.has(key)) continue;
      this.#incidents.set(key, { incident: { ...incident, endedMs: nowMs }, thread });
    }
    this.#bound();
  }

  /** Gives the newest incidents first. */
  incidents(nowMs: number, most = INCIDENTS_MAX): readonly ToldIncident[] {
    const since = [...this.#incidents.values()].map(({ incident }) => toldOf(nowMs, incident));
    return [...this.#incidentsBefore, ...since]
      .sort((a, b) => b.began.localeCompare(a.began))
      .slice(0, most);
  }

  /** Gives all of it, in order even where the clock was set. */
  tell(nowMs: number): ToldHistory {
    const minutes = [...this.#minutesBefore, ...this.#minutes.values()].sort((a, b) =>
      a.at.localeCompare(b.at),
    );
    const incidents = this.incidents(nowMs);
    return { at: iso(nowMs), minutes, incidents, changes: this.#changes };
  }

  #forget(before: string): void {
    const isKept = ({ at }: { readonly at: string }) => at >= before;
    this.#minutesBefore = this.#minutesBefore.filter(isKept);
    this.#changes = this.#changes.filter(isKept);
    this.#incidentsBefore = this.#incidentsBefore.filter(
      ({ ended }) => (ended ?? before) >= before,
    );
    for (const [number, minute] of this.#minutes) if (!isKept(minute)) this.#minutes.delete(number);
    for (const [key, { incident }] of this.#incidents) {
      const { endedMs } = incident;
      if (endedMs !== null && iso(endedMs) < before) this.#incidents.delete(key);
    }
  }

  /** Gives up the oldest: what is left from before, then what is over. */
  #bound(): void {
    const room = (max: number, taken: number) => Math.max(0, max - taken);
    deleteFirst(this.#minutes, this.#minutes.size - MINUTES_MAX, () => true);
    const isOver = ({ incident }: Known) => incident.endedMs !== null;
    deleteFirst(this.#incidents, this.#incidents.size - INCIDENTS_MAX, isOver);
    this.#minutesBefore = newest(this.#minutesBefore, room(MINUTES_MAX, this.#minutes.size));
    // The newest of them is the first.
    const left = room(INCIDENTS_MAX, this.#incidents.size);
    this.#incidentsBefore = this.#incidentsBefore.slice(0, left);
  }
}

function deleteFirst<K, V>(map: Map<K, V>, count: number, may: (value: V) => boolean): void {
  let left = count;
  for (const [key, value] of map) {
    if (left <= 0) return;
    if (may(value) && map.delete(key)) left--;
  }
}

function newest<T>(rows: readonly T[], count: number): readonly T[] {
  return rows.slice(Math.max(0, rows.length - count));
}

/** A start may have other processors than the one before it: counts are by name, and none is 0. */
function namedBy(names: readonly string[], told: LiveMinute): Minute {
  const { number: _, settled, ...minute } = told;
  const named = settled.map((count, lane) => [names[lane] as string, count] as const);
  return { ...minute, settled: Object.fromEntries(named.filter(([, count]) => count > 0)) };
}

function unnumbered(told: LaneChange): PastChange {
  const { number: _, upMs: __, ...change } = told;
  return change as PastChange;
}

/** An incident of a kind and a subject begins once in an instant. */
function keyOf({ kind, subject, sinceMs }: Incident): string {
  return `${sinceMs} ${kind} ${subject}`;
}

function toldOf(nowMs: number, incident: Incident): ToldIncident {
  const { kind, subject, sinceMs, endedMs, times, details, cost } = incident;
  const { level, message, of } = INCIDENTS[kind];
  const reason = details["reason"] ?? details["cause"] ?? details["error"] ?? null;
  return {
    incident: kind,
    message,
    level,
    processor: of === "processor" ? subject : null,
    reason: reason === null ? null : String(reason),
    began: iso(sinceMs),
    ended: endedMs === null ? null : iso(endedMs),
    cutShort: false,
    durationMs: Math.max(0, (endedMs ?? nowMs) - sinceMs),
    times,
    cost,
  };
}
