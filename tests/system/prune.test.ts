/** Old payments are forgotten from outside: sums after it are exact, and no id is ever charged again. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { eachOf } from "../../testing/each.ts";
import { JSON_TYPE } from "../../testing/gateway.ts";
import { run } from "../../testing/process.ts";
import { bareEnv, fromSource, ROOT } from "../../testing/programs.ts";
import { processorsAt, siteFor, Stack } from "../../testing/stack.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";
import { damageIn } from "../../worker/journal/damage.ts";
import { AT_MS, uuid } from "../../worker/journal/journal.fixture.ts";
import { writeHistory } from "../../worker/journal/prune.fixture.ts";

const [PAYMENTS, KEPT] = [2_048, 1_024];
const FIXTURE = `${ROOT}/worker/journal/prune.fixture.ts`;
/** Inside the fifth block of eight: four go. */
const BEFORE_MS = AT_MS + 100 + 1_100;
const EXACT_FROM_MS = AT_MS + 100 + 1_024 + 1;

const numbers = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);

async function record(url: string, n: number): Promise<void> {
  const requestedAt = new Date(AT_MS + 100 + n).toISOString();
  const body = JSON.stringify({ correlationId: uuid(n), amount: 19.9, requestedAt });
  const { status } = await fetch(`${url}/payments`, { method: "POST", headers: JSON_TYPE, body });
  expect(status).toBe(200);
}

test("a prune is refused beside a worker, goes on after a kill, and a worker goes on after it", async () => {
  await using stack = new Stack(await siteFor({ env: { JOURNAL_SYNC: "off" } }));
  writeHistory(stack.journalPath, PAYMENTS);
  const before = new Date(BEFORE_MS).toISOString();
  const prune = (...args: string[]) =>
    run(fromSource("worker.ts", "prune", "--before", before, ...args), {
      env: bareEnv({ JOURNAL: `sqlite:${stack.journalPath}` }),
    });
  const summaryFrom = (fromMs: number) =>
    stack.gateway.ask(`/payments-summary?from=${new Date(fromMs).toISOString()}`);
  const audit = () => {
    const PROCESSORS = processorsAt(
      stack.processors.map(({ url }) => url),
      ";audit-token=123",
    );
    const env = bareEnv({ JOURNAL: `sqlite:${stack.journalPath}`, PROCESSORS });
    return run(fromSource("worker.ts", "audit"), { env });
  };
  const charged = () =>
    Promise.all(stack.processors.map(async (one) => (await one.summary(null)).count));
  const begin = async () => {
    await stack.startAll();
    await until("the gateway is ready", () => stack.gateway.isReady());
  };
  // The processor itself remembers no more than what stays here.
  await eachOf(numbers(PAYMENTS - KEPT + 1, PAYMENTS), (n) => record(stack.processors[0]!.url, n));
  await begin();
  const window = { fromMs: EXACT_FROM_MS, toMs: AT_MS + 1_000_000 };
  const sums = await stack.gateway.summary(window);
  expect((await summaryFrom(AT_MS)).status).toBe(200);
  const planned = await prune("--dry-run");
  expect(planned).toMatchObject({ code: 0, err: "" });
  expect(planned.out).toContain(": 1024 payments of 20377.60, requested before");
  expect(await prune()).toMatchObject({
    code: 1,
    err: expect.stringContaining("a worker is using it"),
  });
  expect((await stack.worker.stop()).code).toBe(0);

  const killed = await run([process.execPath, FIXTURE, stack.journalPath, String(BEFORE_MS)]);
  expect(killed.signal).toBe("SIGKILL");
  {
    using db = new Database(stack.journalPath);
    expect(damageIn(db)).toBeNull();
    expect(db.query("SELECT min(row), count(*) FROM ledger").values()).toEqual([[768, 1_280]]);
  }
  const done = await prune("--vacuum");
  expect(done.code).toBe(0);
  expect(done.out).toContain(`sums are exact from ${new Date(EXACT_FROM_MS).toISOString()} on`);
  expect(done.out).toContain("of which 0.0 MB are free");

  await stack.worker.startAndWait();
  await until("the gateway is ready", () => stack.gateway.isReady());
  expect(await stack.gateway.summary(window)).toEqual(sums);
  const refused = await summaryFrom(EXACT_FROM_MS - 1);
  expect(refused.status).toBe(409);
  expect(await refused.json()).toMatchObject({
    detail: expect.stringContaining(`exact from ${new Date(EXACT_FROM_MS).toISOString()} on`),
  });
  expect(await stack.gateway.pay(uuid(1), 1_990)).toBe(202);
  expect(await stack.gateway.pay(uuid(1), 1_991)).toBe(409);
  expect(await stack.gateway.statusOf(uuid(1))).toMatchObject({
    status: "settled",
    processor: "default",
    settledAtMs: null,
  });
  expect(await audit()).toMatchObject({
    code: 0,
    out: expect.stringContaining("default: equal"),
  });
  // Only a payment that is new is charged.
  const fresh = crypto.randomUUID();
  expect(await stack.gateway.pay(fresh, 2_500)).toBe(202);
  await until("it is settled", async () => {
    return (await stack.gateway.stateOf(fresh)) === "settled";
  });
  expect(await charged()).toEqual([KEPT + 1, 0]);
  expect((await stack.worker.stop()).code).toBe(0);
  using db = new Database(stack.journalPath);
  expect(damageIn(db)).toBeNull();
});

test("what a shop was not told yet stays, and the command says so", async () => {
  using directory = temporaryDirectory();
  const path = directory.file("payments.db");
  writeHistory(path, PAYMENTS);
  const toldUpTo = (row: number) => {
    using db = new Database(path);
    db.run("INSERT OR REPLACE INTO webhooks VALUES (1, ?, 'shop', NULL)", [`0.${row}`]);
  };
  const prune = async (...args: string[]) => {
    const command = ["prune", "--before", new Date(BEFORE_MS).toISOString(), ...args];
    const env = bareEnv({ JOURNAL: `sqlite:${path}` });
    const { code, out, err } = await run(fromSource("worker.ts", ...command), { env });
    expect({ code, err }).toEqual({ code: 0, err: expect.any(String) });
    return out;
  };
  toldUpTo(300);
  expect(await prune("--dry-run")).toContain(
    "768 more stay: their shop was not told of them yet (worker operator webhooks)",
  );
  const done = await prune();
  expect(done).toContain(": 256 payments of 5094.40, requested before");
  expect(done).toContain("\n768 more stay: ");
  expect(await prune("--dry-run", "--untold")).toContain(
    "\nof 768 among them their shop was never told, and will not be\n",
  );
  toldUpTo(PAYMENTS - 1);
  const rest = await prune();
  expect(rest).toContain(": 768 payments of 15283.20, requested before");
  expect(rest).not.toContain("their shop");
});
