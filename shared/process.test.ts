import { describe, expect, test } from "bun:test";
import type { Draining } from "./process.fixture.ts";

const ENTRY = new URL("./process.fixture.ts", import.meta.url).pathname;

/** A process whose output can be waited for. */
function start(draining: Draining) {
  const child = Bun.spawn([process.execPath, ENTRY, draining], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const waiting: { word: string; done: () => void }[] = [];
  let text = "";
  void (async () => {
    for await (const bytes of child.stdout) {
      text += new TextDecoder().decode(bytes);
      for (const { word, done } of waiting) if (text.includes(word)) done();
    }
  })();
  return {
    child,
    says(word: string): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ word, done: resolve });
      if (text.includes(word)) resolve();
      return promise;
    },
    [Symbol.dispose]: () => child.kill("SIGKILL"),
  };
}

describe.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s", (signal) => {
  test("drains and exits 0", async () => {
    using process = start("at once");
    await process.says("up");
    process.child.kill(signal);
    await process.says("drained");
    expect(await process.child.exited).toBe(0);
  });

  test("during the start ends it at once, with 0", async () => {
    using process = start("starting");
    await process.says("up");
    process.child.kill(signal);
    expect([await process.child.exited, process.child.signalCode]).toEqual([0, null]);
  });

  test("before there is anything that drains, but too late to leave, drains then", async () => {
    using process = start("held");
    await process.says("up");
    process.child.kill(signal);
    await process.child.stdin.end();
    await process.says("drained");
    expect(await process.child.exited).toBe(0);
  });

  test("a second time exits at once, with 1", async () => {
    using process = start("never");
    await process.says("up");
    process.child.kill("SIGTERM");
    await process.says("draining");
    process.child.kill(signal);
    expect(await process.child.exited).toBe(1);
  });
});

test("a drain that takes longer than 4.8 s is given up, with exit 1", async () => {
  using process = start("never");
  await process.says("up");
  process.child.kill("SIGTERM");
  await process.says("not drained within 4800 ms");
  expect(await process.child.exited).toBe(1);
}, 15_000);

test("a SIGHUP that whoever started the process wants ignored, as nohup does, ends nothing", async () => {
  const command = `trap '' HUP; exec "$0" "$1" "at once"`;
  const child = Bun.spawn(["bash", "-c", command, process.execPath, ENTRY], { stdout: "pipe" });
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGHUP");
  child.kill("SIGTERM");
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toContain("SIGTERM");
  expect(await child.exited).toBe(0);
});
