/**
 * Times taking the oldest payment from a long queue and adding one, against `shift` and `push` of
 * an array.
 */
import type { OpenPayment } from "../../worker/payment.ts";
import { queuedPayment } from "../../worker/payment.fixture.ts";
import { PaymentQueue } from "../../worker/queue.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { compare } from "../compare.ts";

export const name = "micro/queue";

const BATCH = 256;

export function run(context: BenchContext): Row[] {
  const lengths = context.quick ? [10, 1_000] : [10, 100_000];
  return lengths.map((length) => {
    const checks = new Checks();
    const queue = new PaymentQueue();
    const array: OpenPayment[] = [];
    for (let i = 0; i < length; i++) {
      // Our queue looks at deadlines: they are equal, as when its payments go round and round.
      queue.push(queuedPayment(i));
      array.push(queuedPayment(i));
    }
    for (let i = 0; i < length / 2; i++) {
      const ours = queue.takeOldest() as OpenPayment;
      checks.equal("the oldest", ours, array.shift());
      queue.push(ours);
      array.push(ours);
    }
    const ours = () => {
      for (let i = 0; i < BATCH; i++) queue.push(queue.takeOldest() as OpenPayment);
    };
    const naive = () => {
      for (let i = 0; i < BATCH; i++) array.push(array.shift() as OpenPayment);
    };
    const series = compare(context, { batch: BATCH, ours, naive });
    checks.equal("the length afterwards", queue.length, length);
    return rowOf(`queue: take + push, ${length} long`, "ns", series, checks, "against array.shift");
  });
}
