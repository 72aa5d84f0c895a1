/** The lane log keeps the changes of each lane's breaker and mode since the start, with their causes. */
import type { Clock } from "../../shared/clock.ts";
import type { BreakerKind, LaneChange, LaneMode } from "../../shared/http-api/live.ts";
import { CHANGES_KEPT } from "../live.ts";

type What =
  | Pick<Extract<LaneChange, { kind: "breaker" }>, "kind" | "from" | "to" | "cause">
  | Pick<Extract<LaneChange, { kind: "mode" }>, "kind" | "from" | "to" | "cause">;

export class LaneLog {
  readonly #clock: Clock;
  /** Newest changes of each lane, by the processor's name. */
  readonly #changes = new Map<string, LaneChange[]>();
  #number = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  breakerChanged(processor: string, from: BreakerKind, to: BreakerKind, cause: string): void {
    this.#note(processor, { kind: "breaker", from, to, cause });
  }

  /** Notes a mode. The operator's name and reason are in the journal, for those who may read it. */
  modeChanged({ name, mode: from }: { name: string; mode: LaneMode }, to: LaneMode): void {
    if (from !== to) this.#note(name, { kind: "mode", from, to, cause: "an operator's decision" });
  }

  /** Number of the newest change. */
  get newest(): number {
    return this.#number;
  }

  /** Gives the changes after a number, in the order in which they happened. */
  after(number: number): LaneChange[] {
    return [...this.#changes.values()]
      .flatMap((changes) => changes.filter((change) => change.number > number))
      .sort((a, b) => a.number - b.number);
  }

  #note(processor: string, what: What): void {
    const changes = this.#changes.get(processor) ?? [];
    this.#changes.set(processor, changes);
    const at = new Date(this.#clock.wallMs()).toISOString();
    const upMs = Math.round(this.#clock.steadyMs());
    changes.push({ number: ++this.#number, at, upMs, processor, ...what });
    if (changes.length > CHANGES_KEPT) changes.shift();
  }
}
