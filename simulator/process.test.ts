import { expect, test } from "bun:test";
import { readSettings } from "../shared/settings.ts";
import { simulatorSettings } from "./settings.ts";

const ENTRY = new URL("../simulator.ts", import.meta.url).pathname;

function spawn(args: string[], env: Record<string, string>) {
  return Bun.spawn([process.execPath, ENTRY, ...args], {
    env: { ...process.env, HOST: "127.0.0.1", ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<Record<string, unknown>> {
  let text = "";
  for await (const bytes of stream) {
    text += new TextDecoder().decode(bytes);
    if (text.includes("\n")) break;
  }
  return JSON.parse(text.slice(0, text.indexOf("\n")));
}

test("the process serves, answers its health check without spending the limit, and drains", async () => {
  await using simulator = spawn([], { PORT: "0", NAME: "fallback", FEE: "0.15" });
  const line = await firstLine(simulator.stdout);
  expect(line).toMatchObject({ name: "fallback", fee: 0.15, msg: "listening" });
  const port = String(line["port"]);
  expect(await spawn(["healthcheck"], { PORT: port }).exited).toBe(0);
  const health = await fetch(`http://127.0.0.1:${port}/payments/service-health`);
  expect(health.status).toBe(200);
  simulator.kill("SIGTERM");
  expect(await simulator.exited).toBe(0);
  expect(await spawn(["healthcheck"], { PORT: port }).exited).toBe(1);
}, 20_000);

test("a port in use is one line and exit 1", async () => {
  await using taken = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const simulator = spawn([], { PORT: String(taken.port) });
  expect(await simulator.exited).toBe(1);
  expect((await new Response(simulator.stderr).text()).trim().split("\n").length).toBe(1);
});

test("--help shows every setting", async () => {
  const text = await new Response(spawn(["--help"], {}).stdout).text();
  for (const name of Object.keys(simulatorSettings)) expect(text).toContain(name);
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
