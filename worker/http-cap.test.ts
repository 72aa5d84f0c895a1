import { expect, test } from "bun:test";

const MODULE = new URL("./http-cap.ts", import.meta.url).href;
const PROXY = new URL("./proxy.ts", import.meta.url).href;

/** What the module says in a process of its own: the cap is read when the process starts. */
async function ask(expression: string, env: Record<string, string>) {
  const script = `import * as cap from ${JSON.stringify(MODULE)}; import * as proxy from ${JSON.stringify(PROXY)}; console.log(${expression})`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    env,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { stdout: stdout.trim(), stderr, exitCode: await child.exited };
}

test("calls in flight at all processors together stay below the process's cap", async () => {
  const shares = "[1, 2, 3, 8, 100, 10000].map(cap.callsInFlightMax).join()";
  const raised = await ask(shares, { BUN_CONFIG_MAX_HTTP_REQUESTS: "8192" });
  expect(raised.stdout).toBe("640,640,640,640,49,1");
  const low = await ask(shares, {});
  expect(low.stdout).toBe("224,96,53,1,1,1");
  const nonsense = await ask(shares, { BUN_CONFIG_MAX_HTTP_REQUESTS: "many" });
  expect(nonsense.stdout).toBe(low.stdout);
});

test.each(["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"])(
  "%s ends the process with one line",
  async (name) => {
    const { stderr, exitCode } = await ask("proxy.refuseProxy()", { [name]: "http://127.0.0.1:1" });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(new RegExp(`^${name}: [^\n]+\n$`));
  },
);

test("without a proxy, or with an empty one, nothing is refused", async () => {
  expect((await ask("proxy.refuseProxy()", { http_proxy: "" })).exitCode).toBe(0);
});
