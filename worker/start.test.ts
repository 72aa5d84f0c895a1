/** The process at its start: bad settings and bad journals are one line and exit 1. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { apiSettings } from "../api/settings.ts";
import { simulatorSettings } from "../simulator/settings.ts";
import { PROCESSORS_MAX } from "./limits.ts";
import { workerSettings } from "./settings.ts";

const ROOT = new URL("..", import.meta.url).pathname;

function spawn(entry: string, args: string[], env: Record<string, string>) {
  return Bun.spawn([process.execPath, join(ROOT, entry), ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    cwd: tmpdir(),
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function run(entry: string, args: string[], env: Record<string, string>) {
  const child = spawn(entry, args, env);
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, exitCode };
}

/** The one line that a process leaves on stderr when it exits 1. */
async function refusal(env: Record<string, string>): Promise<string> {
  const { stderr, exitCode } = await run("worker.ts", [], env);
  expect(exitCode).toBe(1);
  const lines = stderr.split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[1]).toBe("");
  return lines[0] as string;
}

function temporary() {
  const path = mkdtempSync(join(tmpdir(), "papa-leguas-start-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Settings with which the worker would start, were it not for what a test adds. */
function good(directory: string): Record<string, string> {
  return { JOURNAL: `sqlite:${directory}/payments.db`, LINK_PORT: "0", HTTP_PORT: "0" };
}

test.each([
  ["LINK_PORT", "65536"],
  ["JOURNAL", "postgres://a"],
  ["JOURNAL_SYNC", "sometimes"],
  ["LEDGER_SLOTS", "5000"],
  ["PURGE_ENABLED", "yes"],
  ["LOG_LEVEL", "loud"],
])("the worker refuses %s=%s in one line that names both", async (name, value) => {
  const line = await refusal({ [name]: value });
  expect(line).toStartWith(`${name}: "${value}" is not `);
});

describe("the worker refuses in one line", () => {
  test("a link beyond the private network without a secret", async () => {
    using directory = temporary();
    const line = await refusal({ ...good(directory.path), LINK_HOST: "0.0.0.0" });
    expect(line).toStartWith("LINK_SECRET must be set");
  });

  test("to send payments through a proxy", async () => {
    using directory = temporary();
    const line = await refusal({ ...good(directory.path), https_proxy: "http://127.0.0.1:3128" });
    expect(line).toStartWith("https_proxy: ");
  });

  test("a journal that is damaged, and leaves it as it is", async () => {
    using directory = temporary();
    const path = join(directory.path, "payments.db");
    writeFileSync(path, "no journal at all\n".repeat(1_000));
    const before = readFileSync(path);
    expect(await refusal(good(directory.path))).toStartWith(`journal ${path} cannot be opened: `);
    expect(readFileSync(path)).toEqual(before);
  });

  test("a journal where nothing can be written", async () => {
    using directory = temporary();
    const env = { ...good(directory.path), JOURNAL: "sqlite:/proc/payments.db" };
    expect(await refusal(env)).toStartWith("journal /proc/payments.db cannot be opened: ");
  });

  test("a journal that is a directory", async () => {
    using directory = temporary();
    const path = join(directory.path, "payments.db");
    mkdirSync(path);
    expect(await refusal(good(directory.path))).toStartWith(`journal ${path} cannot be opened: `);
  });

  test("ports that are taken", async () => {
    using directory = temporary();
    const link = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
    await using http = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    const env = good(directory.path);
    const [linkLine, httpLine] = [
      await refusal({ ...env, LINK_PORT: String(link.port) }),
      await refusal({ ...env, HTTP_PORT: String(http.port) }),
    ];
    link.close();
    expect(linkLine).toContain("LINK_PORT");
    expect(httpLine).toContain("HTTP_PORT");
  });
});

test.each(["api.ts", "simulator.ts"])("%s at an address that is not here", async (entry) => {
  const { stderr, exitCode } = await run(entry, [], { HOST: "192.0.2.1", PORT: "0" });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^HOST, PORT: cannot listen at 192\.0\.2\.1 0: [^\n]+\n$/);
});

test("a command whose reader has read enough ends quietly, and one with a full disk says so", async () => {
  const command = async (redirect: string) => {
    const line = `"$0" "$1" audit --help ${redirect}; echo "code $?" >&2`;
    const args = ["-c", line, process.execPath, join(ROOT, "worker.ts")];
    const child = Bun.spawn(["bash", ...args], { stdout: "ignore", stderr: "pipe" });
    return (await new Response(child.stderr).text()).trim();
  };
  expect(await command("> >(exit 0)")).toBe("code 0");
  expect(await command("> /dev/full")).toMatch(/^stdout: ENOSPC[^\n]*\ncode 2$/);
});

test("a journal that has known more names than any configuration holds is opened, with the largest ring", async () => {
  using directory = temporary();
  const env = { ...good(directory.path), LEDGER_SLOTS: String(2 ** 28) };
  for (const prefix of ["a", "b", "a"]) {
    const PROCESSORS = Array.from(
      { length: PROCESSORS_MAX },
      (_, i) => `${prefix}${i}=http://127.0.0.1:9/${prefix}${i};fee=0.5`,
    ).join(",");
    const worker = spawn("worker.ts", [], { ...env, PROCESSORS });
    let text = "";
    for await (const bytes of worker.stdout) {
      text += new TextDecoder().decode(bytes);
      if (!text.includes('"ready"')) continue;
      text = "";
      worker.kill("SIGTERM");
    }
    expect([await worker.exited, await new Response(worker.stderr).text()]).toEqual([0, ""]);
  }
}, 30_000);

/** A worker that is ready, and what it has logged when it has ended. */
async function readyWorker(env: Record<string, string>) {
  const worker = spawn("worker.ts", [], env);
  // Read to the end: a log that nobody takes would end the process with an error.
  let text = "";
  const ready = Promise.withResolvers<void>();
  const log = (async () => {
    for await (const bytes of worker.stdout) {
      text += new TextDecoder().decode(bytes);
      if (text.includes('"ready"')) ready.resolve();
    }
    ready.reject(new Error(`the worker ended before it was ready: ${text}`));
    return text;
  })();
  await ready.promise;
  return { worker, log };
}

test("the worker ends with one line when its journal is taken away, and does not begin another", async () => {
  using directory = temporary();
  const path = join(directory.path, "payments.db");
  const { worker, log } = await readyWorker(good(directory.path));
  rmSync(path);
  expect(await worker.exited).toBe(1);
  const last = JSON.parse((await log).trimEnd().split("\n").at(-1) as string);
  expect([last.level, last.msg]).toEqual([
    pino.levels.values["fatal"],
    `journal ${path}: ${path} was removed while the worker ran; ` +
      "put it back, or restore a backup (docs/OPERATIONS.md#backup)",
  ]);
  expect(await refusal(good(directory.path))).toStartWith(
    `journal ${path} cannot be opened: it is gone or empty, and `,
  );
}, 20_000);

test.each(["worker.ts", "api.ts", "simulator.ts"])(
  "%s hears a signal before anything else is loaded, and ends by it",
  async (entry) => {
    using directory = temporary();
    const ports = { ...good(directory.path), PORT: "0", WORKER_LINK: "127.0.0.1:1" };
    const child = spawn(entry, [], ports);
    while (!hears(child.pid, "SIGTERM")) await Bun.sleep(1);
    child.kill("SIGTERM");
    const said = await new Response(child.stdout).text();
    expect([await child.exited, child.signalCode, said]).toEqual([0, null, ""]);
  },
);

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
  const { stdout, stderr, exitCode } = await run(entry, ["--help"], { LOG_LEVEL: "loud" });
  expect([exitCode, stderr]).toEqual([0, ""]);
  for (const [name, { default: value, meaning }] of Object.entries(table)) {
    const line = stdout.split("\n").find((each) => each.startsWith(`  ${name} `));
    expect(line).toContain(meaning);
    expect(line).toEndWith(`(default: ${value || "none"})`);
  }
});
