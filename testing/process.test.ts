import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { isAlive } from "./proc.ts";
import { Child, run, type ChildOptions } from "./process.ts";
import { until } from "./until.ts";

const PARENT = [process.execPath, join(import.meta.dir, "process.fixture.ts")];

function shell(script: string, options: Partial<ChildOptions> = {}): Child {
  return new Child({ name: "it", command: ["sh", "-c", script], ...options });
}

const ready = `echo '{"msg":"ready","port":7}'`;

describe("a child", () => {
  test.each(["SIGKILL", "SIGINT"] as const)(
    "does not outlive us, also when it is stopped and we end by %s",
    async (signal) => {
      await using parent = new Child({
        command: PARENT,
        isReady: (line) => /^\d+ \d+$/.test(line),
      });
      const pids = (await parent.startAndWait()).split(" ").map(Number);
      expect(pids.map(isAlive)).toEqual([true, true]);
      process.kill(parent.pid, signal);
      await until("both are gone", () => !pids.some(isAlive));
    },
  );

  test("is ready once it says so, and starts again with another environment", async () => {
    await using child = shell(`echo "$WORD"; ${ready}; exec sleep 100`, { env: { WORD: "first" } });
    expect(await child.startAndWait()).toBe('{"msg":"ready","port":7}');
    expect([child.isReady, child.readyMs > 0]).toEqual([true, true]);
    expect(() => child.start()).toThrow("it runs already");
    await child.kill();
    expect([child.isReady, child.isRunning]).toEqual([false, false]);
    child.env = { WORD: "second" };
    await child.startAndWait();
    expect(child.lines.filter((line) => !line.startsWith("{"))).toEqual(["first", "second"]);
    expect(child.starts).toBe(2);
  });

  test("that ends before it is ready says how, and what it said", async () => {
    const child = shell("echo out; echo err >&2; exit 3");
    const error = await child.startAndWait().catch((reason: Error) => reason);
    expect(error).toMatchObject({
      message: "it ended with code 3 before it was ready",
      cause: "out\nerr",
    });
    expect(await child.ended).toEqual({ code: 3, signal: null });
  });

  test("that is not ready in time is left to whoever waits", async () => {
    await using child = shell("exec sleep 100", { readyMsMax: 1 });
    await expect(child.startAndWait()).rejects.toThrow("it went on for 1 ms before it was ready");
    expect(child.isRunning).toBe(true);
  });

  test("has its last words told when nobody asked it to end, and else not", async () => {
    const deaths: unknown[] = [];
    const onDeath = (...death: unknown[]) => void deaths.push(death);
    const script = `echo '{"msg":"of the log"}'; echo; echo why >&2; kill -9 $$`;
    const child = shell(script, { onDeath });
    child.start();
    await child.ended;
    expect(deaths).toEqual([["it was ended by SIGKILL", ["why"]]]);
    await using other = shell(`${ready}; exec sleep 100`, { onDeath });
    await other.startAndWait();
    expect(await other.stop()).toMatchObject({ code: null, signal: "SIGTERM" });
    expect(deaths).toHaveLength(1);
  });

  test("is read to its end, also what has no end of line, and only the newest is kept", async () => {
    const heard: string[] = [];
    const script = "seq 1 100000; printf last";
    const child = shell(script, { linesMax: 2, onLine: (line) => void heard.push(line) });
    child.start();
    await child.ended;
    expect([heard.length, child.lines]).toEqual([100_001, ["100000", "last"]]);
  });

  test("that hears no SIGTERM is ended when its time is up", async () => {
    await using child = shell(`trap '' TERM; ${ready}; while :; do sleep 0.05; done`);
    await child.startAndWait();
    expect(await child.stop(20)).toMatchObject({ code: null, signal: "SIGKILL" });
  });

  test("can be waited for by what it says, from a line on", async () => {
    await using child = shell("echo a; echo b; read line; echo a2; exec sleep 100", {
      withInput: true,
    });
    child.start();
    expect(await child.untilLine((line) => line.startsWith("a"))).toBe("a");
    await child.untilLine((line) => line === "b");
    const next = child.untilLine((line) => line.startsWith("a"), child.lines.length);
    child.endInput();
    expect(await next).toBe("a2");
    await child.kill();
    await expect(child.untilLine((line) => line === "c")).rejects.toThrow("before it said that");
  });
});

test("a program is run to its end, with what it reads", async () => {
  const { code, signal, out, err } = await run(["sh", "-c", "cat; echo err >&2; exit 4"], {
    input: "in\n",
  });
  expect({ code, signal, out, err }).toEqual({ code: 4, signal: null, out: "in\n", err: "err\n" });
});
