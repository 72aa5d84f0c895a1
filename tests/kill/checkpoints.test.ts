/** Checkpoints that fail, by syncs of the database that strace makes fail: it is said before the log fills the disk. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../system/random.ts";
import { until } from "../system/until.ts";
import { sourcePrograms } from "./programs.ts";
import { startStack, type Stack } from "./stack.ts";

const TEST_MS_MAX = 90_000;
/** One every 250 ms: longer than it takes to turn red, and then they work again. */
const FAILURES = 70;

const whyNot = whyNoInjection();
const note = whyNot === null ? "" : ` (${whyNot})`;

test.skipIf(whyNot !== null)(
  `checkpoints that fail are counted, logged once, and turn readiness red; payments are taken${note}`,
  async () => {
    await using site = await startWithFailingSyncs();
    const { stack } = site;
    await stack.startAll();
    expect(await stack.gateway.pay(crypto.randomUUID(), 1_990)).toBe(202);
    await until("checkpoints fail", 10_000, async () => (await failures(stack)) >= 3);
    expect((await fetch(`${stack.workerUrl}/readyz`)).status).toBe(200);

    const red = { status: 0, text: "" };
    await until("readiness is red", 20_000, async () => {
      const answer = await fetch(`${stack.gateway.url}/readyz`);
      Object.assign(red, { status: answer.status, text: await answer.text() });
      return answer.status === 503;
    });
    expect(red.text).toMatch(/checkpoints fail, and the journal's log grows: .+/);
    expect(await stack.gateway.pay(crypto.randomUUID(), 1_990)).toBe(202);

    await until(
      "they work again",
      30_000,
      async () => (await fetch(`${stack.workerUrl}/readyz`)).ok,
    );
    expect(await failures(stack)).toBe(FAILURES);
    const said = stack.worker.lines.filter((line) => line.includes("checkpoints fail"));
    expect(said).toEqual([
      expect.stringContaining('"msg":"checkpoints fail"'),
      expect.stringContaining('"msg":"over: checkpoints fail"'),
    ]);
  },
  TEST_MS_MAX,
);

async function startWithFailingSyncs(): Promise<AsyncDisposable & { readonly stack: Stack }> {
  const directory = await mkdtemp(join(tmpdir(), "papa-leguas-checkpoints-"));
  const programs = sourcePrograms();
  const fail = `inject=fdatasync:error=EIO:when=1..${FAILURES}`;
  // The tracer is the child, so that a signal reaches the worker.
  const strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf"];
  const path = ["-P", join(directory, "payments.db"), "-e", "trace=fdatasync", "-e", fail];
  const stack = await startStack({
    programs: { ...programs, worker: [...strace, ...path, ...programs.worker] },
    random: seededRandom(1),
    dataDir: directory,
    onDeath: () => {},
  });
  return {
    stack,
    async [Symbol.asyncDispose]() {
      await stack[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

async function failures(stack: Stack): Promise<number> {
  const text = await (await fetch(`${stack.workerUrl}/metrics`)).text();
  return Number(/^papaleguas_journal_checkpoint_failures_total (\d+)$/m.exec(text)?.[1]);
}

function whyNoInjection(): string | null {
  if (Bun.which("strace") === null) return "skipped: there is no strace";
  const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  const inject = ["--seccomp-bpf", "-e", "inject=fdatasync:error=EIO:when=1..2"];
  const { exitCode } = Bun.spawnSync(["strace", "-f", "-o", "/dev/null", ...inject, "true"], quiet);
  return exitCode === 0 ? null : "skipped: strace may not make calls fail here";
}
