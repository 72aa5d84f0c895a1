/**
 * The network of the link in the world: the memory network's loss, repetition and delay, and beyond
 * them partitions of one direction, datagrams that somebody keeps and sends again, perhaps to a
 * later process of the receiver, and datagrams that somebody forges without the key.
 */
import { MemoryNetwork } from "../../shared/link/memory.ts";
import type { Chance } from "./chance.ts";
import type { Plan } from "./plan.ts";
import type { Time } from "./time.ts";

const INSTANCE_AT = 2;
const INSTANCE_BYTES = 6;
const INCARNATION_AT = 8;
const PAYLOAD_AT = 16;
const MAC_BYTES = 16;

export type PostOptions = {
  readonly time: Time;
  readonly chance: Chance;
  readonly rough: Chance;
  readonly plan: Plan;
  readonly toWorker: (frame: Buffer, api: number) => void;
  /** Gives true when the frame was believed. */
  readonly toApi: (frame: Buffer, api: number) => boolean;
  /** Gives how many starts the worker had had, by incarnation. */
  readonly startOf: (incarnation: number) => number;
};

export class Post {
  /** Nothing gets through in a direction until then. */
  readonly partitionedUntilMs = { toWorker: 0, toApis: 0 };
  /** True while an API is handed a verdict frame of an earlier process of the worker than it believed. */
  deliversStale = false;
  readonly #options: PostOptions;
  readonly #network: MemoryNetwork;
  /** The newest start of the worker that an API believed, by the API's instance. */
  readonly #newest = new Map<number, number>();
  #troubled = true;

  constructor(options: PostOptions) {
    const { chance, plan } = options;
    this.#options = options;
    this.#network = new MemoryNetwork(chance.fork().next, plan.link);
  }

  heal(): void {
    this.#troubled = false;
    this.#network.faults = { loss: 0, repeat: 0, delayMsMax: 1 };
    this.partitionedUntilMs.toWorker = 0;
    this.partitionedUntilMs.toApis = 0;
  }

  toWorker(frame: Buffer, api: number): void {
    const { time, toWorker } = this.#options;
    this.#send(frame, (bytes) => {
      if (time.nowMs >= this.partitionedUntilMs.toWorker) toWorker(bytes, api);
    });
  }

  toApi(frame: Buffer, api: number): void {
    const { plan, rough } = this.#options;
    if (this.#troubled && rough.happens(plan.rough.misdelivery)) {
      const other = rough.between(0, plan.apis - 1);
      if (other !== api) this.#put(() => this.#arrive(frame, other, true));
    }
    this.#send(frame, (bytes, isFalse) => this.#arrive(bytes, api, isFalse));
  }

  /** `isFalse`: forged, or not this API's. */
  #arrive(bytes: Buffer, api: number, isFalse: boolean): void {
    const { time, toApi, startOf } = this.#options;
    if (time.nowMs < this.partitionedUntilMs.toApis) return;
    const start = startOf(bytes.readUInt32BE(INCARNATION_AT));
    const instance = bytes.readUIntBE(INSTANCE_AT, INSTANCE_BYTES);
    const newest = this.#newest.get(instance) ?? 0;
    this.deliversStale = isFalse || start < newest;
    const isBelieved = toApi(bytes, api);
    if (isBelieved && !isFalse) this.#newest.set(instance, Math.max(newest, start));
    this.deliversStale = false;
  }

  #send(frame: Buffer, deliver: (bytes: Buffer, forged: boolean) => void): void {
    const { time, chance, plan } = this.#options;
    this.#put(() => deliver(frame, false));
    if (!this.#troubled) return;
    if (chance.happens(plan.link.replay)) {
      time.after(chance.next() * plan.troubleMs, () => this.#put(() => deliver(frame, false)));
    }
    if (chance.happens(plan.link.forgery)) {
      const forged = this.#forge(frame);
      this.#put(() => deliver(forged, true));
    }
  }

  #put(deliver: () => void): void {
    const { time } = this.#options;
    this.#network.send(time.nowMs, deliver, (dueAtMs) =>
      time.after(dueAtMs - time.nowMs, () => this.#network.tick(time.nowMs)),
    );
  }

  /**
   * Forges a frame: head and ids as they were seen; codes, amounts or the very end changed; no key
   * to sign it.
   */
  #forge(frame: Buffer): Buffer {
    const { chance } = this.#options;
    const bytes = Buffer.from(frame);
    const at = chance.between(PAYLOAD_AT, Math.max(PAYLOAD_AT, bytes.length - MAC_BYTES - 1));
    bytes[at] = chance.between(0, 3);
    if (chance.happens(0.5)) bytes[INCARNATION_AT]! ^= 1;
    if (bytes.equals(frame)) bytes[at]! ^= 1; // The byte drawn was the one that stood there.
    return bytes;
  }
}
