import { expect, test } from "bun:test";
import { run } from "../testing/process.ts";

const MODULE = new URL("./proxy.ts", import.meta.url).href;

async function refusing(env: Record<string, string>) {
  const script = `import { refuseProxy } from ${JSON.stringify(MODULE)}; refuseProxy();`;
  const { code, err } = await run([process.execPath, "-e", script], { env });
  return { stderr: err, exitCode: code };
}

test.each(["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"])(
  "%s ends the process with one line",
  async (name) => {
    const { stderr, exitCode } = await refusing({ [name]: "http://127.0.0.1:1" });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(new RegExp(`^${name}: [^\n]+\n$`));
  },
);

test("without a proxy, or with an empty one, nothing is refused", async () => {
  expect((await refusing({ http_proxy: "" })).exitCode).toBe(0);
});
