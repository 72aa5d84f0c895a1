/**
 * A gateway in trouble, as the page has to show it: its compiled worker has two processors, one with a
 * long name that breaks off every call, and books that differ by 400.00.
 */
import type { ProcessorAdmin } from "../../testing/processor-admin.ts";
import { siteFor, Stack } from "../../testing/stack.ts";
import { fromSource } from "../../testing/programs.ts";
import { until } from "../../testing/until.ts";
import { compile } from "../build.ts";

export const TOKEN = "a token of the test";
export const LONG = "acquirer-of-the-north-and-east";
export const SPARE = "fallback";
const SETTLED = 12;
/** More payments than the page lists, and than one answer may hold at most. */
const WAITING = 1_060;

export type Trouble = { readonly stack: Stack; readonly spare: ProcessorAdmin };

export async function startTrouble(root: string, binaries: string): Promise<Trouble> {
  const binary = { name: "worker", entry: "worker.ts", threads: "worker/**/*-thread.ts" };
  const worker = [await compile(root, binary, binaries)];
  const programs = { worker, api: fromSource("api.ts"), simulator: null };
  // An audit leaves out what may be under way: so long, and some seconds, books that differ are not seen.
  const env = { ADMIN_TOKEN: TOKEN, PATIENCE_MS: "600000", PROCESSOR_TIMEOUT_MS: "3000" };
  const site = await siteFor({ programs, env });
  const stack = new Stack(site);
  const [cheap, spare] = stack.processors as readonly [ProcessorAdmin, ProcessorAdmin];
  const audited = ";audit-token=123";
  stack.configure({
    PROCESSORS: `${LONG}=${cheap.url};fee=0.05${audited},${SPARE}=${spare.url};fee=0.15${audited}`,
  });
  try {
    await stack.startAll();
    await until("it is ready", () => stack.gateway.isReady());
    await pay(stack, SETTLED);
    const settled = async () => (await stack.gateway.summary(null))[LONG]?.count === SETTLED;
    await until("some are settled", settled);
    await chargeBehindOurBack(spare);
    await cheap.setDown(true);
    await pay(stack, WAITING);
    await until("some are unknown", async () => {
      return (await openIds(stack, "limit=1&state=unknown")).length === 1;
    });
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
  return { stack, spare };
}

export async function pay({ gateway }: Stack, count: number): Promise<void> {
  const posted = Array.from({ length: count }, (_, n) =>
    gateway.pay(crypto.randomUUID(), 1_000_00 + n),
  );
  await Promise.all(posted);
}

/** Lists ids of open payments, without a query's `after` at most a thousand. */
export async function openIds({ workerHttp }: Stack, query: string): Promise<string[]> {
  const answer = await fetch(`${workerHttp.url}/open-payments?${query}`);
  const { payments } = (await answer.json()) as { payments: { correlationId: string }[] };
  return payments.map(({ correlationId }) => correlationId);
}

async function chargeBehindOurBack({ url }: ProcessorAdmin): Promise<void> {
  const requestedAt = new Date().toISOString();
  const body = JSON.stringify({ correlationId: crypto.randomUUID(), amount: 400, requestedAt });
  const headers = { "content-type": "application/json" };
  await fetch(`${url}/payments`, { method: "POST", headers, body });
}
