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

  /** Parents that are later than the entry sink into the place that it leaves free. */
  #rise(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as Entry<T>;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!before(entry, heap[parent] as Entry<T>)) break;
      heap[place] = heap[parent] as Entry<T>;
      place = parent;
    }
    heap[place] = entry;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const entry = heap[from] as Entry<T>;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && before(heap[right] as Entry<T>, heap[child] as Entry<T>))
        child = right;
      if (!before(heap[child] as Entry<T>, entry)) break;
      heap[place] = heap[child] as Entry<T>;
      place = child;
    }
    heap[place] = entry;
  }
}

function before(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.dueAtMs < b.dueAtMs || (a.dueAtMs === b.dueAtMs && a.arrival < b.arrival);
}
