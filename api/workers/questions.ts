/**
 * Asks all workers for their map, round after round: once a second, five times a second while the map that is
 * known does not do, and at once when somebody has a reason. A worker that does not answer is not asked
 * again before it does, or its time is over.
 */
import type { Clock } from "../../shared/clock.ts";
import { fetchMap } from "./fetch-map.ts";
import type { Owners } from "./owners.ts";
import { Sites } from "./sites.ts";

const ROUND_MS = 1_000;
/** Time between two rounds while the map is known not to do. */
const SOON_MS = 200;
const AT_ONCE_MS = 25;

export type QuestionsOptions = {
  readonly clock: Clock;
  /** Origins of the workers that are asked. */
  readonly origins: () => readonly string[];
  /** False while the map that is known does not do. */
  readonly isEnough: () => boolean;
  /** Hears each answer when it comes. */
  readonly onMap: (owners: Owners) => void;
};

export class Questions {
  readonly #options: QuestionsOptions;
  readonly #sites = new Sites();
  readonly #asking = new Set<string>();
  #timer: Timer | undefined;
  #nextAtMs = Number.POSITIVE_INFINITY;
  #lastAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  /** Begins a round, and with it all others. */
  start(): void {
    const { clock, origins, isEnough } = this.#options;
    this.#lastAtMs = clock.steadyMs();
    this.#nextAtMs = Number.POSITIVE_INFINITY;
    for (const origin of new Set(origins())) void this.#ask(origin);
    this.#within(isEnough() ? ROUND_MS : SOON_MS);
  }

  /** Begins the next round at once, but not sooner than 25 ms after the last one. */
  hurry(): void {
    this.#within(AT_ONCE_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #within(ms: number): void {
    const atMs = this.#lastAtMs + ms;
    if (atMs >= this.#nextAtMs) return;
    this.#nextAtMs = atMs;
    clearTimeout(this.#timer);
    const leftMs = Math.max(0, atMs - this.#options.clock.steadyMs());
    this.#timer = setTimeout(() => this.start(), leftMs);
  }

  async #ask(origin: string): Promise<void> {
    if (this.#asking.has(origin)) return;
    this.#asking.add(origin);
    const owners = await fetchMap(this.#sites.at(origin));
    this.#asking.delete(origin);
    if (owners !== null) this.#options.onMap(owners);
  }
}
