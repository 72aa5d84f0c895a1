/** Tests the process at its start: bad settings and bad journals are one line and exit 1. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { pino } from "pino";
import { apiSettings } from "../api/settings.ts";
import { simulatorSettings } from "../simulator/settings.ts";
import { PROCESSORS_MAX } from "./limits.ts";
import { workerSettings } from "./settings.ts";
import { Child, run } from "../testing/process.ts";
import { bareEnv, fromSource } from "../testing/programs.ts";
import { temporaryDirectory } from "../testing/temporary.ts";

const ONE = "default=http://127.0.0.1:8001;fee=0.05";

function childOf(entry: string, env: Record<string, string>): Child {
  return new Child({ command: fromSource(entry), env: bareEnv(env), cwd: tmpdir() });
}

async function start(entry: string, args: string[], env: Record<string, string>) {
  const options = { env: bareEnv(env), cwd: tmpdir() };
  const { code, out, err } = await run(fromSource(entry, ...args), options);
  return { stdout: out, stderr: err, exitCode: code };
}

/** Gives the line that a process leaves on stderr when it exits 1. */
async function refusal(env: Record<string, string>): Promise<string> {
  const { stderr, exitCode } = await start("worker.ts", [], env);
  expect(exitCode).toBe(1);
  const lines = stderr.split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[1]).toBe("");
  return lines[0] as string;
}

/** Settings with which the worker would start, were it not for what a test adds. */
function good(directory: string): Record<string, string> {
  return {
    PROCESSORS: ONE,
    JOURNAL: `sqlite:${directory}/payments.db`,
    LINK_PORT: "0",
    HTTP_PORT: "0",
  };
}

test.each([
  ["LINK_PORT", "65536"],
  ["JOURNAL", "postgres://a"],
  ["JOURNAL_SYNC", "sometimes"],
  ["LEDGER_SLOTS", "5000"],
  ["PURGE_ENABLED", "yes"],
  ["LOG_LEVEL", "loud"],
])("the worker refuses %s=%s in one line that names both", async (name, value) => {
  const line = await refusal({ PROCESSORS: ONE, [name]: value });
  expect(line).toStartWith(`${name}: "${value}" is not `);
});

test("the worker refuses to start without a processor", async () => {
  expect(await refusal({})).toStartWith(
    "PROCESSORS: none is given, and payments go nowhere else; ",
  );
});

describe("the worker refuses in one line", () => {
  test("a link beyond the private network without a secret", async () => {
    using directory = temporaryDirectory();
    const line = await refusal({ ...good(directory.path), LINK_HOST: "0.0.0.0" });
    expect(line).toStartWith("LINK_SECRET must be set");
  });

  test("to send payments through a proxy", async () => {
    using directory = temporaryDirectory();
    const line = await refusal({ ...good(directory.path), https_proxy: "http://127.0.0.1:3128" });
    expect(line).toStartWith("https_proxy: ");
  });

  test("a journal that is damaged, and leaves it as it is", async () => {
    using directory = temporaryDirectory();
    const path = directory.file();
    writeFileSync(path, "no journal at all\n".repeat(1_000));
    const before = readFileSync(path);
    expect(await refusal(good(directory.path))).toStartWith(`journal ${path} cannot be opened: `);
    expect(readFileSync(path)).toEqual(before);
  });

  test("a journal where nothing can be written", async () => {
    using directory = temporaryDirectory();
    const env = { ...good(directory.path), JOURNAL: "sqlite:/proc/payments.db" };
    expect(await refusal(env)).toStartWith("journal /proc/payments.db cannot be opened: ");
  });

  test("a journal that is a directory", async () => {
    using directory = temporaryDirectory();
    const path = directory.file();
    mkdirSync(path);
    expect(await refusal(good(directory.path))).toStartWith(`journal ${path} cannot be opened: `);
  });

  test("ports that are taken", async () => {
    using directory = temporaryDirectory();
    const link = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
    await using http = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    const env = good(directory.path);
    const [linkLine, httpLine] = [
      await refusal({ ...env, LINK_PORT: String(link.port) }),
      await refusal({ ...env, HTTP_PORT: String(http.port) }),
    ];
    link.close();
    expect(linkLine).toStartWith("LINK_PORT: cannot listen at 127.0.0.1:");
    expect(httpLine).toStartWith("HTTP_PORT: cannot listen at 127.0.0.1:");
  });
});

test.each(["api.ts", "simulator.ts"])("%s at an address that is not here", async (entry) => {
  const { stderr, exitCode } = await start(entry, [], { HOST: "192.0.2.1", PORT: "0" });
  expect(exitCode).toBe(1);
  expect(stderr).toBe("HOST: cannot listen at 192.0.2.1:0: this machine has no such address\n");
});

test("a command whose reader has read enough ends quietly, and one with a full disk says so", async () => {
  const command = async (redirect: string) => {
    const line = `"$0" "$1" audit --help ${redirect}; echo "code $?" >&2`;
    const { err } = await run(["bash", "-c", line, ...fromSource("worker.ts")]);
    return err.trim();
  };
  expect(await command("> >(exit 0)")).toBe("code 0");
  expect(await command("> /dev/full")).toMatch(/^stdout: ENOSPC[^\n]*\ncode 2$/);
});

test("a journal that has known more names than any configuration holds is opened, with the largest ring", async () => {
  using directory = temporaryDirectory();
  const env = { ...good(directory.path), LEDGER_SLOTS: String(2 ** 28) };
  for (const prefix of ["a", "b", "a"]) {
    const PROCESSORS = Array.from(
      { length: PROCESSORS_MAX },
      (_, i) => `${prefix}${i}=http://127.0.0.1:9/${prefix}${i};fee=0.5`,
    ).join(",");
    const worker = childOf("worker.ts", { ...env, PROCESSORS });
    await worker.startAndWait();
    expect([(await worker.stop()).code, worker.errors]).toEqual([0, []]);
  }
});

test("the worker ends with one line when its journal is taken away, and does not begin another", async () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  const worker = childOf("worker.ts", good(directory.path));
  await worker.startAndWait();
  rmSync(path);
  expect((await worker.ended).code).toBe(1);
  const last = JSON.parse(worker.lines.at(-1) as string);
  expect([last.level, last.msg]).toEqual([
    pino.levels.values["fatal"],
    `journal ${path}: ${path} was removed while the worker ran; ` +
      "put it back, or restore a backup (docs/OPERATIONS.md#backup)",
  ]);
  expect(await refusal(good(directory.path))).toStartWith(
    `journal ${path} cannot be opened: it is gone or empty, and `,
  );
});

test.each(["worker.ts", "api.ts", "simulator.ts"])(
  "%s hears a signal before anything else is loaded, and ends by it",
  async (entry) => {
    using directory = temporaryDirectory();
    const ports = { ...good(directory.path), PORT: "0", WORKER_LINK: "127.0.0.1:1" };
    // On a busy machine a process may have loaded all before it is looked at: another one is not.
    for (let tries = 1; ; tries++) {
      const child = childOf(entry, ports);
      child.start();
      while (!hears(child.pid, "SIGTERM")) await Bun.sleep(1);
      expect(await child.stop()).toMatchObject({ code: 0, signal: null });
      if (child.lines.length === 0) return;
      expect(tries).toBeLessThan(TRIES_MAX);
    }
  },
);

const TRIES_MAX = 20;

function hears(pid: number, signal: "SIGTERM"): boolean {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const caught = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return ((caught >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

test.each([
  ["api.ts", apiSettings],
  ["worker.ts", workerSettings],
  ["simulator.ts", simulatorSettings],
] as const)("%s --help shows every setting with its default, and exits 0", async (entry, table) => {
  // Help is to be had whatever the settings are.
  const { stdout, stderr, exitCode } = await start(entry, ["--help"], { LOG_LEVEL: "loud" });
  expect([exitCode, stderr]).toEqual([0, ""]);
  for (const [name, { default: value, meaning }] of Object.entries(table)) {
    const line = stdout.split("\n").find((each) => each.startsWith(`  ${name} `));
    expect(line).toContain(meaning);
    expect(line).toEndWith(`(default: ${value || "none"})`);
  }
});
