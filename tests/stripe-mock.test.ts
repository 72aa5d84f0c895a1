/**
 * Stripe's own stand-in, which holds every request against Stripe's specification: what we send is what
 * Stripe takes. It remembers nothing and answers with examples, so that no answer of it is about our
 * payment: behaviour is tested against the simulator. It is a program in Go, at the version below.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { judgePromises } from "../commands/doctor/promises.ts";
import { tryProcessor } from "../commands/doctor/trial.ts";
import { shareOf } from "../shared/tariff.ts";
import { Child, run } from "../testing/process.ts";
import { ROOT } from "../testing/programs.ts";
import { CHARGE } from "../worker/processor/adapters/adapter.contract.ts";
import { stripeIn } from "../worker/processor/adapters/stripe.ts";
import { HttpProcessor } from "../worker/processor.ts";
import { exchangeTo } from "../worker/processor/exchange.ts";

const MODULE = "github.com/stripe/stripe-mock@v0.203.0";
const FOLDER = join(ROOT, "node_modules/.cache/stripe-mock");
/** It listens for HTTPS, too. */
const LISTENS = /^Listening for HTTP\b.*:(\d+)$/;
const SECRET = { Authorization: "Bearer sk_test_123" };

/** Path of the program, made if it is not there; or the reason why it cannot be. */
async function made(): Promise<string | Error> {
  const go = Bun.which("go") ?? Bun.which("/usr/local/go/bin/go");
  if (go === null) return new Error("there is no Go to make stripe-mock with");
  const env = { ...process.env, GOBIN: FOLDER };
  const { code, err } = await run([go, "install", MODULE], { env });
  if (code === 0) return join(FOLDER, "stripe-mock");
  return new Error(`Go could not make stripe-mock: ${err.trim().split("\n").at(-1)}`);
}

const program = await made();
const note = program instanceof Error ? ` (skipped: ${program.message})` : "";

/** Gives its address, once it listens. */
async function mock(): Promise<{ readonly child: Child; readonly url: string }> {
  const child = await Child.start({
    command: [String(program), "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0"],
    isReady: (line) => LISTENS.test(line),
  });
  const [, port] = LISTENS.exec(child.lines.find((line) => LISTENS.test(line)) ?? "") ?? [];
  return { child, url: `http://127.0.0.1:${port}` };
}

test.skipIf(program instanceof Error)(`Stripe takes our charge and our search${note}`, async () => {
  const { child, url } = await mock();
  await using _ = child;
  const adapter = stripeIn("BRL");
  const exchange = exchangeTo(url, { headers: SECRET });
  const send = async ({ path, ...call }: ReturnType<typeof adapter.charge>) =>
    await exchange({ ...call, url: url + path, timeoutMs: 20_000 });

  const charged = await send(adapter.charge(CHARGE));
  expect(charged.status).toBe(200);
  expect(JSON.parse(charged.body as string)).toMatchObject({ object: "payment_intent" });
  const searched = await send(adapter.lookup!.call(CHARGE));
  expect(searched.status).toBe(200);
  expect(JSON.parse(searched.body as string)).toMatchObject({ object: "search_result" });

  // It does check: a field that Stripe does not have is refused, and so is a call without a key.
  const body = `${adapter.charge(CHARGE).body}&colour=red`;
  expect((await send({ ...adapter.charge(CHARGE), body })).status).toBe(400);
  const client = new HttpProcessor(url, 20_000, exchange, adapter);
  expect((await client.charge(CHARGE)).kind).toBe("unknown");
  const locked = new HttpProcessor(url, 20_000, exchangeTo(url), adapter);
  expect(await locked.charge(CHARGE)).toMatchObject({ kind: "refused", overloaded: false });
});

test.skipIf(program instanceof Error)(
  `the doctor's charges are Stripe's own requests, and examples prove nothing${note}`,
  async () => {
    const { child, url } = await mock();
    await using _ = child;
    const fee = shareOf(0.05);
    const more = { currency: "BRL", secret: "sk_test_123" };
    const setting = { name: "cards", kind: "stripe", url, fee, ...more } as const;
    const plan = { amountCents: 100, source: "pm_card_visa", lookMsMax: 0, laterMs: 0 };
    const trial = await tryProcessor(setting, { ...plan, timeoutMs: 20_000 });
    expect(trial.first.map(({ said }) => said?.status)).toEqual([200, 200, 200]);
    const states = judgePromises(trial).map(({ promise, state }) => `${promise} ${state}`);
    expect(states).toEqual([
      "P1 cannot be seen",
      "P2 cannot be seen",
      "P3 kept",
      "P4 cannot be seen",
      "P5 not promised",
      "P6 not promised",
    ]);
  },
);
