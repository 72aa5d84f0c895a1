/**
 * Health probes: at most one call per five seconds to a processor, for the whole system. A reading is
 * handed to the router; no answer, an error or 429 is no news.
 */
import type { Clock } from "../../shared/clock.ts";
import type { Processor } from "../processor.ts";
import type { Router } from "../router.ts";
import type { Diary } from "../telemetry/lane-log.ts";

/** A little over the processor's window of 5 s, so that a late timer never meets the same one twice. */
const PROBE_MS = 5_050;

export type HealthOptions = {
  readonly clock: Clock;
  readonly router: Router;
  readonly processors: readonly Processor[];
};

export class HealthProbes {
  readonly #options: HealthOptions;
  readonly #diary: Diary;
  readonly #dueAtMs: number[];

  constructor(options: HealthOptions, diary: Diary) {
    this.#options = options;
    this.#diary = diary;
    this.#dueAtMs = options.processors.map(() => options.clock.steadyMs());
  }

  /** Starts the probes that are due. */
  tick(): void {
    const nowMs = this.#options.clock.steadyMs();
    for (const [lane, dueAtMs] of this.#dueAtMs.entries()) {
      if (nowMs < dueAtMs || this.#options.router.lane(lane).movedFrom !== null) continue;
      this.#dueAtMs[lane] = Number.POSITIVE_INFINITY; // One at a time.
      void this.#probe(lane, nowMs);
    }
  }

  async #probe(lane: number, startedAtMs: number): Promise<void> {
    const { clock, router, processors } = this.#options;
    const { reading, retryAfterMs } = await processors[lane]!.health();
    const nowMs = clock.steadyMs();
    this.#dueAtMs[lane] = Math.max(startedAtMs + PROBE_MS, nowMs + retryAfterMs);
    if (reading === null) return;
    if (!router.lane(lane).recordHealth(nowMs, reading)) return;
    const { failing, minResponseTimeMs } = reading;
    const said = `failing: ${failing}, minResponseTime: ${minResponseTimeMs} ms`;
    this.#diary.breakerChanged(lane, `its health reading says ${said}`);
  }
}
