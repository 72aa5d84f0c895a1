/** Tests the doctor from outside: beside a running gateway, and where nothing runs. */
import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../../commands/doctor/finding.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { freeStandPorts, startStand, type Ports } from "../../testing/stand.ts";
import { run } from "../../testing/process.ts";
import { bareEnv, fromSource, ROOT } from "../../testing/programs.ts";

const TOKEN = "a-token-that-nobody-may-see";

function doctor(env: Record<string, string>, ...args: string[]) {
  return run(fromSource("worker.ts", "doctor", ...args), { cwd: ROOT, env: bareEnv(env) });
}

async function findings(env: Record<string, string>, ...args: string[]) {
  const { out, code } = await doctor(env, "--json", ...args);
  const answer = JSON.parse(out) as { ok: boolean; findings: Finding[] };
  const isWrong = answer.findings.some(({ verdict }) => verdict === "wrong");
  expect([answer.ok, code]).toEqual([!isWrong, isWrong ? 1 : 0]);
  return new Map(answer.findings.map((finding) => [finding.name, finding]));
}

function settingsOf(ports: Ports, dataDir: string): Record<string, string> {
  const processor = (name: string, port: number, fee: string) =>
    `${name}=http://127.0.0.1:${port};fee=${fee}`;
  return {
    HTTP_PORT: String(ports.HTTP_PORT),
    LINK_PORT: String(ports.LINK_PORT),
    JOURNAL: `sqlite:${dataDir}/payments.db`,
    PROCESSORS: [
      `${processor("default", ports.DEFAULT_PORT, "0.05")};audit-token=123`,
      `${processor("fallback", ports.FALLBACK_PORT, "0.15")};audit-token=${TOKEN}`,
    ].join(","),
  };
}

test("beside a running gateway it finds what is ours, and leaves nothing behind", async () => {
  await using stand = await startStand();
  const env = settingsOf(stand.ports, stand.dataDir);
  // The running worker writes its history now and then.
  const names = () => readdirSync(stand.dataDir).filter((name) => !name.includes("-history"));
  const before = names().sort();
  const found = await findings(env, "--haproxy", join(ROOT, "haproxy.cfg"));
  const http = found.get(`HTTP_PORT 127.0.0.1:${stand.ports.HTTP_PORT}`);
  expect(http).toMatchObject({ verdict: "ok", figure: expect.stringContaining("answers") });
  expect(found.get(`LINK_PORT 127.0.0.1:${stand.ports.LINK_PORT}`)?.verdict).toBe("ok");
  expect(found.get("processor default")?.verdict).toBe("ok");
  expect(found.get("audit-token of default")?.verdict).toBe("ok");
  expect(found.get("audit-token of fallback")?.verdict).toBe("wrong");
  expect(JSON.stringify([...found])).not.toContain(TOKEN);
  const sync = found.get("sync of the journal's disk");
  expect(sync?.figure).toMatch(/p50 \d+\.\d\d ms, p99 \d+\.\d\d ms/);
  expect(found.get("load balancer: timeout server")?.verdict).toBe("ok");
  expect(found.get("load balancer: paths in normal form")?.verdict).toBe("ok");
  expect(found.get("LINK_SECRET at the worker")?.verdict).toBe("ok");
  expect(found.get("the gateway now")).toMatchObject({
    verdict: "ok",
    figure: expect.stringContaining("All is well: payments go to default"),
  });
  expect(names().sort()).toEqual(before);
  expect(await stand.gateway.pay(crypto.randomUUID(), 100)).toBe(202);

  // The doctor has another secret here, and no incident comes of it.
  const apart = await findings({ ...env, LINK_SECRET: "a secret of nobody's" });
  expect(apart.get("LINK_SECRET at the worker")?.verdict).toBe("wrong");
  const answer = await fetch(`http://127.0.0.1:${stand.ports.HTTP_PORT}/metrics`);
  const metrics = await answer.text();
  expect(metrics).toContain('papaleguas_link_drops_total{reason="mac"} 0\n');
  expect(metrics).toMatch(/^papaleguas_link_drops_total\{reason="trial"\} [1-9]/m);

  // Such a path answers 404 to a question for a payment, as one does that does not know it.
  const port = stand.ports.FALLBACK_PORT;
  const elsewhere = env["PROCESSORS"]!.replace(`:${port};`, `:${port}/v1;`);
  const astray = await findings({ ...env, PROCESSORS: elsewhere });
  expect(astray.get("processor default")).toMatchObject({ verdict: "ok" });
  expect(astray.get("processor fallback")).toMatchObject({
    verdict: "wrong",
    figure: expect.stringContaining("404 to everything"),
  });
});

test("where nothing runs, and a port is somebody else's, it says what is wrong and how to mend it", async () => {
  using directory = temporaryDirectory();
  const ports = await freeStandPorts();
  using stranger = Bun.listen({
    hostname: "127.0.0.1",
    port: ports.HTTP_PORT,
    socket: { data: (socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") },
  });
  const env = settingsOf(ports, directory.path);
  writeFileSync(directory.file("payments.db-wal"), "of another database");
  const found = await findings(env);
  expect(found.get("journal's log")?.figure).toContain("is gone or empty, and its log");
  expect(found.get(`HTTP_PORT 127.0.0.1:${stranger.port}`)).toMatchObject({
    verdict: "wrong",
    figure: "TCP: taken by something else",
    fix: expect.stringContaining(`sport = :${stranger.port}`),
  });
  expect(found.get(`LINK_PORT 127.0.0.1:${ports.LINK_PORT}`)?.figure).toBe("UDP: free");
  expect(found.get("processor default")).toMatchObject({
    verdict: "wrong",
    fix: `curl -i http://127.0.0.1:${ports.DEFAULT_PORT}/payments/service-health`,
  });
  const words = await doctor({ ...env, LINK_HOST: "0.0.0.0", https_proxy: "http://127.0.0.1:1" });
  expect(words.code).toBe(1);
  expect(words.out).toMatch(/^wrong +LINK_SECRET +not set/m);
  expect(words.out).toContain("→ LINK_SECRET=$(openssl rand -hex 32)");
  expect(words.out).toMatch(/^wrong +proxy +https_proxy is set/m);
});

test("a bad setting is wrong; what makes no sense is exit code 2 and one line", async () => {
  const bad = await findings({
    PROCESSORS: "a=http://127.0.0.1:1;fee=0",
    JOURNAL: "postgres://a",
  });
  expect(bad.get("settings")?.figure).toContain("JOURNAL");
  for (const args of [["--strange"], ["--haproxy", "/nowhere/haproxy.cfg"], ["more"]]) {
    const { err, code } = await doctor({}, ...args);
    expect([code, err.trim().split("\n").length]).toEqual([2, 1]);
  }
});
