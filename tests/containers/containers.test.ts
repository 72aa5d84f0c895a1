/**
 * Tests the images, compose.yaml and haproxy.cfg as a user meets them: built, started, looked at, put
 * through a contest, crashed in the middle of another, stopped. Skipped where no daemon can be started.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { NO_HAPROXY, WHY_NO_HAPROXY } from "../../testing/haproxy.ts";
import { NO_POSTGRES, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import { run as runProgram } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";
import { until } from "../../testing/until.ts";
import { Daemon, whyNoDaemon } from "./daemon.ts";
import { measure } from "./usage.ts";

const REASON = await whyNoDaemon();
const NOTE = REASON === null ? "" : ` (skipped: ${REASON})`;

const ENV = {
  BUN_IMAGE: "papa-leguas-stand-in/bun",
  HAPROXY_IMAGE: "papa-leguas-stand-in/haproxy",
  POSTGRES_IMAGE: "papa-leguas-stand-in/postgres",
  POSTGRES_PASSWORD: crypto.randomUUID(),
  LINK_SECRET: crypto.randomUUID(),
  COMPOSE_PROJECT_NAME: "papa-leguas-test",
};
const OURS = ["haproxy", "api1", "api2", "worker"];
const CPUS_MAX = 1.5;
const MEMORY_BYTES_MAX = 350 * 2 ** 20;
const CONTEST = ["--users", "100", "--seconds", "20", "--strict", "--json"];
/** Moment in a contest of 20 s; the processors are in trouble when the worker goes. */
const API_CRASH_AT_MS = 4_000;
const CRASH_AFTER_MS = 5_000;

let daemon: Daemon;
const compose = (...args: string[]) => daemon.output([...daemon.compose, ...args], ENV);
const PROGRAMS = [...OURS.slice(1), "payment-processor-default", "payment-processor-fallback"];
const PROCESSORS = ["-f", "compose.processors.yaml"];

type Inspected = {
  readonly Id: string;
  readonly State: { readonly Pid: number; readonly ExitCode: number; readonly OOMKilled: boolean };
  readonly RestartCount: number;
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Labels: Record<string, string>;
  };
  readonly Mounts: readonly {
    readonly Name?: string;
    readonly Source: string;
    readonly Destination: string;
    readonly RW: boolean;
  }[];
  readonly HostConfig: {
    readonly NanoCpus: number;
    readonly Memory: number;
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: readonly string[];
    readonly SecurityOpt: readonly string[];
    readonly Privileged: boolean;
    readonly NetworkMode: string;
  };
};

/** Inspects the containers, by service. */
async function inspected(): Promise<Record<string, Inspected>> {
  const ids = await daemon.output(["docker", "ps", "--all", "--quiet"]);
  const all = JSON.parse(await daemon.output(["docker", "inspect", ...ids.split("\n")]));
  return Object.fromEntries(
    (all as Inspected[]).map((one) => [one.Config.Labels["com.docker.compose.service"], one]),
  );
}

function call(path: string, ...options: string[]): Promise<{ status: number; body: string }> {
  return callAt(9999, path, ...options);
}

async function callAt(
  port: number,
  path: string,
  ...options: string[]
): Promise<{ status: number; body: string }> {
  const program = [
    "const [port, path, method, body] = process.argv.slice(1);",
    "const url = `http://127.0.0.1:${port}${path}`;",
    "const answer = await fetch(url, { method: method ?? 'GET', ...(body ? { body } : {}) });",
    "console.log(answer.status, await answer.text());",
  ];
  const asked = [String(port), path, ...options];
  const out = await daemon.output([process.execPath, "-e", program.join("\n"), ...asked]);
  return { status: Number(out.slice(0, 3)), body: out.slice(4) };
}

/** Reads HAProxy's own statistics, which it gives to its container only. */
async function statistics(): Promise<string> {
  const { State } = (await inspected())["haproxy"] as Inspected;
  const enter = [...daemon.inside, "nsenter", "--target", String(State.Pid), "--net"];
  const program = "console.log(await (await fetch('http://127.0.0.1:8404/;csv')).text())";
  return daemon.output([...enter, process.execPath, "-e", program]);
}

type Contest = {
  readonly runs: readonly {
    readonly accepted: number;
    readonly lag: number;
    readonly inconsistencies: number;
    readonly strict: { readonly violations: readonly unknown[]; readonly payments: number };
  }[];
};

async function contest() {
  const out = await daemon.run([process.execPath, "bench/contest.ts", ...CONTEST]);
  expect(out.stderr).toContain("accepted");
  const [run] = (JSON.parse(out.stdout) as Contest).runs;
  if (run === undefined) throw new Error(out.stderr);
  return run;
}

/** Waits until every one of the ports is answered: they are published before anybody listens behind them. */
async function untilReady(...ports: number[]): Promise<void> {
  const isReady = async (port: number): Promise<boolean> =>
    (await callAt(port, "/readyz").catch(() => null))?.status === 200;
  await until("the ports are answered", async () => {
    return (await Promise.all(ports.map(isReady))).every(Boolean);
  }).catch(async (error: Error) => {
    throw new Error(`${error.message}:\n${await compose("logs", "--tail", "20")}`);
  });
}

/** Waits until a container's program says by itself that it is well. */
async function untilWell(service: string): Promise<void> {
  const { Id } = (await inspected())[service] as Inspected;
  const binary = service.replace(/\d$/, "").replace(/^payment-processor-.*/, "simulator");
  await until(`${service} is well`, () =>
    daemon.output(["docker", "exec", Id, `/${binary}`, "healthcheck"]).then(
      () => true,
      () => false,
    ),
  );
}

/** Pays until it is taken, as a shop does that was told to come again. */
function untilTaken(port: number, correlationId: string): Promise<number> {
  const body = JSON.stringify({ correlationId, amount: 1.5 });
  return until(`${correlationId} is taken`, async () => {
    return (await callAt(port, "/payments", "POST", body)).status === 202;
  });
}

describe.skipIf(REASON !== null)(`in containers${NOTE}`, () => {
  beforeAll(async () => {
    daemon = await Daemon.start();
    await daemon.output(["tests/containers/base-images.sh", process.execPath]);
    await compose(...PROCESSORS, "up", "-d", "--build");
    await compose("up", "-d", "--build");
    await untilReady(9999);
    // Any of the APIs has answered there.
    for (const service of PROGRAMS) await untilWell(service);
  });

  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
  });

  test("limits add up to what the contest allows, and hold", async () => {
    const containers = await inspected();
    const ours = OURS.map((name) => (containers[name] as Inspected).HostConfig);
    for (const { NanoCpus, Memory } of ours) expect(Math.min(NanoCpus, Memory)).toBeGreaterThan(0);
    expect(ours.reduce((sum, { NanoCpus }) => sum + NanoCpus, 0)).toBeLessThanOrEqual(
      CPUS_MAX * 1e9,
    );
    expect(ours.reduce((sum, { Memory }) => sum + Memory, 0)).toBeLessThanOrEqual(MEMORY_BYTES_MAX);
  });

  test("no container has more rights than it needs", async () => {
    for (const [service, { Config, HostConfig }] of Object.entries(await inspected())) {
      expect({ service, ...HostConfig }).toMatchObject({
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges:true"],
        Privileged: false,
        NetworkMode: expect.not.stringMatching(/^host$/),
      });
      expect(Config.User).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    }
  });

  test("the images hold a binary, the C library, and nothing to run beside it", async () => {
    const { worker } = await inspected();
    const id = (worker as Inspected).Id;
    const list = await daemon.output(["sh", "-c", `docker export ${id} | tar -t`]);
    // The runtime puts some files into every container; they are not the image's.
    const made = /^(dev|proc|sys|etc)\/|^\.dockerenv$/;
    const files = list.split("\n").filter((path) => !path.endsWith("/") && !made.test(path));
    const other = files.filter((path) => !/^lib(64)?\/.*\.so[.\d]*$/.test(path));
    expect(other).toEqual(["worker"]);
  });

  test("the APIs have no port, and their sockets a folder of their own and HAProxy's", async () => {
    const { haproxy, api1 } = await inspected();
    const [HAProxy, api] = [haproxy as Inspected, api1 as Inspected];
    expect(api.Config.Env).toContain("HOST=unix:/sockets/api1.sock");
    const mounts = (of: Inspected) => of.Mounts.filter(({ Name }) => Name?.endsWith("_sockets"));
    expect(mounts(api)).toMatchObject([{ Destination: "/sockets", RW: true }]);
    expect(mounts(HAProxy)).toMatchObject([{ Destination: "/sockets", RW: false }]);
    const source = mounts(api)[0]?.Source as string;
    const listed = await daemon.output([...daemon.inside, "ls", "-lan", source]);
    expect(listed).toMatch(/^drwx--x--- \d+ +65532 +99 .* \.$/m);
    for (const name of ["api1", "api2"]) {
      expect(listed).toMatch(new RegExp(`^srw-rw-rw- 1 +65532 +65532 .* ${name}\\.sock$`, "m"));
    }
  });

  test("every binary says by itself how it is", async () => {
    const containers = await inspected();
    for (const service of PROGRAMS) {
      expect((containers[service] as Inspected).Config.User).toBe("65532:65532");
      await untilWell(service);
    }
  });

  test("the load balancer hands on what is asked properly, and says why it does not", async () => {
    const correlationId = crypto.randomUUID();
    const body = JSON.stringify({ correlationId, amount: 19.9 });
    expect((await call("/payments", "POST", body)).status).toBe(202);
    expect((await call(`/payments/${correlationId}`)).body).toContain('"amount":19.90');
    expect((await call("/payments-summary")).status).toBe(200);
    expect((await call("/metrics")).body).toContain("papaleguas_api_");
    expect((await call("/operator/payments")).status).toBe(404);
    expect((await call("/payments", "DELETE")).status).toBe(405);
    expect((await call("/payments", "PROPFIND")).status).toBe(501);
    expect((await call("/dashboard/%2e%2e/operator/payments")).status).not.toBe(200);
    const long = await call("/payments", "POST", " ".repeat(9_000));
    expect({ ...long, body: JSON.parse(long.body) }).toMatchObject({
      status: 413,
      body: { status: 413, title: "Content Too Large" },
    });
  });

  test("a contest is passed, within the limits", async () => {
    const { meters, elapsedMs, result } = await measure(contest, { DOCKER_HOST: daemon.host });
    expect(result).toMatchObject({ lag: 0, inconsistencies: 0, strict: { violations: [] } });
    expect(meters).toHaveLength(OURS.length + 2);
    for (const { container, spent } of meters) {
      expect(spent.cpuMs).toBeGreaterThan(0);
      expect(spent.cpuMs / elapsedMs).toBeLessThan(container.cpuLimit);
      expect(spent.memoryMostBytes).toBeLessThan(container.memoryLimitBytes);
      expect(spent.outOfMemoryKills).toBe(0);
    }
  });

  test("an API and the worker, killed in the middle of a contest, lose and double nothing", async () => {
    const { api1, worker } = await inspected();
    const held = contest();
    await Bun.sleep(API_CRASH_AT_MS);
    await daemon.crash((api1 as Inspected).Id);
    await Bun.sleep(CRASH_AFTER_MS);
    await daemon.crash((worker as Inspected).Id);
    const { strict } = await held;
    expect(strict).toMatchObject({ violations: [] });
    expect(strict.payments).toBeGreaterThan(0);
    // They were started again by their policy, and by nothing else.
    const after = await inspected();
    expect([after["api1"]?.RestartCount, after["worker"]?.RestartCount]).toEqual([1, 1]);
    // Its socket was left behind by the API that was killed; HAProxy has found the new one at it.
    await untilWell("api1");
    await until("HAProxy has found it", async () => /^apis,api1,.*,UP,/m.test(await statistics()));
  });

  test("everything stops by itself, and nobody was killed for memory", async () => {
    await compose("stop");
    const containers = await inspected();
    for (const service of OURS) {
      const { State } = containers[service] as Inspected;
      expect({ service, ...State }).toMatchObject({ service, ExitCode: 0, OOMKilled: false });
    }
    await compose("down", "--volumes");
    await compose(...PROCESSORS, "down");
    expect(await daemon.output(["docker", "ps", "--all", "--quiet"])).toBe("");
  });

  test.skipIf(WHY_NO_POSTGRES !== null)(
    `two workers over a PostgreSQL take payments, also while one of them is dead${NO_POSTGRES}`,
    async () => {
      const cluster = (...args: string[]) => compose("-f", "compose.cluster.yaml", ...args);
      const ids = Array.from({ length: 8 }, () => crypto.randomUUID());
      await compose("down", "--volumes");
      await cluster("up", "-d", "--build");
      await untilReady(9999, 9998);
      for (const id of ids.slice(0, 4)) await untilTaken(9998, id);
      await cluster("kill", "worker1");
      for (const id of ids) await untilTaken(9999, id);
      const { worker1 } = await inspected();
      expect(worker1).toMatchObject({ RestartCount: 0, State: { ExitCode: 137 } });
      await cluster("up", "-d");
      await until("all is settled", async () => {
        const { body } = await callAt(9998, "/payments-summary");
        const sums = Object.values(JSON.parse(body) as Record<string, { totalRequests: number }>);
        return sums.reduce((sum, { totalRequests }) => sum + totalRequests, 0) === ids.length;
      });
      await untilReady(9999, 9998);
      await cluster("stop");
      const containers = await inspected();
      for (const service of ["api1", "api2", "worker1", "worker2"]) {
        expect({ service, ...containers[service]?.State }).toMatchObject({ service, ExitCode: 0 });
      }
      await cluster("down", "--volumes");
    },
  );
});

test.skipIf(WHY_NO_HAPROXY !== null)(`HAProxy takes its configuration${NO_HAPROXY}`, async () => {
  const { code, err } = await runProgram(["haproxy", "-c", "-f", join(ROOT, "haproxy.cfg")]);
  expect({ code, err }).toMatchObject({ code: 0 });
});
