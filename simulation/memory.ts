/**
 * A processor without sockets, for a seeded world that has its own clock and network. Nothing is
 * answered inside `call`: every answer is handed over by `tick`, in the order in which it was due, so
 * that a caller is never entered from its own call.
 */
import type { Answer, Call, Done, ProcessorModel } from "../simulator/processor.ts";

/** An answer that reaches a caller; a silent answer is none. */
export type Delivered = Exclude<Answer, { kind: "silent" }>;
export type Handle = {
  onAnswer: ((answer: Delivered) => void) | null;
  /** True when the processor has done with the call all that it ever will, answered or not. */
  over: boolean;
};

export class MemoryProcessor {
  readonly model: ProcessorModel;
  readonly #pending = new Map<number, Handle>();
  #ready: { readonly handle: Handle; readonly answer: Answer }[] = [];
  #nowMs = -Infinity;

  constructor(model: ProcessorModel) {
    this.model = model;
  }

  call(nowMs: number, call: Call, onAnswer: (answer: Delivered) => void): Handle {
    this.#collect(nowMs);
    const handle: Handle = { onAnswer, over: false };
    const outcome = this.model.apply(nowMs, call);
    if (outcome.kind === "pending") this.#pending.set(outcome.ticket, handle);
    else this.#stage(handle, outcome);
    return handle;
  }

  /** The caller hears nothing more. The processor is not told: it charges all the same. */
  hangUp(handle: Handle): void {
    handle.onAnswer = null;
  }

  /** Hands over what has become due by `nowMs`. */
  tick(nowMs: number): void {
    this.#collect(nowMs);
    const ready = this.#ready;
    this.#ready = [];
    for (const { handle, answer } of ready) {
      const onAnswer = handle.onAnswer;
      handle.onAnswer = null;
      if (answer.kind !== "silent") onAnswer?.(answer);
    }
  }

  /** Instant at which `tick` has something to hand over; null while nothing is waiting. */
  nextDueAtMs(): number | null {
    return this.#ready.length > 0 ? this.#nowMs : this.model.nextDueAtMs();
  }

  #collect(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    for (const done of this.model.advance(nowMs)) this.#finish(done);
  }

  #finish({ ticket, answer }: Done): void {
    const handle = this.#pending.get(ticket);
    if (handle === undefined) return;
    this.#pending.delete(ticket);
    this.#stage(handle, answer);
  }

  #stage(handle: Handle, answer: Answer): void {
    handle.over = true;
    this.#ready.push({ handle, answer });
  }
}
