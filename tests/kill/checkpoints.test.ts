/**
 * Fails checkpoints, by syncs of the database that strace makes fail: it is said before the log
 * fills the disk.
 */
import { expect, test } from "bun:test";
import { run } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";
import { Stack } from "../../testing/stack.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";

/**
 * Number of checkpoints that fail, one every 250 ms: longer than it takes to turn red, and then
 * they work again.
 */
const FAILURES = 70;

const whyNot = await whyNoInjection();
const note = whyNot === null ? "" : ` (${whyNot})`;

test.skipIf(whyNot !== null)(
  `checkpoints that fail are counted, logged once, and turn readiness red; payments are taken${note}`,
  async () => {
    using directory = temporaryDirectory();
    await using stack = await startWithFailingSyncs(directory);
    expect(await stack.gateway.pay(crypto.randomUUID(), 1_990)).toBe(202);
    await until("checkpoints fail", async () => (await failures(stack)) >= 3);
    expect((await stack.workerHttp.ask("/readyz")).status).toBe(200);

    const red = { status: 0, text: "" };
    await until("readiness is red", async () => {
      const answer = await stack.gateway.ask("/readyz");
      Object.assign(red, { status: answer.status, text: await answer.text() });
      return answer.status === 503;
    });
    expect(red.text).toMatch(/checkpoints fail: .+; the journal's log grows/);
    expect(await stack.gateway.pay(crypto.randomUUID(), 1_990)).toBe(202);

    await until("they work again", async () => (await stack.workerHttp.ask("/readyz")).ok);
    expect(await failures(stack)).toBe(FAILURES);
    const said = () => stack.worker.lines.filter((line) => line.includes("checkpoints fail"));
    await until("it is said to be over", () => said().length > 1);
    const [begun, over] = said();
    expect(said()).toHaveLength(2);
    expect(begun).toContain('"msg":"checkpoints fail"');
    expect(over).toContain('"msg":"over: checkpoints fail"');
    expect(over).toContain(`"failedCheckpoints":${FAILURES},`);
  },
);

async function startWithFailingSyncs(directory: TemporaryDirectory): Promise<Stack> {
  const fail = `inject=fdatasync:error=EIO:when=1..${FAILURES}`;
  // strace -D makes the worker the child, so that a signal reaches it.
  const strace = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "--seccomp-bpf"];
  const path = ["-P", directory.file(), "-e", "trace=fdatasync", "-e", fail];
  const worker = [...strace, ...path, ...fromSource("worker.ts")];
  return Stack.start({
    programs: { worker, api: fromSource("api.ts"), simulator: null },
    dataDir: directory.path,
  });
}

async function failures(stack: Stack): Promise<number> {
  return Number(await stack.workerHttp.metric("papaleguas_journal_checkpoint_failures_total"));
}

async function whyNoInjection(): Promise<string | null> {
  if (Bun.which("strace") === null) return "skipped: there is no strace";
  const inject = ["--seccomp-bpf", "-e", "inject=fdatasync:error=EIO:when=1..2"];
  const { code } = await run(["strace", "-f", "-o", "/dev/null", ...inject, "true"]);
  return code === 0 ? null : "skipped: strace may not make calls fail here";
}
