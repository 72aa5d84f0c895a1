/** A processor as the worker sees it: its name, its client, its state, and its answers so far. */
import type { Processor } from "./processor.ts";
import { RouterLane, type RouterLaneOptions } from "./router/lane.ts";
import { ownerOf, type OpenPayment } from "./payment.ts";

export type LaneOptions = RouterLaneOptions & {
  /** Number of its name in the journal. */
  readonly number: number;
  /** Address that is configured. */
  readonly url: string;
  readonly client: Processor;
};

export class Lane extends RouterLane {
  readonly number: number;
  readonly url: string;
  readonly client: Processor;
  /** The name that the journal has at `url` and that is not configured any more, if payments wait for it. */
  addressOf: string | null = null;
  /** The reason why it could not be reached when it was asked for its health, or null. */
  unreachable: string | null = null;
  /** Payments settled since the start. */
  settled = 0;
  /** Its answers since the start, by outcome. */
  readonly attempts = { accepted: 0, exists: 0, refused: 0, rejected: 0, unknown: 0 };

  constructor(nowMs: number, options: LaneOptions) {
    super(nowMs, options);
    this.number = options.number;
    this.url = options.url;
    this.client = options.client;
  }
}

export class Lanes {
  /** Lanes in the order of the configuration. */
  readonly all: readonly Lane[];
  /** Lanes by the journal's number; empty where a name is not configured any more. */
  readonly #byNumber: Lane[] = [];

  constructor(all: readonly Lane[]) {
    this.all = all;
    for (const lane of all) this.#byNumber[lane.number] = lane;
  }

  /** Lane of the processor that a payment belongs to; null when there is none, or it is not configured. */
  of(payment: OpenPayment): Lane | null {
    const owner = ownerOf(payment);
    return owner === null ? null : this.numbered(owner.processor);
  }

  /** Finds a lane by the journal's number; null when it is not configured any more. */
  numbered(processor: number): Lane | null {
    return this.#byNumber[processor] ?? null;
  }

  /**
   * Name whose address a processor is configured with, as the journal has it: a name that is configured
   * elsewhere now, or not any more while payments wait for it. Null: nobody's, or its own.
   */
  holderOf(lane: Lane): string | null {
    return this.all.find(({ movedFrom }) => movedFrom === lane.url)?.name ?? lane.addressOf;
  }

  named(name: string): Lane | null {
    return this.all.find((lane) => lane.name === name) ?? null;
  }
}
