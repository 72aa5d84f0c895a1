/** Tests the kernel's account of a process, where there is one. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { cpuMsOf, spentBetween, threadsCpuMsOf } from "./proc.ts";
import { run } from "./process.ts";
import { until } from "./until.ts";

const BUSY_MS = 200;
const BUSY = `
  while (process.threadCpuUsage().user < ${BUSY_MS * 1_000});
  postMessage("done");
  setInterval(() => {}, 1_000);
`;
const total = (account: ReadonlyMap<string, number>) =>
  account.values().reduce((sum, ms) => sum + ms, 0);

test.skipIf(!existsSync("/proc/self/schedstat"))(
  "what a thread took stays in the sum once it has ended",
  async () => {
    const { pid } = process;
    const before = threadsCpuMsOf(pid);
    const thread = new Worker(URL.createObjectURL(new Blob([BUSY], { type: "text/javascript" })));
    const { promise, resolve } = Promise.withResolvers<unknown>();
    thread.onmessage = resolve;
    await promise;
    const during = threadsCpuMsOf(pid);
    expect(total(during) - total(before)).toBeGreaterThan(BUSY_MS);
    expect(during.get("Worker")! - (before.get("Worker") ?? 0)).toBeGreaterThan(BUSY_MS);
    await thread.terminate();
    await until("it has ended", () => {
      return threadsCpuMsOf(pid).get("ended")! - before.get("ended")! > BUSY_MS;
    });
    const after = threadsCpuMsOf(pid);
    expect(total(after)).toBeGreaterThanOrEqual(total(during));
    for (const from of [before, during]) {
      const spent = spentBetween(from, after).reduce((sum, { ms }) => sum + ms, 0);
      expect(spent).toBeCloseTo(total(after) - total(from), 3);
    }
    expect(cpuMsOf(pid)).toBeGreaterThanOrEqual(total(after));
  },
);

test("a kind of thread of which none is left has given all that it took to those that have ended", () => {
  const from = new Map(Object.entries({ main: 10, JITWorker: 500, ended: 0 }));
  const to = new Map(Object.entries({ main: 11, ended: 500.5 }));
  expect(spentBetween(from, to)).toEqual([
    { name: "ended", ms: 500.5 },
    { name: "main", ms: 1 },
    { name: "JITWorker", ms: -500 },
  ]);
});

test("a process that is not there has taken nothing", async () => {
  const { out } = await run([process.execPath, "-e", "console.log(process.pid)"]);
  expect(Number(out)).toBeGreaterThan(0);
  expect(cpuMsOf(Number(out))).toBe(0);
});
