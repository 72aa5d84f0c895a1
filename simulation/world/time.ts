/**
 * Virtual time: what happens, happens in the order (time, arrival), and time passes only from one
 * event to the next. A promise that an event resolves runs its course before the next event.
 */
import { drainMicrotasks } from "bun:jsc";
import type { Clock } from "../../shared/clock.ts";
import { Schedule } from "../../simulator/processor/schedule.ts";
import type { After } from "../../worker/ticker.ts";

/** 2026-01-01, so that instants look like instants. */
const WALL_START_MS = 1_767_225_600_000;

export class Time implements Clock {
  nowMs = 0;
  /** Steps of the wall clock. */
  wallOffsetMs = 0;
  /** Time for which nothing at all has run. */
  pausedMs = 0;
  readonly #schedule = new Schedule<() => void>();

  steadyMs = (): number => this.nowMs;
  wallMs = (): number => Math.floor(WALL_START_MS + this.wallOffsetMs + this.nowMs);

  after(delayMs: number, event: () => void): void {
    this.#schedule.add(this.nowMs + Math.max(0, delayMs), event);
  }

  /** Everything sleeps, as on a machine that is suspended: what was due meanwhile is late. */
  pause(pauseMs: number): void {
    this.nowMs += pauseMs;
    this.pausedMs += pauseMs;
  }

  /** Timers of a process that lives so long, and that it can cancel; they come when their slack is over. */
  timersWhile(alive: () => boolean): After {
    return (delayMs, call, slackMs) => {
      let isSet = true;
      this.after(delayMs + slackMs, () => {
        if (isSet && alive()) call();
      });
      return () => {
        isSet = false;
      };
    };
  }

  /** Runs events until `until` says stop, none is left, or time is up. */
  run(untilMs: number, until: () => boolean = () => false): void {
    for (;;) {
      const due = this.#schedule.takeDue(untilMs);
      if (due === null) break;
      this.nowMs = Math.max(this.nowMs, due.dueAtMs);
      due.work();
      drainMicrotasks();
      if (until()) return;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }
}
