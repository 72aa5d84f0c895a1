/**
 * Payments with a source and a reference in a gateway of real processes, before a processor of Stripe's
 * kind that takes no charge without a source, and one of an adapter of its own. The source arrives, also
 * after the worker was killed; a reference is given back; and no line, page, metric, error or command
 * shows a source, nor a secret of the processors' file.
 */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startSimulator } from "../../simulator/server.ts";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import { StripeForm } from "../../simulator/processor/stripe.ts";
import { ProcessorAdmin } from "../../testing/processor-admin.ts";
import { run } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";
import { siteFor, Stack } from "../../testing/stack.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";

const CENTS = 1_990;
const GOOD = "pm_card_visa";
const DECLINED = "pm_card_chargeDeclinedInsufficientFunds";
/** Stripe's stand-in takes any name for a card. */
const TOKEN = "tok_a+b/c4rd";
const BAD_FOR_OWN = "nope_5/5";
const SECRETS = { CARDS_KEY: "sk_test_hu5h", ADMIN_TOKEN: "an operator's t0ken" };
/** Everything that may be read, but for what is said of one payment. */
const PATHS = [
  "/metrics",
  "/readyz?verbose",
  "/payments-summary",
  "/openapi.json",
  "/audit",
  "/dashboard",
  "/dashboard/live?once",
  "/dashboard/history",
  "/dashboard/open",
];
const HEADER = "a header's v4lue";

/** Repeats its payment's source in all that it says. */
const OWN = `
const said = ({ source, reference }) => \`cannot take \${source} of \${reference}: \${encodeURIComponent(source)}\`;
export default {
  charge: ({ correlationId, amountCents, source, reference }) => {
    const body = JSON.stringify({ correlationId, amountCents, source, reference });
    return { path: "/charges", body };
  },
  classifyCharge(answer, payment) {
    if (answer.status === 200 && answer.body === payment.correlationId) return { kind: "accepted" };
    if (answer.status !== 402) return { kind: "unknown", reason: "status " + answer.status };
    return { kind: "rejected", reason: said(payment), isFinal: true };
  },
  remembersForMs: Infinity,
};`;

test("a source reaches its processor, also after a crash, and is shown nowhere", async () => {
  await using ends = new AsyncDisposableStack();
  const directory = ends.use(temporaryDirectory());
  const form = new StripeForm({ forgetAfterMs: 86_400_000, paymentMethod: null });
  const stripe = ends.use(
    startSimulator({ name: "cards", fee: 0.05, host: "127.0.0.1", port: 0, form }),
  );
  const own = ends.use(ownProcessor());
  const file = directory.file("processors.json");
  await Bun.write(directory.file("own.ts"), OWN);
  await Bun.write(file, fileOf(stripe.url, own.url));
  const env = {
    ...SECRETS,
    PROCESSORS: undefined,
    PROCESSORS_FILE: file,
    PROCESSOR_TIMEOUT_MS: "1000",
    LOG_LEVEL: "debug",
  };
  const stack = ends.use(new Stack(await siteFor({ env, apiEnv: { LOG_LEVEL: "debug" } })));
  await stack.startAll();
  const { gateway, workerHttp, worker } = stack;
  const errors: string[] = [];
  const post = async (more: object) => {
    const id = crypto.randomUUID();
    const repeat = async (other: object) => {
      const body = JSON.stringify({ correlationId: id, amount: CENTS / 100, ...other });
      const answer = await fetch(`${gateway.url}/payments`, { method: "POST", body });
      errors.push(await answer.text());
      return answer.status;
    };
    expect(await repeat(more)).toBe(202);
    return { id, repeat };
  };
  const ended = (id: string, status: string) =>
    until(`${id} is ${status}`, async () => (await gateway.stateOf(id)) === status);
  const told = async (id: string) => (await gateway.ask(`/payments/${id}`)).json();

  const reference = "Pedido nº 42";
  const paid = await post({ source: GOOD, reference });
  await ended(paid.id, "settled");
  for (const [other, status] of [
    [{ source: GOOD, reference }, 202],
    [{ source: TOKEN, reference }, 409],
    [{ source: GOOD, reference: "another" }, 409],
    [{ reference }, 409],
    [{ source: GOOD }, 409],
    [{ source: `${TOKEN}\n`, reference }, 400],
    [{ [TOKEN]: TOKEN, source: TOKEN }, 400],
  ] as const) {
    // A name of a field is repeated to its shop alone.
    expect(await paid.repeat(other)).toBe(status);
    if (TOKEN in other) errors.pop();
  }
  expect(await told(paid.id)).toMatchObject({ reference, processor: "cards" });

  const declined = await post({ source: DECLINED });
  await ended(declined.id, "rejected");
  const reason = "402: card_declined, insufficient_funds";
  const code = "insufficient_funds";
  expect(await told(declined.id)).toMatchObject({ status: "rejected", reason, code });

  // Nothing of it is recorded, so that the next worker has to send it again, with its source.
  const cards = new ProcessorAdmin("cards", stripe.url);
  await cards.setFaults({ resetBefore: 1 });
  const crashed = await post({ source: TOKEN, reference: "order 43" });
  await ended(crashed.id, "unknown");
  await worker.kill();
  await cards.heal();
  await worker.startAndWait();
  await ended(crashed.id, "settled");
  expect(stripe.model.records.size).toBe(2);

  await operate(stack, "drain", "cards");
  const owns = await post({ source: TOKEN, reference: "order 44" });
  await ended(owns.id, "settled");
  expect(own.bodies).toEqual([
    { correlationId: owns.id, amountCents: CENTS, source: TOKEN, reference: "order 44" },
  ]);
  const refused = await post({ source: BAD_FOR_OWN, reference: "order 45" });
  await ended(refused.id, "rejected");
  expect(await told(refused.id)).toMatchObject({ reason: "cannot take … of order 45: …" });

  const pages: string[] = [];
  const ids = [paid, declined, crashed, owns, refused].map(({ id }) => id);
  for (const path of [
    ...PATHS,
    ...ids.flatMap((id) => [`/payments/${id}`, `/dashboard/payments/${id}`]),
  ]) {
    for (const where of [gateway, workerHttp]) pages.push(await (await where.ask(path)).text());
  }
  for (const path of ["/payments", "/processors", ...ids.map((id) => `/payments/${id}`)]) {
    const headers = { authorization: `Bearer ${SECRETS.ADMIN_TOKEN}` };
    const answer = await fetch(`${workerHttp.url}/operator${path}`, { headers });
    expect(answer.status).toBe(200);
    pages.push(await answer.text());
  }
  const commands = await Promise.all(
    [
      ["settings"],
      ["doctor"],
      ["audit"],
      ["top", "--once"],
      ["operator", "list"],
      ["operator", "processors"],
      ...ids.map((id) => ["operator", "show", id]),
    ].map(async (args) => {
      const { out, err, ...ending } = await run(fromSource("worker.ts", ...args), {
        env: { ...worker.env, WORKER_HTTP: workerHttp.url },
      });
      // Neither processor can be audited: nothing was found equal.
      expect([args[0], ending.code]).toEqual([args[0], args[0] === "audit" ? 2 : 0]);
      expect(`${args.join(" ")}: ${(out + err).length > 0}`).toEndWith("true");
      return out + err;
    }),
  );
  expect(commands.join("\n")).toContain(reference);
  expect(commands.at(-ids.length)).toContain("fee        1.30 (1.295), tariff 1\n");
  expect(commands[5]).toMatch(/^cards +5 % \+ 0\.30 /m);
  expect(commands[3]).toMatch(/^own .* 2\.99 \(2\.985\)$/m);
  const nothing = "cannot be asked for a payment, cannot be audited, has no health call";
  const said = commands.map((text) => text.includes(nothing));
  expect(said.slice(0, 6)).toEqual([false, true, false, true, false, true]);
  const live = (await gateway.live()) as LiveSnapshot;
  expect(live.lanes.map(({ name, lacks }) => [name, lacks])).toEqual([
    ["cards", ["totals", "health"]],
    ["own", ["look", "totals", "health"]],
  ]);
  const lines = [worker, ...stack.apis].flatMap(({ lines: out, errors: err }) => out.concat(err));
  const all = [...lines, ...pages, ...commands, ...errors].join("\n");
  const journal = readFileSync(worker.env["JOURNAL"]!.replace("sqlite:", ""), "latin1");
  expect(all).toContain(ids[2]!);
  for (const hidden of [GOOD, DECLINED, TOKEN, encodeURIComponent(TOKEN), BAD_FOR_OWN]) {
    expect(all.split("\n").filter((line) => line.includes(hidden) && !isSchema(line))).toEqual([]);
    expect(journal).not.toContain(hidden);
  }
  for (const hidden of [...Object.values(SECRETS), HEADER]) expect(all).not.toContain(hidden);
});

/** The OpenAPI document has an example of a source. */
function isSchema(line: string): boolean {
  return line.startsWith('{"openapi"') || line.includes('"examples": [');
}

async function operate({ workerHttp }: Stack, action: string, name: string): Promise<void> {
  const answer = await fetch(`${workerHttp.url}/operator/processors/${name}/${action}`, {
    method: "POST",
    headers: { authorization: `Bearer ${SECRETS.ADMIN_TOKEN}` },
    body: JSON.stringify({ who: "ana", why: "a test" }),
  });
  expect(answer.status).toBe(200);
}

/** Takes everything but one source, and keeps what it was sent. */
function ownProcessor() {
  const bodies: unknown[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const body = (await request.json()) as { source: string; correlationId: string };
      if (body.source === BAD_FOR_OWN) return new Response(null, { status: 402 });
      bodies.push(body);
      return new Response(body.correlationId);
    },
  });
  return {
    url: server.url.origin,
    bodies,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function fileOf(cardsUrl: string, ownUrl: string): string {
  const headers = { "X-Shop": HEADER };
  const processors = [
    {
      name: "cards",
      kind: "stripe",
      url: cardsUrl,
      fee: { percent: "5", fixed: "0.30" },
      headers,
      secret: { env: "CARDS_KEY" },
    },
    { name: "own", kind: "./own.ts", url: ownUrl, fee: { percent: "15" } },
  ];
  return JSON.stringify({ currency: "BRL", processors });
}
