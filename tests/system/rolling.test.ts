/** Replaces the processes one by one under load, as an upgrade or another secret needs it. */
import { expect, test } from "bun:test";
import { GatewayClient } from "../../testing/gateway.ts";
import { NO_HAPROXY, startHaproxy, WHY_NO_HAPROXY } from "../../testing/haproxy.ts";
import type { Child, Env } from "../../testing/process.ts";
import { siteFor, Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";

const OLD = "the-old-secret-of-the-test";
const NEW = "the-new-secret-of-the-test";
const SHOPS = 8;
const AMOUNT_CENTS = 1_990;
/** Longer than a worker takes to be replaced on a busy machine, and less than HAProxy waits for an answer. */
const HELD_MS = 9_000;

/** Restarts a process with further settings, as systemd would: SIGTERM, then a start. */
async function replace(child: Child, env: Env = {}): Promise<void> {
  expect(await child.stop()).toMatchObject({ code: 0 });
  child.env = { ...child.env, ...env };
  await child.startAndWait();
}

/** Shops that post one payment after the other, and never repeat one: the first answer counts. */
class Shops {
  readonly paid: string[] = [];
  readonly answers = new Set<number | null>();
  readonly #all: Promise<void[]>;
  #isOver = false;

  constructor(gateway: GatewayClient) {
    this.#all = Promise.all(Array.from({ length: SHOPS }, () => this.#shop(gateway)));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#all;
  }

  async #shop(gateway: GatewayClient): Promise<void> {
    while (!this.#isOver) {
      const id = crypto.randomUUID();
      this.answers.add(await gateway.pay(id, AMOUNT_CENTS));
      this.paid.push(id);
    }
  }
}

async function chargedIds(stack: Stack): Promise<string[]> {
  const recorded = await Promise.all(stack.processors.map((each) => each.payments()));
  return recorded.flat().map(({ correlationId }) => correlationId);
}

async function expectEachChargedOnce(stack: Stack, ids: readonly string[]): Promise<void> {
  await until("all are settled", async () => {
    const sums = Object.values(await stack.gateway.summary(null));
    return sums.reduce((count, sum) => count + sum.count, 0) >= ids.length;
  });
  expect((await chargedIds(stack)).sort()).toEqual([...ids].sort());
}

test.concurrent.skipIf(WHY_NO_HAPROXY !== null)(
  `secrets are rotated and every process is replaced, and no shop hears of it${NO_HAPROXY}`,
  async () => {
    await using stack = await Stack.start({
      apis: 2,
      env: { LINK_SECRET: OLD, ADMIN_TOKEN: OLD },
      apiEnv: { LINK_SECRET: OLD, ACK_TIMEOUT_MS: String(HELD_MS) },
    });
    const [PORT = 0, PORT_2 = 0] = stack.site.apiPorts;
    const ports = { PORT, PORT_2, HTTP_PORT: stack.site.httpPort };
    await using balancer = await startHaproxy({ ports, dataDir: stack.site.dataDir });
    const shops = new Shops(new GatewayClient(balancer.url));
    const operators = () => Promise.all([OLD, NEW].map((token) => statusWith(stack, token)));
    const oldFrames = () =>
      stack.workerHttp.metric("papaleguas_link_old_secret_frames_total").then(Number);

    expect(await operators()).toEqual([200, 401]);
    await replace(stack.worker, { LINK_SECRET: `${NEW},${OLD}`, ADMIN_TOKEN: `${NEW},${OLD}` });
    expect(await operators()).toEqual([200, 200]);
    await until("the APIs speak with the old one", async () => (await oldFrames()) > 0);
    for (const [i, api] of stack.apis.entries()) {
      await replace(api, { LINK_SECRET: NEW });
      await until("it is ready", () => stack.gateways[i]!.isReady());
    }
    const seen = await oldFrames();
    const paid = shops.paid.length;
    await until("payments go on", () => shops.paid.length > paid + SHOPS);
    expect(await oldFrames()).toBe(seen);
    await replace(stack.worker, { LINK_SECRET: NEW, ADMIN_TOKEN: NEW });
    expect(await operators()).toEqual([401, 200]);

    const last = shops.paid.length;
    await until("payments go on", () => shops.paid.length > last + SHOPS);
    await shops.stop();
    expect([...shops.answers]).toEqual([202]);
    await expectEachChargedOnce(stack, shops.paid);
    const said = stack.services.flatMap(({ lines, errors }) => lines.concat(errors)).join("\n");
    expect(said).not.toContain("secret-of-the-test");
    expect(said).not.toContain("wrong MAC");
  },
);

async function statusWith({ workerHttp }: Stack, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${workerHttp.url}/operator/processors`, { headers })).status;
}

test.concurrent(
  "while the worker is away an API holds payments for ACK_TIMEOUT_MS, then answers 503",
  async () => {
    await using stack = new Stack(await siteFor({ apis: 2 }));
    const [patient, quick] = stack.gateways as [GatewayClient, GatewayClient];
    const [first, second] = stack.apis as [Child, Child];
    first.env = { ...first.env, ACK_TIMEOUT_MS: String(HELD_MS) };
    second.env = { ...second.env, ACK_TIMEOUT_MS: "200" };
    await stack.startAll();
    await stack.worker.stop();
    const ids = Array.from({ length: 10 }, () => crypto.randomUUID());
    const held = Promise.all(ids.map((id) => patient.pay(id, AMOUNT_CENTS)));
    const repeated = ids.slice(0, 5);
    const post = (id: string) => quick.pay(id, AMOUNT_CENTS);
    expect(new Set(await Promise.all(repeated.map(post)))).toEqual(new Set([503]));
    await stack.worker.startAndWait();
    expect(new Set(await held)).toEqual(new Set([202]));
    // A shop goes on asking: on a busy machine an answer may take longer than such an API waits.
    for (const id of repeated) {
      await until(`${id} is taken`, async () => (await post(id)) === 202);
    }
    await expectEachChargedOnce(stack, ids);
  },
);
