/** Several workers, of which one audits: it alone asks processors, and the others tell what it has found. */
import { expect, test } from "bun:test";
import { shareOf } from "../../shared/tariff.ts";
import { until } from "../../testing/until.ts";
import { adaptersOf, notAudited, startAudit, type AuditOptions } from "../audit.ts";
import { allocateLedger } from "../ledger.ts";
import { SummaryReader } from "../summary.ts";
import { PASSED_ON } from "../http/audit.ts";
import { LeadersAudit } from "./leader.ts";

const EVERY_MS = 5;

function serve(answer: (request: Request) => Response) {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  const close = () => server.stop(true);
  return { url: `http://127.0.0.1:${server.port}`, close, [Symbol.asyncDispose]: close };
}

const DRIFTS = {
  ...notAudited("default", "off"),
  state: "drift",
  differing: [{ oursCents: null, theirsCents: 70 }],
  differingMore: 2,
  windows: [{ ours: { count: 1, cents: 5 }, theirs: { count: 3, cents: 15 } }],
};

test("a worker that does not audit passes the question on, and keeps what it hears", async () => {
  const asked: (string | null)[] = [];
  const report = { processors: [DRIFTS, notAudited("fallback", "off")] };
  await using leader = serve((request) => {
    asked.push(new URL(request.url).pathname, request.headers.get(PASSED_ON));
    return Response.json(report);
  });
  const audit = new LeadersAudit(() => ({ name: "w1", http: leader.url }));
  expect(audit.audited()).toEqual([]);
  expect(await audit.report()).toEqual(report as never);
  expect(asked).toEqual(["/audit", "true"]);
  const { name, error } = DRIFTS;
  const drift = { driftPayments: 5, driftCents: 80 };
  expect(audit.audited()).toEqual([{ name, state: "drift", error, ...drift }]);
  await leader.close();
  expect(await audit.report()).toStartWith(
    `Worker w1 audits, and cannot be asked at ${leader.url}: `,
  );
  expect(audit.audited()).toEqual([]);
});

test("a worker that does not audit says so while nobody does, or when it is not answered well", async () => {
  expect(await new LeadersAudit(() => null).report()).toStartWith("No worker audits");
  await using leader = serve(() => new Response(null, { status: 503 }));
  const audit = new LeadersAudit(() => ({ name: "w1", http: leader.url }));
  expect(await audit.report()).toEndWith("it answered 503");
});

test("processors are asked by the worker that leads, and by no other", async () => {
  let calls = 0;
  await using processor = serve(() => {
    calls++;
    return Response.json({ totalRequests: 7, totalAmount: 7, totalFee: 0, feePerTransaction: 0 });
  });
  let passedOn = 0;
  await using other = serve(() => {
    passedOn++;
    return Response.json({ processors: [DRIFTS] });
  });
  const { url } = processor;
  const setting = { name: "default", kind: "rinha", url, fee: shareOf(0.05), auditToken: "123" };
  const PROCESSORS = [{ ...setting, kind: "rinha" as const }];
  const none = async () => null;
  const journal = { forgottenUpToMs: none, restoredAtMs: none, address: async () => url };
  const rows = () => {
    throw new Error("there are none");
  };
  const open = new Set<string>();
  let leads = true;
  const audit = await startAudit({
    settings: { PROCESSORS, PROCESSOR_TIMEOUT_MS: 1 },
    adapters: await adaptersOf(PROCESSORS),
    journal: Object.assign(journal, {
      openAt: async () => [],
      requestedAt: async () => [],
      attemptsAfter: async () => [],
    }) as never,
    names: ["default"],
    summary: new SummaryReader(allocateLedger(4_096, 1), rows),
    standstill: { isInDoubt: () => false },
    incidents: {
      tell: (kind, _, told) => void (told === null ? open.delete(kind) : open.add(kind)),
      end: (kind) => void open.delete(kind),
    },
    lead: () => ({ leads, leader: leads ? null : { name: "w1", http: other.url } }),
    everyMs: EVERY_MS,
  } satisfies AuditOptions);
  using stack = new DisposableStack();
  stack.defer(() => audit.stop());
  await until("it has found a difference", () => open.has("audit-drift"));
  expect(audit.gauges()).toMatchObject([{ name: "default", state: "drift" }]);
  expect(audit.audited()).toEqual(audit.gauges());
  expect(passedOn).toBe(0);

  leads = false;
  expect(audit.gauges()).toEqual([]);
  await until("it follows the other one", () => audit.audited()[0]?.driftCents === 80);
  expect([...open]).toEqual([]);
  expect(await audit.report(false)).toEqual({ processors: [DRIFTS] } as never);
  expect(await audit.report(true)).toMatchObject({
    processors: [{ state: "drift", differing: [] }],
  });
  const before = calls;
  const followed = passedOn;
  await until("some rounds have passed", () => passedOn > followed + 3);
  expect(calls).toBe(before);

  leads = true;
  await until("it audits again", () => calls > before);
});
