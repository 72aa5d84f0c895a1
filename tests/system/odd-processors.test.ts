/**
 * Processors and adapters that do what nobody has described, before a whole gateway: an adapter that throws,
 * gives nonsense or computes for a second, a processor that redirects, and one whose certificate has
 * expired. The worker lives, nothing is charged that should not be, and the cause can be read.
 */
import { expect, test } from "bun:test";
import type { PublicStory } from "../../shared/http-api/dashboard.ts";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import { siteFor, Stack } from "../../testing/stack.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";
import { authority, certify } from "../../worker/processor/certificate.fixture.ts";

const CENTS = 1_990;

/** Does what the processor's answer tells it. */
const OWN = `
export default {
  charge: ({ correlationId, amountCents }) => {
    return { path: "/charges", body: JSON.stringify({ correlationId, amountCents }) };
  },
  classifyCharge({ status, body }, { correlationId }) {
    if (body === "throw") throw new Error("a table is missing");
    if (body === "nonsense") return { kind: "maybe" };
    if (body === "compute") for (const end = Date.now() + 1_000; Date.now() < end;);
    if (status === 200 && body === correlationId) return { kind: "accepted" };
    return { kind: "unknown", reason: "status " + status };
  },
  remembersForMs: Infinity,
};`;

const MOODS: readonly [what: string, answer: (elsewhere: string) => Response, cause: string][] = [
  ["an adapter that throws", () => new Response("throw"), "a table is missing"],
  ["an adapter that gives nonsense", () => new Response("nonsense"), "gave nonsense"],
  ["an adapter that computes for a second", () => new Response("compute"), "took"],
  ["a processor that redirects", (elsewhere) => Response.redirect(elsewhere, 307), "status 307"],
];

test.each(MOODS)(
  "%s leaves payments unknown, opens the breaker with the cause, and they settle once it is mended",
  async (_, answer, cause) => {
    await using ends = new AsyncDisposableStack();
    const directory = ends.use(temporaryDirectory());
    const elsewhere = ends.use(serving(() => new Response("no")));
    let isMended = false;
    const own = ends.use(
      serving(({ correlationId }) =>
        isMended ? new Response(correlationId) : answer(elsewhere.url),
      ),
    );
    await Bun.write(directory.file("own.ts"), OWN);
    const stack = await stackFor(ends, directory, { kind: "./own.ts", url: own.url });
    const { pid } = stack.worker;
    // A worker that computes for a second may turn some of them away meanwhile.
    const posted = Array.from({ length: 12 }, () => crypto.randomUUID());
    const answers = await Promise.all(posted.map((id) => stack.gateway.pay(id, CENTS)));
    const ids = posted.filter((__, i) => answers[i] === 202);
    expect(ids.length).toBeGreaterThan(0);
    await until("the breaker is open, and says why", async () => {
      // Nothing is live while it computes.
      const { changes = [] } = (await stack.gateway.live()) as Partial<LiveSnapshot>;
      return changes.some((change) => change.to === "open" && change.cause.includes(cause));
    });
    isMended = true;
    for (const id of ids) {
      await until(`${id} is settled`, async () => {
        return (await stack.gateway.stateOf(id).catch(() => null)) === "settled";
      });
    }
    const stories = await Promise.all(ids.map((id) => storyOf(stack, id)));
    const unknown = stories.flatMap(({ attempts }) => attempts).map((one) => one.reason);
    expect(unknown.some((reason) => reason.includes(cause))).toBe(true);
    expect(new Set(own.heard.map(({ amountCents }) => amountCents))).toEqual(new Set([CENTS]));
    expect(elsewhere.heard).toEqual([]);
    expect([stack.worker.pid, stack.worker.isRunning]).toEqual([pid, true]);
  },
);

test("a processor whose certificate has expired hears nothing of a payment, and the reason is shown", async () => {
  await using ends = new AsyncDisposableStack();
  const directory = ends.use(temporaryDirectory());
  const trusted = authority("somebody who is trusted");
  await Bun.write(directory.file("trusted.pem"), trusted.cert);
  const expired = certify("localhost", { issuer: trusted, untilYear: 2021 });
  const shop = ends.use(serving(() => new Response("no"), expired));
  const env = { NODE_EXTRA_CA_CERTS: directory.file("trusted.pem") };
  const stack = await stackFor(ends, directory, { kind: "rinha", url: shop.url }, env);
  const id = crypto.randomUUID();
  expect(await stack.gateway.pay(id, CENTS)).toBe(202);
  await until("the reason is shown", async () => {
    const { lanes } = (await stack.gateway.live()) as LiveSnapshot;
    return lanes[0]?.unreachable?.includes("CERT_HAS_EXPIRED") === true;
  });
  const { attempts, status } = await storyOf(stack, id);
  expect(attempts[0]).toMatchObject({ outcome: "refused", reason: "CERT_HAS_EXPIRED" });
  expect(["accepted", "assigned"]).toContain(status);
  expect(shop.heard).toEqual([]);
});

type Heard = { readonly correlationId: string; readonly amountCents: number };

/** A processor that keeps every body it hears. */
function serving(answer: (heard: Heard) => Response, tls?: { cert: string; key: string }) {
  const heard: Heard[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    ...(tls === undefined ? {} : { tls }),
    async fetch(request) {
      const body = (await request.json()) as Heard;
      heard.push(body);
      return answer(body);
    },
  });
  const url = tls === undefined ? server.url.origin : `https://localhost:${server.port}`;
  return { url, heard, [Symbol.asyncDispose]: () => server.stop(true) };
}

async function stackFor(
  ends: AsyncDisposableStack,
  directory: ReturnType<typeof temporaryDirectory>,
  processor: { readonly kind: string; readonly url: string },
  more: Readonly<Record<string, string>> = {},
): Promise<Stack> {
  const file = directory.file("processors.json");
  const processors = [{ name: "own", fee: { percent: "5" }, ...processor }];
  await Bun.write(file, JSON.stringify({ currency: "BRL", processors }));
  const env = { ...more, PROCESSORS: undefined, PROCESSORS_FILE: file };
  const stack = ends.use(new Stack(await siteFor({ env })));
  await stack.startAll();
  return stack;
}

async function storyOf({ gateway }: Stack, id: string): Promise<PublicStory> {
  return (await (await gateway.ask(`/dashboard/payments/${id}`)).json()) as PublicStory;
}
