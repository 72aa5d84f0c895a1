import { expect, test } from "bun:test";
import { startStand } from "../../testing/stand.ts";
import { run as runProgram } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";

/**
 * An outage in good time before the end. The official weather will not do: a shorter contest has
 * the same delays, and a payment that is charged 2 s after its requestedAt, as an audit is made, is
 * counted by the processor a moment before the gateway can know.
 */
const OUTAGE = [
  { at: 10, default: { delay: 50, failing: false }, fallback: { delay: 0, failing: false } },
  { at: 20, default: { delay: 50, failing: true } },
  { at: 40, default: { delay: 0, failing: false } },
];

async function contest(...args: string[]) {
  const { code, out, err } = await runProgram(fromSource("bench/contest.ts", ...args));
  return { exitCode: code, stdout: out, stderr: err };
}

test("a short contest of a sound gateway passes, to the last payment", async () => {
  using directory = temporaryDirectory();
  await using stand = await startStand({ env: { JOURNAL_SYNC: "normal" } });
  const sites = ["--target", stand.gateway.url];
  sites.push("--default", stand.preferred.url, "--fallback", stand.dearer.url);
  const json = directory.file("report.json");
  const weather = directory.file("weather.json");
  await Bun.write(weather, JSON.stringify(OUTAGE));
  const short = ["--users", "20", "--seconds", "6", "--seed", "7", "--weather", weather];
  const { exitCode, stdout, stderr } = await contest(
    ...sites,
    ...short,
    "--strict",
    "--json",
    json,
  );
  const card = stdout.slice(stdout.indexOf("\ncontest"));
  expect({ exitCode, stderr, card }).toEqual({
    exitCode: 0,
    stderr: "",
    card: expect.stringContaining("passed"),
  });
  const report = (await Bun.file(json).json()) as { runs: Record<string, any>[] };
  const [run = {}] = report.runs;
  expect(run).toMatchObject({ passed: true, lag: 0, inconsistencies: 0, fine: 0, failed: 0 });
  expect(run["strict"]).toMatchObject({ violations: [], payments: run["accepted"] });
  // Every 0.3 s a user is added, who posts a payment a second.
  expect(run["accepted"]).toBeGreaterThan(50);
  expect(run["accepted"]).toBeLessThan(75);
  expect(run["calls"]["202"]).toBe(run["accepted"]);
  expect(run["gross"]).toBeCloseTo(run["accepted"] * 19.9, 6);
  expect(run["audits"]).toHaveLength(6);
  expect(run["audits"][5].gateway.default).toBeGreaterThan(0);
  expect(stdout).toMatch(/ {3}\d s {2}users +\d+ {2}accepted +\d+ {2}settled/);

  // The same ids come again: the gateway has paid them, and does not pay them a second time.
  const again = await contest(...sites, ...short.with(3, "2"), "--json");
  expect(again.exitCode).toBe(1);
  expect(JSON.parse(again.stdout).runs[0]).toMatchObject({ passed: false, score: 0 });
  expect(JSON.parse(again.stdout).runs[0].lag).toBeGreaterThan(0);
});

test("a gateway that cannot be purged is one line and exit 2", async () => {
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      if (pathname !== "/purge-payments") return Response.json({ message: "done" });
      const authorized = request.headers.get("authorization") === "Bearer secret";
      return new Response(null, { status: authorized ? 404 : 401 });
    },
  });
  const url = `http://127.0.0.1:${server.port}`;
  const sites = ["--target", url, "--default", url, "--fallback", url];
  const unauthorized = await contest(...sites);
  expect(unauthorized).toMatchObject({ exitCode: 2, stdout: "" });
  expect(unauthorized.stderr).toMatch(/^[^\n]*answered 401: --admin-token[^\n]*\n$/);
  const forbidden = await contest(...sites, "--admin-token", "secret");
  expect(forbidden).toMatchObject({ exitCode: 2, stdout: "" });
  expect(forbidden.stderr).toMatch(/^[^\n]*answered 404: [^\n]*PURGE_ENABLED=true\n$/);
});

test("an option that is none is one line and exit 2, --help is exit 0", async () => {
  const wrong = await contest("--user", "5");
  expect(wrong).toMatchObject({ exitCode: 2, stdout: "" });
  expect(wrong.stderr.trim().split("\n")).toHaveLength(1);
  const help = await contest("--help");
  expect(help).toMatchObject({ exitCode: 0, stderr: "" });
  expect(help.stdout).toContain("usage: bun run contest");
});
