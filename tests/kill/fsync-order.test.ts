/** Proves that no 202 leaves before its fsync, by what the kernel saw of both processes. */
import { expect, test } from "bun:test";
import { startSimulator } from "../../simulator/server.ts";
import { GatewayClient } from "../../testing/gateway.ts";
import { freePorts } from "../../testing/ports.ts";
import { Child } from "../../testing/process.ts";
import { bareEnv, ROOT } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";
import type { JournalSync } from "../../worker/journal/store.ts";
import { parseTrace, traceOf, TRACED, whyNoTrace, type PaymentTrace } from "./trace.ts";

const PAYMENTS = 8;
/** Settlements come well after verdicts, so that their writes are not taken for acceptances. */
const PROCESSOR_DELAY_MS = 100;
/** Both processes run until there is no more input: so nothing is left behind, whatever happens to us. */
const BOTH = '"$0" worker.ts & w=$!; "$0" api.ts & a=$!; read -r _; kill -9 $w $a; wait';

const whyNot = await whyNoTrace();
const note = whyNot === null ? "" : ` (${whyNot})`;

test.skipIf(whyNot !== null)(`no 202 leaves before its fsync${note}`, async () => {
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
});

test.skipIf(whyNot !== null)(
  `with JOURNAL_SYNC=normal it leaves without one, and this test notices${note}`,
  async () => {
    const traces = await tracePayments("normal");
    expect(traces.every(({ isOrdered, isWritten }) => isOrdered && isWritten)).toBeTrue();
    expect(traces.filter(({ isSynced }) => isSynced)).toEqual([]);
  },
);

test.each([
  [7, true],
  [8, false],
])(
  "a sync of the log by descriptor %p, which 7 wrote to, is the verdict's own: %p",
  (by, isSynced) => {
    const [id, log, link] = ["an-id", "</a-wal>", "5<UDP:[127.0.0.1:9]>"];
    const calls = parseTrace(
      [
        `1 recvmmsg(${link}, "${id}") = 1`,
        `1 pwrite64(7${log}, "a") = 1`,
        `2 fsync(${by}${log}) = 0`,
        `1 sendmmsg(${link}, "${id}") = 1`,
        `3 sendto(6<TCP:[a]>, "HTTP/1.1 202 Accepted ${id}") = 1`,
      ].join("\n"),
    );
    const trace = traceOf(calls, id, { linkPort: 9, logPath: "/a-wal" });
    expect(trace).toMatchObject({ isOrdered: true, isWritten: true, isSynced });
  },
);

/** Pays and settles one payment after the other under strace. */
async function tracePayments(sync: JournalSync): Promise<PaymentTrace[]> {
  using directory = temporaryDirectory();
  const { linkPort, httpPort, port } = await freePorts("linkPort", "httpPort", "port");
  await using simulator = startSimulator({
    name: "default",
    fee: 0.05,
    host: "127.0.0.1",
    port: 0,
  });
  simulator.model.delayMs = PROCESSOR_DELAY_MS;
  const path = directory.file();
  const output = directory.file("trace");
  const strace = ["strace", "-f", "-yy", "-s", "400", "-e", `trace=${TRACED}`, "-o", output];
  await using traced = new Child({
    command: [...strace, "sh", "-c", BOTH, process.execPath],
    cwd: ROOT,
    env: bareEnv({
      PORT: String(port),
      HOST: "127.0.0.1",
      WORKER_LINK: `127.0.0.1:${linkPort}`,
      WORKER_HTTP: `http://127.0.0.1:${httpPort}`,
      LINK_PORT: String(linkPort),
      HTTP_PORT: String(httpPort),
      PROCESSORS: `default=${simulator.url};fee=0.05`,
      JOURNAL: `sqlite:${path}`,
      JOURNAL_SYNC: sync,
    }),
    withInput: true,
  });
  traced.start();
  const ids: string[] = [];
  try {
    const gateway = new GatewayClient(`http://127.0.0.1:${port}`);
    await until("the gateway is ready", () => gateway.isReady());
    while (ids.length < PAYMENTS) {
      const id = crypto.randomUUID();
      // A careful client repeats it: only its last word counts, and that is a 202.
      await until("it is answered 202", async () => (await gateway.pay(id, 1_990)) === 202);
      await until("it is settled", async () => {
        // Everything is slow under strace: a call that is passed on may take too long, and is asked
        // again.
        return (await gateway.stateOf(id).catch(() => null)) === "settled";
      });
      ids.push(id);
    }
  } finally {
    traced.endInput();
    await traced.ended;
  }
  const calls = parseTrace(await Bun.file(output).text());
  return ids.map((id) => {
    const trace = traceOf(calls, id, { linkPort, logPath: `${path}-wal` });
    if (trace === null) throw new Error(`${id} is not in the trace of ${calls.length} calls`);
    return trace;
  });
}
