/**
 * Chooses which of the addresses of the worker's name frames go to, as a core: no clock, no socket. The
 * name is resolved about once a second, whether the worker answers or not. An address that the name still
 * has is kept as long as the worker answers from it; one that it has no more is left at once, even if
 * somebody answers there: two workers never share a journal, so the name says who is the worker.
 */
import type { Secrets } from "../settings.ts";
import { whySecretWontDo } from "./reach.ts";

/** Time between two lookups, and for an address to answer before the next one is tried. */
const RESOLVE_MS = 1_000;

export class Target {
  readonly #secrets: Secrets | null;
  #addresses: readonly string[] = [];
  #address: string | null = null;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #resolvedAtMs = Number.NEGATIVE_INFINITY;

  constructor(secrets: Secrets | null) {
    this.#secrets = secrets;
  }

  /** Null while there is no address to send to. */
  get address(): string | null {
    return this.#address;
  }

  /** True when the name is to be resolved now, which is counted as done. */
  resolvesNow(nowMs: number): boolean {
    if (nowMs - this.#resolvedAtMs < RESOLVE_MS) return false;
    this.#resolvedAtMs = nowMs;
    return true;
  }

  /** Takes the name's addresses. False when there are some, and nothing may be sent to any. */
  resolved(nowMs: number, found: readonly string[], answering: boolean): boolean {
    const isUsable = (address: string) => whySecretWontDo(this.#secrets, address, "") === null;
    this.#addresses = [...found].sort(byFamily).filter(isUsable);
    const isStill = this.#address !== null && this.#addresses.includes(this.#address);
    const hadItsTime = nowMs - this.#sinceMs >= RESOLVE_MS;
    if (!isStill || (!answering && hadItsTime)) this.#moveTo(nowMs, this.#next(isStill));
    return found.length === 0 || this.#addresses.length > 0;
  }

  /** Notes that the worker has answered from there. */
  heardFrom(nowMs: number, address: string): void {
    if (address !== this.#address && this.#addresses.includes(address))
      this.#moveTo(nowMs, address);
  }

  #next(isStill: boolean): string | null {
    const next = isStill ? this.#addresses.indexOf(this.#address as string) + 1 : 0;
    return this.#addresses[next % this.#addresses.length] ?? null;
  }

  #moveTo(nowMs: number, address: string | null): void {
    this.#address = address;
    this.#sinceMs = nowMs;
  }
}

/** Sorts IPv4 first: a worker listens there unless told otherwise. */
function byFamily(a: string, b: string): number {
  return Number(a.includes(":")) - Number(b.includes(":"));
}
