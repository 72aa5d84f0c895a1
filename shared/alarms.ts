/**
 * Alarms of a thread wake it together: one timer of the engine is set for the soonest, and all that are due
 * when it goes off have their turn. Timers have whole milliseconds, counted from wherever each was set, so that
 * those for one instant would wake an idle process one after the other.
 *
 * An alarm may have slack: it goes off at its instant if the thread is awake then, by another alarm or by what
 * comes from outside, and is waited for only when its slack is over. The field knows this as timer coalescing.
 */
export type AlarmTimer = { ref(): unknown; unref(): unknown };

export type AlarmsOptions = {
  readonly nowMs: () => number;
  readonly set: (ms: number, call: () => void) => AlarmTimer;
  readonly clear: (timer: AlarmTimer) => void;
};

type Alarm = {
  readonly atMs: number;
  /** The end of its slack, at which the timer goes off for it. */
  readonly byMs: number;
  readonly call: () => void;
  readonly isWaitedFor: boolean;
};

export class Alarms {
  readonly #options: AlarmsOptions;
  readonly #alarms = new Set<Alarm>();
  #waitedFor = 0;
  #timer: AlarmTimer | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;
  /** No alarm is for an instant before it. */
  #soonestAtMs = Number.POSITIVE_INFINITY;
  /** The end of the process waits for the timer, as it does for each new one. */
  #isKept = true;
  /** Alarms have their turn, and the timer is set afterwards. */
  #isRinging = false;

  constructor(options: AlarmsOptions) {
    this.#options = options;
  }

  /**
   * Calls once at an instant of the steady clock, or less than a millisecond later, unless what it gives is
   * called before. With slack it may come as much later. The end of the process waits for an alarm that
   * `isWaitedFor`.
   */
  at(atMs: number, call: () => void, isWaitedFor = false, slackMs = 0): () => void {
    const byMs = atMs + slackMs;
    const alarm = { atMs, byMs, call, isWaitedFor };
    this.#alarms.add(alarm);
    this.#soonestAtMs = Math.min(this.#soonestAtMs, atMs);
    if (isWaitedFor) this.#waitedFor++;
    // A timer that is late may have been lost: a test runner ends those of the file before.
    const isSooner = byMs < this.#timerAtMs || this.#timerAtMs < this.#options.nowMs();
    if (isSooner && !this.#isRinging) this.#setForSoonest();
    this.#keep();
    return () => {
      this.#remove(alarm);
      this.#keep();
    };
  }

  /** Has those that are due go off now: the thread is awake for another reason. */
  pass(): void {
    if (this.#soonestAtMs <= this.#options.nowMs() && !this.#isRinging) this.#ring();
  }

  #setForSoonest(): void {
    const { nowMs, set, clear } = this.#options;
    if (this.#timer !== null) clear(this.#timer);
    this.#timer = null;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    this.#soonestAtMs = Number.POSITIVE_INFINITY;
    for (const { atMs, byMs } of this.#alarms) {
      this.#timerAtMs = Math.min(this.#timerAtMs, byMs);
      this.#soonestAtMs = Math.min(this.#soonestAtMs, atMs);
    }
    if (this.#alarms.size === 0) return;
    const leftMs = Math.max(0, Math.ceil(this.#timerAtMs - nowMs()));
    this.#timer = set(leftMs, () => this.#fired());
    this.#isKept = true;
  }

  #fired(): void {
    this.#timer = null;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    this.#ring();
  }

  #ring(): void {
    const nowMs = this.#options.nowMs();
    const due = [...this.#alarms].filter(({ atMs }) => atMs <= nowMs);
    this.#isRinging = true;
    try {
      for (const alarm of due) if (this.#remove(alarm)) alarm.call();
    } finally {
      this.#isRinging = false;
      this.#setForSoonest();
      this.#keep();
    }
  }

  /** False when it was removed before. */
  #remove(alarm: Alarm): boolean {
    const wasThere = this.#alarms.delete(alarm);
    if (wasThere && alarm.isWaitedFor) this.#waitedFor--;
    return wasThere;
  }

  #keep(): void {
    const isKept = this.#waitedFor > 0;
    if (this.#timer === null || isKept === this.#isKept) return;
    this.#isKept = isKept;
    if (isKept) this.#timer.ref();
    else this.#timer.unref();
  }
}

/** The alarms of this thread, by `performance.now()`. */
export const alarms = new Alarms({
  nowMs: () => performance.now(),
  set: (ms, call) => setTimeout(call, ms),
  clear: (timer) => clearTimeout(timer as Timer),
});
