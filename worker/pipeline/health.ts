/**
 * Health probes: at most one call per five seconds to a processor, for the whole system. A reading is
 * handed to its lane; no answer, an error or 429 is no news, but that it could not be reached is kept for people.
 */
import type { Clock } from "../../shared/clock.ts";
import type { Lane } from "../lane.ts";

/** A little over the processor's window of 5 s, so that a late timer never meets the same one twice. */
const PROBE_MS = 5_050;

export class HealthProbes {
  readonly #clock: Clock;
  /** When the next one is due; infinite while one is under way. */
  readonly #dueAtMs: Map<Lane, number>;

  constructor(clock: Clock, lanes: readonly Lane[]) {
    this.#clock = clock;
    this.#dueAtMs = new Map(lanes.map((lane) => [lane, clock.steadyMs()]));
  }

  /** Starts the probes that are due. */
  tick(): void {
    const nowMs = this.#clock.steadyMs();
    for (const [lane, dueAtMs] of this.#dueAtMs) {
      if (nowMs < dueAtMs || lane.movedFrom !== null) continue;
      this.#dueAtMs.set(lane, Number.POSITIVE_INFINITY);
      void this.#probe(lane, nowMs);
    }
  }

  async #probe(lane: Lane, startedAtMs: number): Promise<void> {
    const { reading, retryAfterMs, unreachable = null } = await lane.client.health();
    const nowMs = this.#clock.steadyMs();
    this.#dueAtMs.set(lane, Math.max(startedAtMs + PROBE_MS, nowMs + retryAfterMs));
    lane.unreachable = unreachable;
    if (reading !== null) lane.recordHealth(nowMs, reading);
  }
}
