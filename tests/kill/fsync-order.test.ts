/** No 202 leaves before its fsync: what the kernel saw of both processes. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startSimulator } from "../../simulator/server.ts";
import { GatewayClient } from "../system/client.ts";
import { freePorts } from "../system/stand.ts";
import { until } from "../system/until.ts";
import type { Sync } from "./stack.ts";
import { parseTrace, traceOf, TRACED, type PaymentTrace } from "./trace.ts";

const ROOT = resolve(import.meta.dir, "../..");
const PAYMENTS = 8;
const TEST_MS_MAX = 60_000;
const READY_MS_MAX = 30_000;
/** Settlements come well after verdicts, so that their writes are not taken for acceptances. */
const PROCESSOR_DELAY_MS = 100;
/** Both processes, until there is no more input: so nothing is left behind, whatever becomes of us. */
const BOTH = '"$0" worker.ts & w=$!; "$0" api.ts & a=$!; read -r _; kill -9 $w $a; wait';

const whyNot = whyNoTrace();
const note = whyNot === null ? "" : ` (${whyNot})`;

test.skipIf(whyNot !== null)(
  `no 202 leaves before its fsync${note}`,
  async () => {
    const traces = await tracePayments("full");
    for (const { isOrdered, isWritten, isSynced, lines } of traces) {
      const said = lines.join("\n");
      expect({ isOrdered, isWritten, isSynced, said }).toEqual({
        isOrdered: true,
        isWritten: true,
        isSynced: true,
        said,
      });
    }
  },
  TEST_MS_MAX,
);

test.skipIf(whyNot !== null)(
  `with JOURNAL_SYNC=normal it leaves without one, and this test notices${note}`,
  async () => {
    const traces = await tracePayments("normal");
    expect(traces.every(({ isOrdered, isWritten }) => isOrdered && isWritten)).toBeTrue();
    expect(traces.filter(({ isSynced }) => isSynced)).toEqual([]);
  },
  TEST_MS_MAX,
);

/** One payment after the other is paid and settled under strace. */
async function tracePayments(sync: Sync): Promise<PaymentTrace[]> {
  await using folder = await temporaryFolder();
  const directory = folder.path;
  const [linkPort, httpPort, port] = Object.values(await freePorts()) as [number, number, number];
  await using simulator = startSimulator({
    name: "default",
    fee: 0.05,
    host: "127.0.0.1",
    port: 0,
  });
  simulator.model.delayMs = PROCESSOR_DELAY_MS;
  const path = join(directory, "payments.db");
  const output = join(directory, "trace");
  const strace = ["strace", "-f", "-yy", "-s", "400", "-e", `trace=${TRACED}`, "-o", output];
  const { PATH = "", HOME = "" } = process.env;
  const traced = Bun.spawn([...strace, "sh", "-c", BOTH, process.execPath], {
    cwd: ROOT,
    env: {
      PATH,
      HOME,
      PORT: String(port),
      HOST: "127.0.0.1",
      WORKER_LINK: `127.0.0.1:${linkPort}`,
      WORKER_HTTP: `http://127.0.0.1:${httpPort}`,
      LINK_PORT: String(linkPort),
      HTTP_PORT: String(httpPort),
      PROCESSORS: `default=${simulator.url};fee=0.05`,
      JOURNAL: `sqlite:${path}`,
      JOURNAL_SYNC: sync,
    },
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
  });
  const ids: string[] = [];
  try {
    const gateway = new GatewayClient(`http://127.0.0.1:${port}`);
    await until("the gateway is ready", READY_MS_MAX, () => gateway.isReady());
    while (ids.length < PAYMENTS) {
      const id = crypto.randomUUID();
      // Repeated by a careful client: only its last word counts, and that is a 202.
      await until("it is answered 202", 10_000, async () => (await gateway.pay(id, 1_990)) === 202);
      await until("it is settled", 10_000, async () => {
        // Under strace everything is slow: what is passed on may take too long, and is asked again.
        const status = await gateway.statusOf(id).catch(() => "missing" as const);
        return status !== "missing" && status.status === "settled";
      });
      ids.push(id);
    }
  } finally {
    await traced.stdin.end();
    await traced.exited;
  }
  const calls = parseTrace(await Bun.file(output).text());
  return ids.map((id) => {
    const trace = traceOf(calls, id, { linkPort, logPath: `${path}-wal` });
    if (trace === null) throw new Error(`${id} is not in the trace of ${calls.length} calls`);
    return trace;
  });
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), "papa-leguas-trace-"));
  const remove = () => rm(path, { recursive: true, force: true });
  return { path, [Symbol.asyncDispose]: remove };
}

/** Null when there is a strace that may trace. A machine for tests may install it. */
function whyNoTrace(): string | null {
  const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  if (Bun.which("strace") === null && process.env["CI"] === "true") {
    Bun.spawnSync(["sh", "-c", "apt-get install -y strace"], quiet);
  }
  if (Bun.which("strace") === null) return "skipped: there is no strace";
  const { exitCode } = Bun.spawnSync(["strace", "-f", "-o", "/dev/null", "true"], quiet);
  return exitCode === 0 ? null : "skipped: strace may not trace here";
}
