import { expect, test } from "bun:test";
import { readSettings } from "../shared/settings.ts";
import { simulatorSettings } from "./settings.ts";
import { Child, run, type Env } from "../testing/process.ts";
import { bareEnv, fromSource } from "../testing/programs.ts";

const COMMAND = fromSource("simulator.ts");
const bare = (own: Env) => bareEnv({ HOST: "127.0.0.1", ...own });

test("the process serves, answers its health check without spending the limit, and drains", async () => {
  const env = bare({ PORT: "0", NAME: "fallback", FEE: "0.15" });
  await using simulator = await Child.start({ command: COMMAND, env });
  const line = JSON.parse(await simulator.untilReady()) as Record<string, unknown>;
  expect(line).toMatchObject({ name: "fallback", fee: 0.15, msg: "listening" });
  const port = String(line["port"]);
  const check = async () =>
    (await run([...COMMAND, "healthcheck"], { env: bare({ PORT: port }) })).code;
  expect(await check()).toBe(0);
  const health = await fetch(`http://127.0.0.1:${port}/payments/service-health`);
  expect(health.status).toBe(200);
  expect((await simulator.stop()).code).toBe(0);
  expect(await check()).toBe(1);
});

test("a port in use is one line and exit 1", async () => {
  await using taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { code, err } = await run(COMMAND, { env: bare({ PORT: String(taken.port) }) });
  expect([code, err.trim().split("\n").length]).toEqual([1, 1]);
});

test("--help shows every setting", async () => {
  const { out } = await run([...COMMAND, "--help"]);
  for (const name of Object.keys(simulatorSettings)) expect(out).toContain(name);
});

test("settings have the defaults of the first processor", () => {
  expect(readSettings(simulatorSettings, {})).toEqual({
    ok: true,
    settings: { NAME: "default", HOST: "0.0.0.0", PORT: 8001, FEE: 0.05, LOG_LEVEL: "info" },
  });
});

test.each(["1.5", "-0.1", "5%", "0.1234567", "NaN"])("a fee of %p is refused", (FEE) => {
  expect(readSettings(simulatorSettings, { FEE })).toMatchObject({ ok: false });
});
