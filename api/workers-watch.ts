/** Watches the links to all workers that payments go to, as they come and go with the map. */
import { recurring } from "../shared/clock.ts";
import type { Readiness } from "../shared/http-api/readiness.ts";
import { LinkWatch, type LinkWatchParts } from "./link-watch.ts";
import type { KnownWorker } from "./workers.ts";

const LOOK_MS = 500;
const DOUBT_LOOK_MS = 5_000;
/** A map may be late by as much as a start: the workers may be starting, too. */
const FIRST_MAP_MS = 2_500;

export type WorkersWatchParts = Pick<LinkWatchParts, "clock" | "incidents" | "verdicts"> & {
  readonly workers: { known(): readonly KnownWorker[] };
  /** A worker's word about itself over HTTP; null when it says nothing. */
  readonly overHttp: (origin: string) => Promise<Readiness | null>;
};

export class WorkersWatch {
  readonly #parts: WorkersWatchParts;
  readonly #watches = new Map<string, LinkWatch>();
  readonly #startedAtMs: number;

  constructor(parts: WorkersWatchParts) {
    this.#parts = parts;
    this.#startedAtMs = parts.clock.steadyMs();
    this.#follow();
  }

  /** Looks from time to time, until what it gives is called. */
  start(doubtLookMs: number = DOUBT_LOOK_MS): () => void {
    const stops = [
      recurring(LOOK_MS, () => this.look()),
      recurring(doubtLookMs, () => this.lookOverHttp()),
    ];
    return () => stops.forEach((stop) => stop());
  }

  /** True when the worker has answered over HTTP alone for a while. */
  isInDoubt(address: string): boolean {
    return this.#watches.get(address)?.isInDoubt ?? false;
  }

  /** True while a worker says that this API's frames are made with another secret. */
  get secretDiffers(): boolean {
    return [...this.#watches.values()].some((watch) => watch.secretDiffers);
  }

  look(): void {
    this.#follow();
    for (const watch of this.#watches.values()) watch.look();
  }

  lookOverHttp(): void {
    for (const watch of this.#watches.values()) void watch.lookOverHttp();
  }

  #follow(): void {
    const { workers, overHttp, clock, incidents, verdicts } = this.#parts;
    const known = workers.known();
    const isLate = clock.steadyMs() - this.#startedAtMs >= FIRST_MAP_MS;
    incidents.tell("no-map", null, known.length === 0 && isLate ? {} : null);
    for (const [address, watch] of this.#watches) {
      if (known.some((worker) => worker.address === address)) continue;
      this.#watches.delete(address);
      watch.end();
    }
    for (const { address, http, link } of known) {
      if (this.#watches.has(address)) continue;
      const parts = { clock, incidents, verdicts, worker: address, link };
      this.#watches.set(address, new LinkWatch({ ...parts, overHttp: () => overHttp(http) }));
    }
  }
}
