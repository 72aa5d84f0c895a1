/**
 * Runs workers whose processors stand in a file: their secrets are nowhere to be seen, are read again on
 * SIGHUP, and a fee that is changed changes nothing that was settled.
 */
import { expect, test } from "bun:test";
import { startSimulator } from "../../simulator/server.ts";
import type { AuditReport } from "../../shared/http-api/audit.ts";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { freePorts } from "../../testing/ports.ts";
import { Child, run } from "../../testing/process.ts";
import { bareEnv, fromSource } from "../../testing/programs.ts";
import { until } from "../../testing/until.ts";
import { settledJournal } from "../../worker/audit/books.fixture.ts";

const SECRETS = ["hu5h-of-the-file", "hu5h-of-the-variable", "hu5h-after-the-change"] as const;
const [IN_FILE, IN_VARIABLE, CHANGED] = SECRETS;
const ROWS = 1_000;
const PAGES = "/metrics /dashboard/live?once /dashboard/ /dashboard/curve /audit /readyz?verbose \
/operator/processors /openapi.json /payments-summary /dashboard/history".split(" ");

/** A journal of settled payments, and the file of two processors that settled them. */
async function home() {
  const directory = temporaryDirectory();
  const journal = directory.file();
  settledJournal(journal, ROWS);
  const simulator = startSimulator({ name: "default", fee: 0.05, host: "127.0.0.1", port: 0 });
  simulator.model.token = IN_FILE;
  const { http: port } = await freePorts("http");
  const env = bareEnv({
    JOURNAL: `sqlite:${journal}`,
    PROCESSORS_FILE: directory.file("processors.json"),
    HTTP_PORT: String(port),
    LINK_PORT: "0",
    PROCESSOR_TIMEOUT_MS: "100",
    FALLBACK_TOKEN: IN_VARIABLE,
  });
  const write = (name: string, text: string) => Bun.write(directory.file(name), text);
  const configure = (percent: string, more: object = {}) =>
    write(
      "processors.json",
      JSON.stringify({
        processors: [
          { name: "default", url: simulator.url, fee: { percent }, auditToken: { file: "token" } },
          {
            name: "fallback",
            url: "http://127.0.0.1:1",
            fee: { percent: "15", rounding: "half-up" },
            auditToken: { env: "FALLBACK_TOKEN" },
            ...more,
          },
        ],
      }),
    );
  await write("token", `${IN_FILE}\n`);
  await configure("5");
  const worker = () =>
    new Child({
      command: fromSource("worker.ts"),
      env,
      isReady: (line) => line.includes('"msg":"ready"'),
    });
  const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  return {
    env,
    simulator,
    write,
    configure,
    worker,
    ask,
    json: async <T>(path: string) => (await (await ask(path)).json()) as T,
    async [Symbol.asyncDispose]() {
      await simulator.stop();
      directory[Symbol.dispose]();
    },
  };
}

function hasNoSecret(text: string): void {
  for (const secret of SECRETS) expect(text).not.toContain(secret);
}

test("secrets of the file are in no line, page, metric or sentence, and are read again on SIGHUP", async () => {
  await using place = await home();
  await using worker = place.worker();
  await worker.startAndWait();
  const stateOf = async () => (await place.json<AuditReport>("/audit")).processors[0]!.state;
  await until("the token of the file is taken", async () => {
    return (await stateOf()) !== "failed" && place.simulator.model.token === IN_FILE;
  });
  for (const path of PAGES) {
    const answer = await place.ask(path);
    expect([path, answer.status < 500]).toEqual([path, true]);
    hasNoSecret(await answer.text());
  }
  place.simulator.model.token = CHANGED;
  await until("the old token is refused", async () => (await stateOf()) === "failed");
  await place.write("token", CHANGED);
  worker.signal("SIGHUP");
  await until("the new token is taken", async () => (await stateOf()) !== "failed");
  await place.write("token", "");
  worker.signal("SIGHUP");
  await until("the mistake is said", () =>
    worker.lines.some((line) => line.includes("secrets could not be read again")),
  );
  expect(await stateOf()).not.toBe("failed");

  await place.write("token", CHANGED);
  for (const args of [["settings"], ["doctor"], ["audit"]]) {
    const { out, err } = await run(fromSource("worker.ts", ...args), { env: place.env });
    hasNoSecret(out + err);
  }
  const { code } = await worker.stop();
  expect(code).toBe(0);
  hasNoSecret([...worker.lines, ...worker.errors].join("\n"));
});

test("a fee that is changed counts for what is sent from then on", async () => {
  await using place = await home();
  const moneyAt = async () => {
    await using worker = place.worker();
    await worker.startAndWait();
    const { money } = await place.json<LiveSnapshot>("/dashboard/live?once");
    await worker.stop();
    return money!;
  };
  const before = await moneyAt();
  expect(before.each.map(({ name, tariff }) => [name, tariff])).toEqual([
    ["default", 1],
    ["fallback", 2],
  ]);
  expect(Number(before.paid)).toBeGreaterThan(0);
  await place.configure("99");
  const after = await moneyAt();
  expect(after).toMatchObject({
    paid: before.paid,
    avoided: before.avoided,
    left: before.left,
  });
  expect(after.each.map(({ tariff, count }) => [tariff, count > 0])).toEqual([
    [1, true],
    [2, true],
    [3, false],
  ]);
});

test("a mistake in the file, both places and none are one line and exit code 1", async () => {
  await using place = await home();
  const refusal = async (env: Record<string, string>) => {
    const { out, err, code } = await run(fromSource("worker.ts"), {
      env: { ...place.env, ...env },
    });
    expect([out, code, err.trim().split("\n").length]).toEqual(["", 1, 1]);
    hasNoSecret(err);
    return err.trim();
  };
  expect(await refusal({ PROCESSORS: "a=http://a;fee=0.5" })).toBe(
    "PROCESSORS_FILE: PROCESSORS is given, too: the processors stand in one of them",
  );
  expect(await refusal({ PROCESSORS_FILE: "" })).toStartWith("PROCESSORS: none is given");
  await place.configure("399");
  expect(await refusal({})).toBe(
    `PROCESSORS_FILE: ${place.env["PROCESSORS_FILE"]}: processors[0].fee.percent: "399" is above 100`,
  );
  await place.configure("5", { secret: IN_VARIABLE });
  expect(await refusal({})).toContain("processors[1].secret: is not a secret's name");
});
