/**
 * A gateway of real processes between processors of two kinds, the contest's and Stripe's, both of which
 * lose answers, break off and fail, while the worker is killed: nothing is charged twice, and every book
 * says the same. An adapter that cannot be used keeps the worker from starting.
 */
import { expect, test } from "bun:test";
import { StripeForm } from "../../simulator/processor/stripe.ts";
import { startSimulator } from "../../simulator/server.ts";
import type { AuditReport } from "../../shared/http-api/audit.ts";
import { ProcessorAdmin } from "../../testing/processor-admin.ts";
import { run } from "../../testing/process.ts";
import { bareEnv, fromSource } from "../../testing/programs.ts";
import { siteFor, Stack } from "../../testing/stack.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";

const PAYMENTS = 600;
const CENTS = 1_990;
const FAULTS = {
  answerLost: 0.1,
  resetBefore: 0.05,
  errorWithInsert: 0.05,
  errorWithoutInsert: 0.05,
  truncated: 0.05,
};
const SECRET = "sk_test_hu5h";

test("two kinds with faults, a worker that is killed: nothing is charged twice, and the books are equal", async () => {
  await using ends = new AsyncDisposableStack();
  const directory = ends.use(temporaryDirectory());
  const stripe = ends.use(startStripe());
  const cards = new ProcessorAdmin("cards", stripe.url);
  const file = directory.file("processors.json");
  const env = {
    PROCESSORS: undefined,
    PROCESSORS_FILE: file,
    CARDS_KEY: SECRET,
    PROCESSOR_TIMEOUT_MS: "1000",
  };
  const stack = ends.use(new Stack(await siteFor({ env })));
  await Bun.write(file, fileOf(stack.processors[0]!.url, stripe.url));
  await stack.startAll();
  const books = [stack.processors[0]!, cards];
  for (const book of books) await book.setFaults(FAULTS);

  const ids = Array.from({ length: PAYMENTS }, () => crypto.randomUUID());
  for (const [i, id] of ids.entries()) {
    if (i === PAYMENTS / 2) {
      await stack.worker.kill();
      await stack.worker.startAndWait();
    }
    await until("it is taken", async () => (await stack.gateway.pay(id, CENTS)) === 202);
  }
  for (const book of books) await book.heal();
  await until("all are settled", async () => {
    const sums = Object.values(await stack.gateway.summary(null));
    return sums.reduce((all, { count }) => all + count, 0) === PAYMENTS;
  });

  const charged = (await Promise.all(books.map((book) => book.payments()))).flat();
  expect(charged.map(({ correlationId }) => correlationId).sort()).toEqual(ids.sort());
  const [first, second] = await Promise.all(books.map((book) => book.summary(null)));
  expect(await stack.gateway.summary(null)).toEqual({ default: first!, cards: second! });
  expect(Math.min(first!.count, second!.count)).toBeGreaterThan(0);

  const audit = (await (await fetch(`${stack.workerHttp.url}/audit`)).json()) as AuditReport;
  expect(audit.processors.map(({ name, state }) => [name, state])).toEqual([
    ["default", "off"],
    ["cards", "cannot"],
  ]);
  expect([...stack.worker.lines, ...stack.worker.errors].join("\n")).not.toContain(SECRET);
});

test("a secret that has changed is read again on SIGHUP, and charges have it", async () => {
  await using ends = new AsyncDisposableStack();
  const directory = ends.use(temporaryDirectory());
  const stripe = ends.use(startStripe());
  const file = directory.file("processors.json");
  const env = { PROCESSORS: undefined, PROCESSORS_FILE: file };
  const stack = ends.use(new Stack(await siteFor({ env })));
  const fee = { percent: "5" };
  const secret = { file: "key" };
  const processors = [{ name: "cards", kind: "stripe", url: stripe.url, fee, secret }];
  await Bun.write(file, JSON.stringify({ currency: "BRL", processors }));
  await Bun.write(directory.file("key"), "revoked");
  await stack.startAll();
  const id = crypto.randomUUID();
  expect(await stack.gateway.pay(id, CENTS)).toBe(202);
  // Stripe refuses the key, and its words are the breaker's cause.
  await until("the breaker is open", () =>
    stack.worker.lines.some((line) => line.includes("status 401: invalid_request_error")),
  );
  expect(stripe.model.records.size).toBe(0);
  await Bun.write(directory.file("key"), SECRET);
  process.kill(stack.worker.pid, "SIGHUP");
  await until("it is charged", () => stripe.model.records.size === 1);
});

test("an adapter that cannot be used keeps the worker from starting, with the reason", async () => {
  using directory = temporaryDirectory();
  const processor = {
    name: "own",
    kind: "./own.ts",
    url: "http://127.0.0.1:1",
    fee: { percent: "5" },
  };
  const file = directory.file("processors.json");
  await Bun.write(file, JSON.stringify({ processors: [processor] }));
  await Bun.write(directory.file("own.ts"), "export default { remembersForMs: 1 };");
  const env = bareEnv({
    PROCESSORS_FILE: file,
    JOURNAL: `sqlite:${directory.file()}`,
    LINK_PORT: "0",
  });
  const { code, err } = await run(fromSource("worker.ts"), { env });
  expect(code).toBe(1);
  expect(err).toContain("own.ts cannot be used: it is no adapter");
});

function startStripe() {
  const form = new StripeForm({ forgetAfterMs: 86_400_000, paymentMethod: "pm_card_visa" });
  return startSimulator({ name: "cards", fee: 0.05, host: "127.0.0.1", port: 0, form });
}

function fileOf(defaultUrl: string, cardsUrl: string): string {
  const fee = { percent: "5" };
  const secret = { env: "CARDS_KEY" };
  const processors = [
    { name: "default", url: defaultUrl, fee },
    { name: "cards", kind: "stripe", url: cardsUrl, fee, secret },
  ];
  return JSON.stringify({ currency: "BRL", processors });
}
