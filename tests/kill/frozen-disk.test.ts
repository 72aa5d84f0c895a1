/**
 * Freezes a disk, an ext4 in a file, so that it answers nothing: callers are told so, and the
 * gateway heals itself.
 */
import { expect, test } from "bun:test";
import { apiSettings } from "../../api/settings.ts";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import { Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";
import { FreezingDisk, whyNoDisk } from "./frozen-disk.ts";

/** An answer that waited for the disk would never come. */
const ANSWER_MS_MAX = 10_000;
const STILL = /has stood still for \d+ s: the journal's disk does not answer a commit/;

const whyNot = await whyNoDisk();
const note = whyNot === null ? "" : ` (${whyNot})`;

test.skipIf(whyNot !== null)(
  `while the journal's disk answers nothing, readiness says so and metrics answer${note}`,
  async () => {
    await using site = await startOnDisk();
    const { stack, disk } = site;
    const id = crypto.randomUUID();
    expect(await stack.gateway.pay(id, 1_990)).toBe(202);
    expect(await stack.workerHttp.metric("papaleguas_pipeline_answering")).toBe("1");
    expect(await stack.workerHttp.live()).toMatchObject({ notReady: null });
    const accepted = await stack.workerHttp.metric('papaleguas_verdicts_total{verdict="stored"}');

    // Shops go on. A question about a payment in the milliseconds before the next commit would wait
    // with it.
    const over = new AbortController();
    const status = () => stack.workerHttp.ask(`/payments/${id}`, ANSWER_MS_MAX);
    const pay = () => stack.gateway.pay(crypto.randomUUID(), 1_990);
    const shop = repeat(over.signal, 10, pay);

    await disk.freeze();
    expect(await pay()).toBe(503);
    const asking = repeat(over.signal, 50, status);
    await until("the worker's readiness is red", async () => !(await ready(stack)).ok);
    expect(await (await ready(stack)).text()).toMatch(STILL);
    const api = await stack.gateway.ask("/readyz", ANSWER_MS_MAX);
    expect([api.status, await api.text()]).toEqual([503, expect.stringMatching(STILL)]);
    expect(await stack.workerHttp.metric("papaleguas_pipeline_answering")).toBe("0");
    expect(await stack.workerHttp.metric("papaleguas_ready")).toBe("0");
    // The metric is as of when it answered last.
    expect(await stack.workerHttp.metric('papaleguas_verdicts_total{verdict="stored"}')).toBe(
      accepted,
    );
    expect((await stack.workerHttp.ask("/livez", ANSWER_MS_MAX)).status).toBe(200);
    expect((await stack.workerHttp.ask("/payments-summary", ANSWER_MS_MAX)).status).toBe(200);
    expect((await status()).status).toBe(503);
    await until("live figures say so", async () => {
      const { notReady } = (await stack.workerHttp.live()) as LiveSnapshot;
      return STILL.test(notReady ?? "");
    });

    over.abort();
    await disk.thaw();
    await Promise.all([shop, asking]);
    await until("the worker is ready again", async () => (await ready(stack)).ok);
    expect(await stack.gateway.pay(crypto.randomUUID(), 1_990)).toBe(202);
    expect(stack.worker.starts).toBe(1);
    const said = () => stack.worker.lines.filter((line) => line.includes('"pipeline-still"'));
    await until("it is said to be over", () => said().length > 1);
    expect(said().map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      "the pipeline stands still",
      "over: the pipeline stands still",
    ]);
  },
);

type Site = AsyncDisposable & { readonly stack: Stack; readonly disk: FreezingDisk };

async function startOnDisk(): Promise<Site> {
  const disk = await FreezingDisk.mount();
  const stack = await Stack.start({
    dataDir: disk.directory,
    env: { PROCESSOR_TIMEOUT_MS: "1500" },
    apiEnv: { ACK_TIMEOUT_MS: apiSettings.ACK_TIMEOUT_MS.default },
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

/** Repeats an action whatever comes of it. */
async function repeat(over: AbortSignal, everyMs: number, action: () => Promise<unknown>) {
  while (!over.aborted) {
    await action().catch(() => {});
    await Bun.sleep(everyMs);
  }
}

function ready(stack: Stack): Promise<Response> {
  return stack.workerHttp.ask("/readyz", ANSWER_MS_MAX);
}
