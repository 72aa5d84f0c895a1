/** Gives processes their settings in a file. */
import { chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "bun:test";
import { Child, run } from "../../testing/process.ts";
import { freePorts } from "../../testing/ports.ts";
import { bareEnv, fromSource } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";

async function fileWith(directory: string, content: string): Promise<string> {
  const path = `${directory}/settings.env`;
  await Bun.write(path, content);
  chmodSync(path, 0o600);
  return path;
}

function start(entry: string, args: readonly string[], env: Record<string, string> = {}) {
  return run(fromSource(entry, ...args), { env: bareEnv(env), cwd: tmpdir() });
}

test.concurrent("worker settings prints what is in force, and where it comes from", async () => {
  using directory = temporaryDirectory();
  const path = await fileWith(
    directory.path,
    "# of the test\nPROCESSORS='a=http://a;fee=0.5;audit-token=hush'\nHTTP_PORT=1\nADMIN_TOKEN=hush\n",
  );
  const env = { HTTP_PORT: "2", LINK_SECRET: "hush" };
  const { out, err, code } = await start("worker.ts", ["--config", path, "settings"], env);
  expect([err, code]).toEqual(["", 0]);
  expect(out).toMatch(/^PROCESSORS +\/\S+:2 +a=http:\/\/a;fee=0\.5;audit-token=set$/m);
  expect(out).toMatch(/^HTTP_PORT +environment +2$/m);
  expect(out).toMatch(/^LINK_SECRET +environment +set$/m);
  expect(out).toMatch(/^ADMIN_TOKEN +\/\S+:4 +set$/m);
  expect(out).toMatch(/^LINK_PORT +default +9996$/m);
  expect(out).not.toContain("hush");
});

test.concurrent.each([
  [
    "worker.ts",
    "HTTP_PROT=1",
    "FILE:1: there is no setting HTTP_PROT here; did you mean HTTP_PORT?",
  ],
  ["worker.ts", "PROCESSORS=a", "FILE:1: PROCESSORS: processor 1 has no = between its name and"],
  ["api.ts", "\nPORT=hundred", 'FILE:2: PORT: "hundred" is not a whole number'],
  [
    "api.ts",
    "LINK_SECRET=a,hush,",
    "FILE:1: LINK_SECRET: the value given is not one secret, or NEW",
  ],
  ["api.ts", "hush", "FILE:1: there is no = in it"],
  ["simulator.ts", "FEE=2", 'FILE:1: FEE: "2" is not a decimal from 0 to 1'],
])("%s with a file %j does not start, and names the line", async (entry, content, sentence) => {
  using directory = temporaryDirectory();
  const path = await fileWith(directory.path, content);
  const { out, err, code } = await start(entry, [`--config=${path}`]);
  expect([out, code]).toEqual(["", 1]);
  expect(err.replaceAll(path, "FILE")).toStartWith(sentence);
  expect(err.trim().split("\n")).toHaveLength(1);
});

test.concurrent.each([
  [["--config"], 2, "--config needs a value"],
  [["--config", "a", "--config=b"], 2, "--config stands there twice"],
  [["--config", "/nowhere/at.all"], 1, "--config /nowhere/at.all: ENOENT"],
  [["--confg", "a"], 2, 'there is no option "--confg"; did you mean --config?'],
])("api %p is one line", async (args, exitCode, sentence) => {
  const { err, code } = await start("api.ts", args);
  expect(code).toBe(exitCode);
  expect(err).toStartWith(sentence);
});

test.concurrent(
  "an API and its health check have the same file, which others should not read",
  async () => {
    using directory = temporaryDirectory();
    const { port } = await freePorts("port");
    const content = `HOST=127.0.0.1\nPORT=${port}\nLINK_SECRET=hush-hush\n`;
    const path = await fileWith(directory.path, content);
    chmodSync(path, 0o644);
    await using api = new Child({
      command: fromSource("api.ts", "--config", path),
      env: bareEnv(),
      cwd: tmpdir(),
    });
    await api.startAndWait();
    expect(api.errors).toEqual([
      `warning: ${path} has secrets (LINK_SECRET) that everybody may read: chmod o-r ${path}`,
    ]);
    const { err, code } = await start("api.ts", ["healthcheck", "--config", path]);
    expect(code).toBe(1);
    expect(err).toContain(`http://127.0.0.1:${port}/readyz answered 503`);
  },
);
