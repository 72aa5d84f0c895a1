/** A disk that answers nothing, a frozen ext4 in a file: whoever asks is told so, and it heals itself. */
import { expect, test } from "bun:test";
import { seededRandom } from "../system/random.ts";
import { until } from "../system/until.ts";
import { FreezingDisk, whyNoDisk } from "./frozen-disk.ts";
import { sourcePrograms } from "./programs.ts";
import { startStack, type Stack } from "./stack.ts";

const TEST_MS_MAX = 60_000;
const ANSWER_MS_MAX = 2_500;
const STILL = /has stood still for \d+ s: the journal's disk does not answer a commit/;

const whyNot = await whyNoDisk();
const note = whyNot === null ? "" : ` (${whyNot})`;

test.skipIf(whyNot !== null)(
  `while the journal's disk answers nothing, readiness says so and metrics answer${note}`,
  async () => {
    await using site = await startOnDisk();
    const { stack, disk } = site;
    await stack.startAll();
    const id = crypto.randomUUID();
    expect(await stack.gateway.pay(id, 1_990)).toBe(202);
    expect(await metric(stack, "papaleguas_pipeline_answering")).toBe("1");
    expect(await live(stack)).toMatchObject({ notReady: null });
    const accepted = await metric(stack, 'papaleguas_verdicts_total{verdict="stored"}');

    // Shops go on. Who asks for a payment in the milliseconds before the next commit would wait with it.
    const over = new AbortController();
    const status = () => ask(`${stack.workerUrl}/payments/${id}`);
    const pay = () => stack.gateway.pay(crypto.randomUUID(), 1_990);
    const shop = repeat(over.signal, 10, pay);

    disk.freeze();
    expect(await pay()).toBe(503);
    const asking = repeat(over.signal, 50, status);
    await until("the worker's readiness is red", 10_000, async () => !(await ready(stack)).ok);
    expect(await (await ready(stack)).text()).toMatch(STILL);
    const api = await ask(`${stack.gateway.url}/readyz`);
    expect([api.status, await api.text()]).toEqual([503, expect.stringMatching(STILL)]);
    expect(await metric(stack, "papaleguas_pipeline_answering")).toBe("0");
    expect(await metric(stack, "papaleguas_ready")).toBe("0");
    // As of when it answered last.
    expect(await metric(stack, 'papaleguas_verdicts_total{verdict="stored"}')).toBe(accepted);
    expect((await ask(`${stack.workerUrl}/livez`)).status).toBe(200);
    expect((await ask(`${stack.workerUrl}/payments-summary`)).status).toBe(200);
    expect((await status()).status).toBe(503);
    expect(await live(stack)).toMatchObject({ notReady: expect.stringMatching(STILL) });

    over.abort();
    await disk.thaw();
    await Promise.all([shop, asking]);
    await until("the worker is ready again", 10_000, async () => (await ready(stack)).ok);
    expect(await stack.gateway.pay(crypto.randomUUID(), 1_990)).toBe(202);
    expect(stack.worker.starts).toBe(1);
  },
  TEST_MS_MAX,
);

type Site = AsyncDisposable & { readonly stack: Stack; readonly disk: FreezingDisk };

async function startOnDisk(): Promise<Site> {
  const disk = await FreezingDisk.mount();
  const stack = await startStack({
    programs: sourcePrograms(),
    random: seededRandom(1),
    dataDir: disk.directory,
    env: { PROCESSOR_TIMEOUT_MS: "1500" },
    onDeath: () => {},
  });
  return {
    stack,
    disk,
    async [Symbol.asyncDispose]() {
      await disk.thaw();
      await stack[Symbol.asyncDispose]();
      await disk.unmount();
    },
  };
}

/** Whatever comes of it. */
async function repeat(over: AbortSignal, everyMs: number, action: () => Promise<unknown>) {
  while (!over.aborted) {
    await action().catch(() => {});
    await Bun.sleep(everyMs);
  }
}

function ready(stack: Stack): Promise<Response> {
  return ask(`${stack.workerUrl}/readyz`);
}

async function metric(stack: Stack, name: string): Promise<string | undefined> {
  const text = await (await ask(`${stack.workerUrl}/metrics`)).text();
  return text
    .split("\n")
    .find((line) => line.startsWith(`${name} `))
    ?.slice(name.length + 1);
}

async function live(stack: Stack): Promise<unknown> {
  return (await ask(`${stack.workerUrl}/dashboard/live?once`)).json();
}

function ask(url: string): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
}
