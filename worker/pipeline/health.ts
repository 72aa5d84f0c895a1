/**
 * Health probes: one call at a time to a processor, with the pause that its kind asks for, for the whole
 * system. A reading is handed to its lane, and told to workers that do not ask; no answer, an error or 429
 * is no news, but that it could not be reached is kept for people.
 */
import type { Clock } from "../../shared/clock.ts";
import type { Lane } from "../lane.ts";
import type { HealthReading } from "../processor.ts";

export class HealthProbes {
  readonly #clock: Clock;
  /** When the next one is due, of each that can be asked. */
  readonly #dueAtMs: Map<Lane, number>;
  readonly #underWay = new Set<Lane>();
  readonly #onEnd: (lane: Lane, reading: HealthReading | null) => void;

  /** `onEnd` is called after each probe; null: it is no news. */
  constructor(
    clock: Clock,
    lanes: readonly Lane[],
    onEnd: (lane: Lane, reading: HealthReading | null) => void,
  ) {
    this.#clock = clock;
    this.#onEnd = onEnd;
    const asked = lanes.filter(({ client }) => client.healthEveryMs !== null);
    this.#dueAtMs = new Map(asked.map((lane) => [lane, clock.steadyMs()]));
  }

  get nextTickAtMs(): number {
    const nowMs = this.#clock.steadyMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [lane, dueAtMs] of this.#dueAtMs) {
      // A probe that takes as long as that is followed by the next when it has ended.
      const isHeldUp = this.#underWay.has(lane) && dueAtMs <= nowMs;
      if (lane.movedFrom === null && !isHeldUp) nextMs = Math.min(nextMs, dueAtMs);
    }
    return nextMs;
  }

  /** Starts the probes that are due. */
  tick(): void {
    const nowMs = this.#clock.steadyMs();
    for (const [lane, dueAtMs] of this.#dueAtMs) {
      if (nowMs < dueAtMs || lane.movedFrom !== null || this.#underWay.has(lane)) continue;
      this.#underWay.add(lane);
      this.#dueAtMs.set(lane, nowMs + everyMsOf(lane));
      void this.#probe(lane, nowMs);
    }
  }

  async #probe(lane: Lane, startedAtMs: number): Promise<void> {
    const { reading, retryAfterMs, unreachable = null } = await lane.client.health();
    const nowMs = this.#clock.steadyMs();
    this.#underWay.delete(lane);
    this.#dueAtMs.set(lane, Math.max(startedAtMs + everyMsOf(lane), nowMs + retryAfterMs));
    lane.unreachable = unreachable;
    if (reading !== null) lane.recordHealth(nowMs, reading);
    this.#onEnd(lane, reading);
  }
}

function everyMsOf({ client }: Lane): number {
  return client.healthEveryMs ?? Number.POSITIVE_INFINITY;
}
