/** Reads the pipeline as it is now into a plain object, which the http thread shows to its readers. */
import type { Clock } from "../../shared/clock.ts";
import type { Incidents } from "../../shared/incidents.ts";
import { factorOf } from "../../shared/tariff.ts";
import type { Journal } from "../journal.ts";
import type { LiveQuestion, LiveReading } from "../live.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Webhooks } from "../webhooks.ts";

export type ReadingSources = {
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  readonly journal: Journal;
  readonly link: { strangers(): readonly unknown[] };
  /** Null when they are off. */
  readonly webhooks: Pick<Webhooks, "view"> | null;
};

export class LiveReader {
  readonly #sources: ReadingSources;
  readonly #startedAt: string;

  constructor(sources: ReadingSources) {
    this.#sources = sources;
    this.#startedAt = new Date(sources.clock.wallMs()).toISOString();
  }

  read({ afterSecond, afterChange }: LiveQuestion): LiveReading {
    const { clock, pipeline, journal, link, webhooks } = this.#sources;
    const { payments, meter, laneLog, lanes } = pipeline;
    const nowMs = clock.wallMs();
    return {
      at: new Date(nowMs).toISOString(),
      startedAt: this.#startedAt,
      upMs: Math.round(clock.steadyMs()),
      untilDurable: meter.untilDurable(),
      backlog: {
        open: payments.count,
        max: pipeline.backlogMax,
        oldestSeconds: payments.oldestAgeMs() / 1_000,
        states: { ...payments.countByState },
        rejected: payments.parked.get("rejected") ?? 0,
        conflict: payments.parked.get("conflict") ?? 0,
      },
      journal: {
        trouble: journal.trouble,
        queued: journal.queued,
        restored: pipeline.caution !== null,
      },
      ...(webhooks === null ? {} : { webhooks: webhooks.view() }),
      link: { strangers: link.strangers().length },
      clockStepMs: lastStepMs(pipeline.incidents, nowMs),
      lanes: lanes.all.map((lane) => {
        const { name, fee: tariff, mode, movedFrom, breaker, latencyMs, inFlight, limit } = lane;
        const moved = movedFrom !== null;
        const { unreachable } = lane;
        const { lacks } = lane.client;
        const unasked = pipeline.caution?.stuckAt(lane) ?? 0;
        const state = { mode, moved, breaker: breaker.kind, latencyMs, inFlight, limit };
        return Object.assign(state, {
          name,
          fee: factorOf(tariff),
          tariff,
          unreachable,
          unasked,
          lacks,
        });
      }),
      seconds: meter.seconds.filter(({ number }) => number > afterSecond),
      changes: laneLog.after(afterChange),
      news: pipeline.news,
      minutes: meter.minutes.newest(),
      incidents: [
        ...pipeline.incidents.recent().slice(-INCIDENTS_TOLD),
        ...pipeline.incidents.open(),
      ],
    };
  }
}

/** Incidents that are over and are told again: more than end between two readings. */
const INCIDENTS_TOLD = 50;
/** Long enough that who comes after an alarm still reads of it. */
const STEP_TOLD_MS = 10 * 60_000;

/** Time by which somebody has set the wall clock lately; null when nobody has. */
function lastStepMs(incidents: Pick<Incidents, "open" | "recent">, nowMs: number): number | null {
  const last = [...incidents.recent(), ...incidents.open()].findLast(
    ({ kind, endedMs }) => kind === "clock-stepped" && (endedMs ?? nowMs) + STEP_TOLD_MS > nowMs,
  );
  return last === undefined ? null : Number(last.details["stepMs"]);
}
