/** Counts and cents: of a gateway's summary and of its processors alike, in the order of the processors. */
import type { GatewayClient, Sum } from "../../testing/gateway.ts";
import type { ProcessorAdmin } from "../../testing/processor-admin.ts";

export const NONE: Sum = { count: 0, cents: 0 };

export async function summaryOf(gateway: GatewayClient): Promise<Sum[]> {
  return Object.values(await gateway.summary(null));
}

export function sumsOf(processors: readonly ProcessorAdmin[]): Promise<Sum[]> {
  return Promise.all(processors.map((processor) => processor.summary(null)));
}

export function totalOf(sums: readonly Sum[]): Sum {
  return sums.reduce(plus, NONE);
}

export function plus(a: Sum, b: Sum): Sum {
  return { count: a.count + b.count, cents: a.cents + b.cents };
}

export function minus(a: Sum, b: Sum): Sum {
  return { count: a.count - b.count, cents: a.cents - b.cents };
}
