/** Two simulated processors, each a process, and what they say that they have charged. */
import { startChild, type Child } from "./children.ts";

export type Sum = { readonly count: number; readonly cents: number };
export const NONE: Sum = { count: 0, cents: 0 };

export type Processors = {
  readonly urls: readonly string[];
  readonly children: readonly Child[];
};

/** The simulator's, as the contract has it. */
const ADMIN = { "x-rinha-token": "123" };
const FEES = { default: "0.05", fallback: "0.15" };

export async function startProcessors(dist: boolean, delayMs: number): Promise<Processors> {
  const children = await Promise.all(
    Object.entries(FEES).map(([NAME, FEE]) =>
      startChild({
        entry: "simulator.ts",
        dist,
        env: { NAME, FEE, HOST: "127.0.0.1", PORT: "0" },
      }),
    ),
  );
  const urls = children.map(({ ready }) => `http://127.0.0.1:${ready["port"]}`);
  for (const url of urls) await setDelay(url, delayMs);
  return { urls, children };
}

/** Milliseconds that the processor takes from now on. */
export async function setDelay(url: string, delay: number): Promise<void> {
  await configure(url, "delay", { delay });
}

/** Whether it refuses every payment from now on. */
export async function setFailure(url: string, failure: boolean): Promise<void> {
  await configure(url, "failure", { failure });
}

async function configure(url: string, what: string, body: object): Promise<void> {
  const answer = await fetch(`${url}/admin/configurations/${what}`, {
    method: "PUT",
    headers: { ...ADMIN, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (answer.status !== 200) throw new Error(`the processor's ${what}: ${answer.status}`);
}

/** In the order of `urls`. */
export function sumsOf(urls: readonly string[]): Promise<Sum[]> {
  return Promise.all(
    urls.map(async (url) =>
      sumFrom(await (await fetch(`${url}/admin/payments-summary`, { headers: ADMIN })).json()),
    ),
  );
}

/** Totals as the gateway's summary and the processors' have them alike. */
export function sumFrom(totals: unknown): Sum {
  const { totalRequests, totalAmount } = totals as { totalRequests: number; totalAmount: number };
  return { count: totalRequests, cents: Math.round(totalAmount * 100) };
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
