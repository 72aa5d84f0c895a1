/** The pipeline as it is now, in one plain object: what the http thread shows to whoever watches. */
import type { Clock } from "../../shared/clock.ts";
import type { Journal } from "../journal.ts";
import type { LiveQuestion, LiveReading } from "../live.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Router } from "../router.ts";

export type ReadingSources = {
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  readonly router: Router;
  readonly journal: Journal;
};

export class LiveReader {
  readonly #sources: ReadingSources;
  readonly #startedAt: string;

  constructor(sources: ReadingSources) {
    this.#sources = sources;
    this.#startedAt = new Date(sources.clock.wallMs()).toISOString();
  }

  read({ afterSecond, afterChange }: LiveQuestion): LiveReading {
    const { clock, pipeline, router, journal } = this.#sources;
    const { books, meter, diary } = pipeline;
    const nowMs = clock.wallMs();
    return {
      at: new Date(nowMs).toISOString(),
      startedAt: this.#startedAt,
      upMs: Math.round(clock.steadyMs()),
      untilDurable: meter.untilDurable(),
      backlog: {
        open: books.openCount,
        max: pipeline.backlogMax,
        oldestSeconds: books.oldestAgeMs() / 1_000,
        states: { ...books.countByState },
        rejected: books.parked.get("rejected") ?? 0,
        conflict: books.parked.get("conflict") ?? 0,
      },
      journal: { trouble: journal.trouble, queued: journal.queued },
      lanes: router.lanes.map((lane) => {
        const { name, fee, mode, movedFrom, breaker, latencyMs, inFlight, limit } = lane;
        const moved = movedFrom !== null;
        return { name, fee, mode, moved, breaker: breaker.kind, latencyMs, inFlight, limit };
      }),
      seconds: meter.seconds.filter(({ number }) => number > afterSecond),
      changes: diary.after(afterChange),
    };
  }
}
