/**
 * Keeps work that is due later, in the order (due, arrival): two calls due at the same millisecond
 * finish in the order in which they came. A binary heap, because delays change while calls wait.
 */
type Entry<T> = { readonly dueAtMs: number; readonly arrival: number; readonly work: T };

export class Schedule<T> {
  #heap: Entry<T>[] = [];
  #arrivals = 0;

  get nextDueAtMs(): number | null {
    return this.#heap[0]?.dueAtMs ?? null;
  }

  add(dueAtMs: number, work: T): void {
    this.#heap.push({ dueAtMs, arrival: this.#arrivals++, work });
    this.#rise(this.#heap.length - 1);
  }

  /** The first entry that is due by `nowMs`, taken out; null when there is none. */
  takeDue(nowMs: number): Entry<T> | null {
    const first = this.#heap[0];
    if (first === undefined || first.dueAtMs > nowMs) return null;
    const last = this.#heap.pop() as Entry<T>;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  /** Everything still waiting, in order; the schedule is empty afterwards. */
  takeAll(): T[] {
    const all = this.#heap.toSorted((a, b) => (before(a, b) ? -1 : 1));
    this.#heap = [];
    return all.map((entry) => entry.work);
  }

  #rise(from: number): void {
    let child = from;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#swapIfBefore(child, parent)) return;
      child = parent;
    }
  }

  #sink(from: number): void {
    let parent = from;
    for (;;) {
      const child = this.#earlierChild(parent);
      if (child === null || !this.#swapIfBefore(child, parent)) return;
      parent = child;
    }
  }

  #earlierChild(parent: number): number | null {
    const left = this.#heap[2 * parent + 1];
    const right = this.#heap[2 * parent + 2];
    if (left === undefined) return null;
    return right !== undefined && before(right, left) ? 2 * parent + 2 : 2 * parent + 1;
  }

  #swapIfBefore(child: number, parent: number): boolean {
    const lower = this.#heap[child] as Entry<T>;
    const upper = this.#heap[parent] as Entry<T>;
    if (!before(lower, upper)) return false;
    this.#heap[child] = upper;
    this.#heap[parent] = lower;
    return true;
  }
}

function before(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.dueAtMs < b.dueAtMs || (a.dueAtMs === b.dueAtMs && a.arrival < b.arrival);
}
