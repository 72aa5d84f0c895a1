/** Tests `worker top` from outside: in a terminal, without one, and for scripts. */
import { expect, test } from "bun:test";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import { isAlive } from "../../testing/proc.ts";
import { startStand } from "../../testing/stand.ts";
import { until } from "../../testing/until.ts";
import { Child, run } from "../../testing/process.ts";
import { bareEnv, fromSource } from "../../testing/programs.ts";

const COMMAND = fromSource("worker.ts", "top");
const envOf = (url: string) => bareEnv({ WORKER_HTTP: url });

/** Runs `worker top` to its end. */
function runTop(url: string, ...args: string[]) {
  return run([...COMMAND, ...args], { env: envOf(url) });
}

/**
 * Runs it in a terminal of its own; gives what it has written, and where the cursor's screen stands now.
 */
function topInTerminal(url: string) {
  let written = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn(COMMAND, {
    env: { ...envOf(url), TERM: "xterm-256color" },
    terminal: {
      cols: 120,
      rows: 30,
      data: (_, bytes) => void (written += decoder.decode(bytes, { stream: true })),
    },
  });
  return {
    child,
    terminal: child.terminal as Bun.Terminal,
    written: () => written,
    /** The newest whole picture. */
    screen: () => (written.split("\x1b[H").at(-2) ?? "").replaceAll("\x1b[K", "").split(/\r+\n/),
    shows: (text: string) =>
      until(`the screen shows ${text}`, async () =>
        (written.split("\x1b[H").at(-1) ?? "").includes(text),
      ),
  };
}

test("in a terminal it draws, sorts, resizes, notices a lost worker and its return, and gives all back", async () => {
  await using stand = await startStand();
  const gateway = stand.gateway;
  expect(await gateway.pay(crypto.randomUUID(), 1_990)).toBe(202);
  const top = topInTerminal(stand.workerUrl);
  try {
    await top.shows("default ");
    await top.shows("19.90");
    expect(top.written()).toStartWith("\x1b[?1049h\x1b[?25l");
    const order = () => top.screen().filter((line) => /^(default|fallback) /.test(line));
    await until("both are there", async () => order().length === 2);
    expect(order()[0]).toStartWith("default");
    top.terminal.write("nn");
    await until("they are turned round", async () => order()[0]?.startsWith("fallback") === true);

    top.terminal.resize(40, 12);
    await until("it fits", async () => {
      const lines = top.screen();
      return lines.length === 12 && lines.every((line) => line.length <= 40);
    });

    const pid = stand.pidOf("worker");
    process.kill(pid, "SIGKILL");
    await top.shows("NO CONNECTION");
    await until("it is gone", async () => !isAlive(pid));
    await until("another one is there", async () => stand.pidOf("worker") !== pid);
    await until("the screen has it", async () => {
      const last = top.screen().join("\n");
      return last.includes("taken") && !last.includes("NO CONNECTION");
    });
    top.terminal.write("q");
    expect(await top.child.exited).toBe(0);
    expect(top.written()).toEndWith("\x1b[?25h\x1b[?1049l");
  } finally {
    top.child.kill("SIGKILL");
    top.terminal.close();
  }
});

test.each(["ctrl-c", "SIGTERM", "SIGHUP"] as const)(
  "%s gives the terminal back, whether a worker answers or not",
  async (way) => {
    const top = topInTerminal("http://127.0.0.1:1");
    try {
      await top.shows("NO CONNECTION");
      if (way === "ctrl-c") top.terminal.write("\x03");
      else top.child.kill(way);
      expect(await top.child.exited).toBe(0);
      expect(top.written()).toEndWith("\x1b[?25h\x1b[?1049l");
    } finally {
      top.child.kill("SIGKILL");
      top.terminal.close();
    }
  },
);

test("without a terminal it prints lines, and for scripts what the worker says", async () => {
  await using stand = await startStand();
  expect(await stand.gateway.pay(crypto.randomUUID(), 500)).toBe(202);
  const once = await runTop(stand.workerUrl, "--once", "--json");
  expect(once).toMatchObject({ code: 0, err: "" });
  const snapshot = JSON.parse(once.out) as LiveSnapshot;
  expect(snapshot.lanes.map(({ name }) => name)).toEqual(["default", "fallback"]);
  const words = await runTop(stand.gateway.url, "--once");
  expect(words.code).toBe(0);
  expect(words.out).toMatch(/^default +5 % +closed/m);
  expect(words.out).not.toContain("\x1b");

  const firstOf = async (...args: string[]) => {
    await using top = new Child({ command: [...COMMAND, ...args], env: envOf(stand.workerUrl) });
    top.start();
    const first = await top.untilLine((line) => line !== "");
    expect((await top.stop()).code).toBe(0);
    return first;
  };
  const line = /^\d{4}-[^ ]+Z  taken [\d.]+\/s  settled .*\|  fallback closed/;
  expect(await firstOf()).toMatch(line);
  expect(Array.isArray((JSON.parse(await firstOf("--json")) as LiveSnapshot).lanes)).toBe(true);
});

test("where no worker answers, once is one line and exit code 1", async () => {
  for (const args of [["--once"], ["--once", "--json"]]) {
    const { code, err, out } = await runTop("http://127.0.0.1:1", ...args);
    expect([code, err.trim().split("\n").length, out]).toEqual([1, 1, ""]);
  }
});
