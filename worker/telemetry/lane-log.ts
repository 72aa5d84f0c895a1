/** What became of each lane, and why: every change of its breaker and of its mode since the start. */
import type { Clock } from "../../shared/clock.ts";
import type { BreakerKind, LaneChange, LaneMode } from "../../shared/http-api/live.ts";
import type { Log } from "../../shared/log.ts";
import { CHANGES_KEPT } from "../live.ts";
import type { Router } from "../router.ts";

export type DiaryOptions = { readonly clock: Clock; readonly log: Log; readonly router: Router };

export class Diary {
  readonly #options: DiaryOptions;
  /** By lane. */
  readonly #changes: LaneChange[][];
  readonly #breakers: BreakerKind[];
  #number = 0;

  constructor(options: DiaryOptions) {
    this.#options = options;
    this.#changes = options.router.lanes.map(() => []);
    this.#breakers = options.router.lanes.map(({ breaker }) => breaker.kind);
  }

  /** To be told of every change of a breaker. */
  breakerChanged(lane: number, cause: string): void {
    const { name, breaker } = this.#options.router.lane(lane);
    const from = this.#breakers[lane] as BreakerKind;
    this.#breakers[lane] = breaker.kind;
    this.#note(lane, { kind: "breaker", from, to: breaker.kind, cause });
    this.#options.log.info({ processor: name, breaker: breaker.kind, cause }, "breaker");
  }

  /** Who and why is in the journal, for those who may read it. */
  modeChanged(lane: number, from: LaneMode, to: LaneMode): void {
    if (from !== to) this.#note(lane, { kind: "mode", from, to, cause: "an operator's decision" });
  }

  /** Those after a number, in the order in which they happened. */
  after(number: number): LaneChange[] {
    return this.#changes
      .flatMap((changes) => changes.filter((change) => change.number > number))
      .sort((a, b) => a.number - b.number);
  }

  #note(
    lane: number,
    what:
      | Pick<Extract<LaneChange, { kind: "breaker" }>, "kind" | "from" | "to" | "cause">
      | Pick<Extract<LaneChange, { kind: "mode" }>, "kind" | "from" | "to" | "cause">,
  ): void {
    const { clock, router } = this.#options;
    const changes = this.#changes[lane] as LaneChange[];
    const at = new Date(clock.wallMs()).toISOString();
    const upMs = Math.round(clock.steadyMs());
    changes.push({ number: ++this.#number, at, upMs, processor: router.lane(lane).name, ...what });
    if (changes.length > CHANGES_KEPT) changes.shift();
  }
}
