/**
 * Tells how much of the latency in a contest is the gateway's own: contests in alternate runs
 * against the stack of compose.yaml, against the same stack with APIs that answer 202 at once, and
 * with APIs that wait for an echo by the worker's container, which then does nothing else. It runs
 * as root:
 *
 *     bun tests/containers/compare.ts [RUNS] [OPTION OF bun run contest]...
 */
import { median } from "../../bench/benchmark.ts";
import { compile } from "../build.ts";
import { ROOT } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { Daemon, whyNoDaemon } from "./daemon.ts";

const ENV = {
  BUN_IMAGE: "papa-leguas-stand-in/bun",
  HAPROXY_IMAGE: "papa-leguas-stand-in/haproxy",
  LINK_SECRET: crypto.randomUUID(),
};
const OURS = "papa-leguas";
const BARE = "papa-leguas-bare";
const HOP = "papa-leguas-hop";
type Latencies = { p50Ms: number; p99Ms: number; p999Ms: number; maxMs: number; calls: number };

const reason = await whyNoDaemon();
if (reason !== null) throw new Error(reason);
const [runs = "3", ...options] = process.argv.slice(2);
await using daemon = await Daemon.start();

/**
 * Runs a contest on the same stack but for its images; one at a time, so that neither takes from
 * the other.
 */
async function contest(images: string): Promise<Latencies> {
  const env = { ...ENV, IMAGES: images };
  const compose = (...args: string[]) => daemon.output([...daemon.compose, ...args], env);
  await compose("up", "-d", "--no-build");
  await Bun.sleep(5_000);
  const command = [process.execPath, "bench/contest.ts", "--json", ...options];
  // The other two stacks settle nothing, so that their contests end with complaints.
  const { stdout, stderr } = await daemon.run(command);
  await compose("rm", "--stop", "--force", "-v", "haproxy", "api1", "api2", "worker");
  if (stdout === "") throw new Error(`${images}: ${stderr}`);
  const { runs: reports } = JSON.parse(stdout) as { runs: { latencies: Latencies }[] };
  return (reports[0] as { latencies: Latencies }).latencies;
}

async function build(): Promise<void> {
  const { compose } = daemon;
  await daemon.output(["tests/containers/base-images.sh", process.execPath]);
  await daemon.output([...compose, "-f", "compose.processors.yaml", "up", "-d", "--build"], ENV);
  await daemon.output([...compose, "build"], ENV);
  using directory = temporaryDirectory();
  const image = async (name: "api" | "worker", images: string, lines = "") => {
    const file = `FROM ${OURS}-${name}\nCOPY ${name} /${name}\n${lines}`;
    await Bun.write(directory.file("Dockerfile"), file);
    await daemon.output(["docker", "build", "-t", `${images}-${name}`, directory.path]);
  };
  for (const name of ["api", "worker"] as const) {
    await compile(ROOT, { name, entry: `tests/containers/bare-${name}.ts` }, directory.path);
  }
  await image("api", BARE);
  await image("api", HOP, "ENV HOP=1\n");
  await image("worker", HOP);
  await daemon.output(["docker", "tag", `${OURS}-worker`, `${BARE}-worker`]);
}

await build();
const p99s: Record<string, number[]> = {};
for (let run = 1; run <= Number(runs); run++) {
  for (const images of [OURS, BARE, HOP]) {
    const { p50Ms, p99Ms, p999Ms, maxMs, calls } = await contest(images);
    (p99s[images] ??= []).push(p99Ms);
    const figures = `p50 ${p50Ms}  p99 ${p99Ms}  p99.9 ${p999Ms}  max ${maxMs} ms`;
    console.log(`${run}  ${images.padEnd(16)}  ${figures}, of ${calls} calls`);
  }
}
const p99 = (images: string) => median(p99s[images] ?? []);
for (const other of [BARE, HOP]) {
  const times = (p99(OURS) / p99(other)).toFixed(2);
  console.log(`median p99: ${p99(OURS)} ms, ${other} ${p99(other)} ms, ${times} times`);
}
