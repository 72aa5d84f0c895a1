/**
 * Tests the audit from outside: the command, and a running worker, against processors with planted
 * differences.
 */
import { expect, test } from "bun:test";
import { startSimulator, type Simulator } from "../../simulator/server.ts";
import {
  centsOf,
  idOf,
  recordedAs,
  requestedAtMsOf,
  settledJournal,
} from "../../worker/audit/books.fixture.ts";
import type { AuditReport, ProcessorAudit } from "../../shared/http-api/audit.ts";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { freePorts } from "../../testing/ports.ts";
import { Child, run, type Env } from "../../testing/process.ts";
import { bareEnv, fromSource } from "../../testing/programs.ts";
import { until } from "../../testing/until.ts";
import { AT_MS, assigned } from "../../worker/journal/journal.fixture.ts";
import { SqliteStore } from "../../worker/journal/store.ts";

const ROWS = 100_000;
const TOKEN = "a-token-that-nobody-may-see";
const MISSING = 12_345;
const WRONG = 77_777;
/** Number of a payment settled at `fallback`, and planted at `default`. */
const EXTRA = 50_000;

type Home = AsyncDisposable & {
  readonly simulator: Simulator;
  readonly env: Env;
};

/** Makes a journal, and its `default` processor with what `plant` leaves of its records. */
async function home(plant: boolean): Promise<Home> {
  const directory = temporaryDirectory();
  const path = directory.file();
  settledJournal(path, ROWS);
  const simulator = startSimulator({ name: "default", fee: 0.05, host: "127.0.0.1", port: 0 });
  simulator.model.token = TOKEN;
  for (const row of recordedAs(path, 0).records.values()) {
    if (plant && row.correlationId === idOf(MISSING)) continue;
    const more = plant && row.correlationId === idOf(WRONG) ? 5 : 0;
    simulator.model.records.insert({ ...row, amountCents: row.amountCents + more });
  }
  if (plant) {
    simulator.model.records.insert({
      correlationId: idOf(EXTRA),
      amountCents: centsOf(EXTRA),
      requestedAtMs: requestedAtMsOf(EXTRA),
      recordedAtMs: 0,
    });
  }
  const audited = `default=${simulator.url};fee=0.05;audit-token=${TOKEN}`;
  return {
    simulator,
    env: bareEnv({
      JOURNAL: `sqlite:${path}`,
      PROCESSORS: `${audited},fallback=http://127.0.0.1:1;fee=0.15`,
      PROCESSOR_TIMEOUT_MS: "100",
    }),
    async [Symbol.asyncDispose]() {
      await simulator.stop();
      directory[Symbol.dispose]();
    },
  };
}

const audit = (place: Pick<Home, "env">, ...args: string[]) => runWorker(place, "audit", ...args);

async function runWorker({ env }: Pick<Home, "env">, ...args: string[]) {
  const { out, err, code } = await run(fromSource("worker.ts", ...args), { env });
  expect(out + err).not.toContain(TOKEN);
  return { out, err, code };
}

const planted = [
  { correlationId: idOf(MISSING), kind: "missing", theirsCents: null, oursCents: centsOf(MISSING) },
  { correlationId: idOf(EXTRA), kind: "extra", oursCents: null, processor: "fallback" },
  { correlationId: idOf(WRONG), kind: "amount", theirsCents: centsOf(WRONG) + 5 },
];

test("the command tells equal books, and what differs by id, by exit code and in words", async () => {
  await using equal = await home(false);
  const fine = await audit(equal);
  expect(fine).toMatchObject({ code: 0, err: "" });
  expect(fine.out).toStartWith("default: equal, 90000 payments of ");
  expect(fine.out).toContain("fallback: not audited, it has no audit-token");

  await using drifted = await home(true);
  const words = await audit(drifted);
  expect(words).toMatchObject({ code: 1, err: "" });
  expect(words.out).toContain("default: DRIFT");
  for (const seq of [MISSING, EXTRA, WRONG]) expect(words.out).toContain(idOf(seq));
  const json = await audit(drifted, "--json", "--processor", "default");
  expect(json.code).toBe(1);
  const { processors } = JSON.parse(json.out) as AuditReport;
  expect(processors).toMatchObject([{ name: "default", state: "drift", differing: planted }]);
  // The window lies beside the planted ones.
  const toMs = requestedAtMsOf(MISSING) - 1;
  const to = new Date(toMs).toISOString();
  expect((await audit(drifted, "--to", to)).code).toBe(0);
  const there = new Date(toMs - 3 * 3_600_000).toISOString().replace("Z", "-03:00");
  expect((await audit(drifted, "--to", there)).out).toBe((await audit(drifted, "--to", to)).out);
});

test("what cannot be compared is exit code 2 and one line", async () => {
  await using place = await home(false);
  const refused = async (env: Env, ...args: string[]) => {
    const { code, err } = await audit({ env: { ...place.env, ...env } }, ...args);
    expect([code, err.trim().split("\n").length]).toEqual([2, 1]);
    return err;
  };
  const address = `default=${place.simulator.url};fee=0.05`;
  expect(await refused({ PROCESSORS: address })).toContain("no processor has an audit-token");
  expect(await refused({ JOURNAL: "sqlite:/nowhere/a.db" })).toContain("no such file");
  expect(await refused({}, "--from", "yesterday")).toContain("not an ISO 8601 instant");
  expect(await refused({}, "--parts", "0")).toContain("--parts is a whole number");
  expect(await refused({}, "--processor", "none")).toContain("no processor none");
  expect(await refused({}, "--strange")).toContain("--strange");
  // A bad setting is shown without what is secret in it.
  const bad = await refused({ PROCESSORS: `${address};audit-token=${TOKEN},` });
  expect(bad).toStartWith("PROCESSORS: processor 2 is empty");

  const wrong = await audit({
    env: { ...place.env, PROCESSORS: `${address};audit-token=another` },
  });
  expect(wrong).toMatchObject({ code: 2 });
  expect(wrong.out).toContain("401: it does not take the audit-token");
});

test("a running worker audits by itself, says so by HTTP and metrics, and notices when it is mended", async () => {
  await using place = await home(true);
  const { http, link } = await freePorts("http", "link");
  const env = { ...place.env, HTTP_PORT: String(http), LINK_PORT: String(link) };
  const worker = await Child.start({ command: fromSource("worker.ts"), env });
  const url = `http://127.0.0.1:${http}`;
  const said: string[] = [];
  const text = async (path: string) => {
    const body = await (await fetch(url + path)).text();
    said.push(body);
    return body;
  };
  const report = async () => (JSON.parse(await text("/audit")) as AuditReport).processors;
  const state = async () => {
    const [first] = await report().catch(() => []);
    return first?.state;
  };
  try {
    await until("it has found the drift", async () => (await state()) === "drift");
    const [first, second] = (await report()) as [ProcessorAudit, ProcessorAudit];
    expect(first.differing).toMatchObject(planted);
    expect(first).toMatchObject({ name: "default", windows: [], pending: 0, error: null });
    expect(second).toMatchObject({ name: "fallback", state: "off", checkedAt: null });
    const metrics = await text("/metrics");
    expect(metrics).toContain('papaleguas_audit_drift_payments{processor="default"} 3');
    expect(metrics).not.toContain('papaleguas_audit_drift_payments{processor="fallback"}');

    // The page, the terminal and the doctor say the same.
    let standing = {} as LiveSnapshot["standing"];
    // Figures that are live are some moments old.
    await until("the page says so", async () => {
      ({ standing } = JSON.parse(await text("/dashboard/live?once")) as LiveSnapshot);
      return standing.brief === "default's books differ";
    });
    expect(standing.kind).toBe("bad");
    expect(standing.text).toStartWith("default has recorded ");
    expect((await runWorker({ env }, "top", "--once")).out.split("\n")).toContain(standing.text);
    const doctor = await runWorker({ env }, "doctor");
    expect(doctor.out).toMatch(/^wrong +the gateway now +default has recorded /m);
    expect(doctor.out).toContain(standing.text);

    // The command reads the same file beside the worker.
    expect((await audit(place)).code).toBe(1);

    const { records } = place.simulator.model;
    const rows = [...recordedAs(place.env["JOURNAL"]!.slice("sqlite:".length), 0).records.values()];
    records.purge();
    for (const row of rows) records.insert(row);
    await until("it is equal again", async () => (await state()) === "equal");
    expect(await text("/metrics")).toContain(
      'papaleguas_audit_drift_payments{processor="default"} 0',
    );
    await worker.stop();
  } finally {
    await worker.kill();
  }
  // It reads the same without one, whatever that has left behind.
  expect((await audit(place)).code).toBe(0);
  const log = worker.lines.join("\n");
  expect(log + worker.errors.join("\n") + said.join("")).not.toContain(TOKEN);
  expect(log).toContain('"msg":"audit: drift"');
  expect(log).toContain('"msg":"over: audit: drift"');
});

test("an address that nobody has confirmed hears nothing, not from the audit and not from commands", async () => {
  using directory = temporaryDirectory();
  const asked: string[] = [];
  await using stranger = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      asked.push(request.url);
      return Response.json({ totalRequests: 0, totalAmount: 0, failing: false });
    },
  });
  const store = new SqliteStore(directory.file(), "off", ["default"], AT_MS);
  store.addresses([{ name: "default", url: "http://127.0.0.1:1" }]);
  store.apply([assigned(1)]);
  store.close();
  const { http, link } = await freePorts("http", "link");
  const place = {
    env: bareEnv({
      JOURNAL: `sqlite:${directory.file()}`,
      PROCESSORS: `default=http://127.0.0.1:${stranger.port};fee=0.05;audit-token=${TOKEN}`,
      HTTP_PORT: String(http),
      LINK_PORT: String(link),
    }),
  };
  const byHand = async () => {
    const audited = await audit(place);
    expect(audited.code).toBe(2);
    expect(audited.out).toStartWith("default: moved, its payments belong to http://127.0.0.1:1: ");
    expect((await runWorker(place, "doctor")).out).toMatch(
      /warning +processor default +not asked: /,
    );
  };
  await byHand();
  await using worker = new Child({ command: fromSource("worker.ts"), env: place.env });
  worker.start();
  const url = `http://127.0.0.1:${http}`;
  await until("the audit says so", async () => {
    const answer = await fetch(`${url}/audit`).catch(() => null);
    const { processors } = ((await answer?.json()) ?? { processors: [] }) as AuditReport;
    return processors[0]?.state === "moved";
  });
  await byHand();
  await worker.kill();
  expect(worker.lines.join("\n")).toContain('"incident":"processor-moved"');
  expect(asked).toEqual([]);
});
