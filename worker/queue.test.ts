import { expect, test } from "bun:test";
import fc from "fast-check";
import type { OpenPayment } from "./payment.ts";
import { queuedPayment } from "./payment.fixture.ts";
import { PaymentQueue } from "./queue.ts";

function payment(deadlineMs: number, seq = deadlineMs): OpenPayment {
  return queuedPayment(seq, { deadlineMs });
}

function queueOf(line: readonly number[], returned: readonly number[] = []): PaymentQueue {
  const queue = new PaymentQueue();
  for (const deadlineMs of line) queue.push(payment(deadlineMs));
  for (const deadlineMs of returned) queue.putBack(payment(deadlineMs));
  return queue;
}

function drain(queue: PaymentQueue): number[] {
  const deadlines: number[] = [];
  for (let next = queue.takeOldest(); next !== undefined; next = queue.takeOldest()) {
    deadlines.push(next.deadlineMs);
  }
  return deadlines;
}

test("an empty queue has nothing to give, at either end", () => {
  const queue = new PaymentQueue();
  expect(queue.length).toBe(0);
  expect(queue.takeOldest()).toBeUndefined();
  expect(queue.takeNewest()).toBeUndefined();
  expect(queue.deadlineMsAt(0)).toBe(Number.POSITIVE_INFINITY);
});

test("gives the nearest deadline first, whether it waited or came back", () => {
  expect(drain(queueOf([10, 20, 30], [25, 5, 20]))).toEqual([5, 10, 20, 20, 25, 30]);
});

test("one that another worker left goes by its deadline", () => {
  expect(drain(queueOf([10, 30, 40, 20, 25, 50]))).toEqual([10, 20, 25, 30, 40, 50]);
});

test("of equal deadlines the one that came back goes first", () => {
  const queue = new PaymentQueue();
  queue.push(payment(10, 1));
  queue.putBack(payment(10, 2));
  expect(queue.takeOldest()?.seq).toBe(2);
});

test("gives the one that can wait the longest from the end of the line, then from those that came back", () => {
  const queue = queueOf([10, 20], [5, 15]);
  expect([1, 2, 3, 4].map(() => queue.takeNewest()?.deadlineMs)).toEqual([20, 10, 15, 5]);
});

test("a newest one that came back does not hide the deadline of the oldest", () => {
  const queue = queueOf([10, 20, 30], [30]);
  expect(queue.deadlineMsAt(0)).toBe(10);
});

test("the deadline at every position is the one that will be taken there", () => {
  const sorted = fc.array(fc.nat(50)).map((deadlines) => deadlines.toSorted((a, b) => a - b));
  fc.assert(
    fc.property(sorted, fc.array(fc.nat(50)), fc.nat(10), (line, returned, taken) => {
      const queue = queueOf(line, returned);
      for (let i = 0; i < taken; i++) queue.takeOldest();
      const positions = Array.from({ length: queue.length }, (_, position) =>
        queue.deadlineMsAt(position),
      );
      expect(queue.deadlineMsAt(queue.length)).toBe(Number.POSITIVE_INFINITY);
      expect(drain(queue)).toEqual(positions);
    }),
  );
});

test("loses nothing and doubles nothing, whatever is taken where", () => {
  const operation = fc.constantFrom("push", "oldest", "newest", "putBack");
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const queue = new PaymentQueue();
      const inside = new Set<number>();
      const outside: OpenPayment[] = [];
      let seq = 0;
      for (const name of operations) {
        if (name === "push") {
          queue.push(payment(++seq));
          inside.add(seq);
        } else if (name === "putBack") {
          const back = outside.pop();
          if (back !== undefined) queue.putBack(back);
          if (back !== undefined) inside.add(back.seq);
        } else {
          const one = name === "oldest" ? queue.takeOldest() : queue.takeNewest();
          expect(one !== undefined).toBe(inside.size > 0);
          if (one === undefined) continue;
          expect(inside.delete(one.seq)).toBe(true);
          outside.push(one);
        }
        expect(queue.length).toBe(inside.size);
      }
      expect(drain(queue)).toEqual([...inside].sort((a, b) => a - b));
    }),
  );
});

test("a long line is taken to its end, across the places that are given back", () => {
  const queue = new PaymentQueue();
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 1_000; i++) queue.push(payment(next++));
    for (let i = 0; i < 900; i++) expect(queue.takeOldest()?.deadlineMs).toBe(expected++);
  }
  expect(queue.length).toBe(next - expected);
  expect(drain(queue)).toEqual(Array.from({ length: next - expected }, (_, i) => expected + i));
});

test("putting many back in the order of their deadlines costs one comparison each", () => {
  const queue = new PaymentQueue();
  let reads = 0;
  const counted = (deadlineMs: number): OpenPayment =>
    Object.defineProperty(payment(deadlineMs), "deadlineMs", {
      get() {
        reads++;
        return deadlineMs;
      },
    });
  for (let i = 0; i < 100_000; i++) queue.putBack(counted(i));
  expect(reads).toBeLessThanOrEqual(200_000);
});

test("a payment that rests is not there until its time", () => {
  const queue = queueOf([10]);
  queue.rest(payment(5), 1_000);
  queue.wake(999);
  expect(drain(queue)).toEqual([10]);
  queue.wake(1_000);
  expect(drain(queue)).toEqual([5]);
});

test("of those that came back with equal deadlines the first goes first", () => {
  const queue = new PaymentQueue();
  for (const seq of [1, 2, 3]) queue.putBack(payment(10, seq));
  expect([1, 2, 3].map(() => queue.takeOldest()?.seq)).toEqual([1, 2, 3]);
});

test("whatever is taken out, rests and is woken up, each is in one place or in none", () => {
  const operation = fc.constantFrom("push", "rest", "remove", "wake");
  const operations = fc.array(fc.tuple(operation, fc.nat(20)), { minLength: 80, maxLength: 160 });
  fc.assert(
    fc.property(operations, (all) => {
      const queue = new PaymentQueue();
      const payments: OpenPayment[] = [];
      const [waiting, resting] = [new Set<OpenPayment>(), new Map<OpenPayment, number>()];
      let nowMs = 0;
      const wake = () => {
        queue.wake(nowMs);
        for (const [one, untilMs] of resting) {
          if (untilMs > nowMs) continue;
          resting.delete(one);
          waiting.add(one);
        }
      };
      for (const [name, n] of all) {
        const known = payments[n];
        if (name === "push" || known === undefined) {
          const one = payment(payments.length);
          payments.push(one);
          waiting.add(one);
          queue.push(one);
        } else if (name === "wake") {
          nowMs += n % 4;
          wake();
        } else {
          queue.remove(new Set([known]));
          waiting.delete(known);
          resting.delete(known);
          if (name === "rest") {
            queue.rest(known, nowMs + (n % 4));
            resting.set(known, nowMs + (n % 4));
          }
        }
        expect(queue.length).toBe(waiting.size);
      }
      nowMs = Number.POSITIVE_INFINITY;
      wake();
      expect(drain(queue)).toEqual([...waiting].map(({ seq }) => seq).sort((a, b) => a - b));
    }),
  );
});

test("thousands that another worker left cost what sorting them does, in however many parts they come", () => {
  const count = 8_192;
  const parts = 16;
  let looks = 0;
  const watched = (deadlineMs: number) =>
    Object.defineProperty(payment(0, deadlineMs), "deadlineMs", {
      get: () => (looks++, deadlineMs),
    });
  const queue = new PaymentQueue();
  for (let part = 0; part < parts; part++) {
    for (let at = part; at < count; at += parts) queue.push(watched(at));
    // A tick looks between two parts.
    expect(queue.deadlineMsAt(0)).toBe(0);
  }
  expect(looks).toBeLessThan(count * parts * 2 * Math.log2(count));
  expect(drain(queue)).toEqual(Array.from({ length: count }, (_, at) => at));
});
