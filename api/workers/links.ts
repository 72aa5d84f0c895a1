/**
 * The links to workers, by their addresses. Those that are configured stay; others are opened when a map
 * names them, and closed a while after none does, since a worker that is gone may still have answers to
 * give. All have the number of this process.
 */
import type { Log } from "../../shared/log.ts";
import type { LinkTraffic, WorkerLink } from "../../shared/verdict.ts";

const KEEP_MS = 10_000;

export type LinksOptions = {
  readonly configured: ReadonlyMap<string, WorkerLink>;
  /** Rejects with one sentence when nothing may be sent there. */
  readonly open: (address: string) => Promise<WorkerLink>;
  readonly log: Pick<Log, "error">;
};

export class Links {
  readonly #options: LinksOptions;
  readonly #open: Map<string, WorkerLink>;
  /** Addresses that are being opened, or cannot be. */
  readonly #missing = new Set<string>();
  readonly #neededAtMs = new Map<string, number>();
  #closed = false;

  constructor(options: LinksOptions) {
    this.#options = options;
    this.#open = new Map(options.configured);
  }

  at(address: string): WorkerLink | null {
    return this.#open.get(address) ?? null;
  }

  /** Opens and closes links as a map needs them that has these addresses. */
  need(nowMs: number, addresses: readonly string[]): void {
    for (const address of addresses) {
      this.#neededAtMs.set(address, nowMs);
      if (!this.#open.has(address) && !this.#missing.has(address)) void this.#openOne(address);
    }
    for (const [address, link] of this.#open) {
      const unusedMs = nowMs - (this.#neededAtMs.get(address) ?? nowMs);
      if (this.#options.configured.has(address) || unusedMs < KEEP_MS) continue;
      this.#open.delete(address);
      link.close();
    }
  }

  /** Counts of all links that are open. */
  get traffic(): LinkTraffic {
    const sum = { framesSent: 0, framesReceived: 0, retransmissions: 0 };
    const drops: Record<string, number> = {};
    for (const { traffic } of this.#open.values()) {
      sum.framesSent += traffic.framesSent;
      sum.framesReceived += traffic.framesReceived;
      sum.retransmissions += traffic.retransmissions;
      for (const [reason, count] of Object.entries(traffic.drops)) {
        drops[reason] = (drops[reason] ?? 0) + count;
      }
    }
    return { ...sum, drops };
  }

  close(): void {
    this.#closed = true;
    for (const link of this.#open.values()) link.close();
  }

  async #openOne(address: string): Promise<void> {
    this.#missing.add(address);
    try {
      const link = await this.#options.open(address);
      if (this.#closed) return link.close();
      this.#open.set(address, link);
      this.#missing.delete(address);
    } catch (error) {
      // It stays among the missing: it is said once, and will not be otherwise before another start.
      this.#options.log.error(`a worker's link at ${address}: ${(error as Error).message}`);
    }
  }
}
