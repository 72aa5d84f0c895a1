/**
 * Holds the OpenAPI documents against the running services, both ways: every answer here is
 * documented, with type and schema, and every documented answer comes here.
 */
import type { Secrets } from "../../shared/settings.ts";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { FakeLink, vacantUrl } from "../../api/server.fixture.ts";
import { parsePaymentRequest } from "../../api/payment-request.ts";
import { startApi } from "../../api/server.ts";
import { createLog } from "../../shared/log.ts";
import { PAYMENT_ACTIONS, PROCESSOR_ACTIONS } from "../../shared/http-api/operator.ts";
import type { Row } from "../../shared/http-api/row.ts";
import { OPERATION_IDS, rowOf } from "../../shared/http-api/table.ts";
import { STATES } from "../../shared/http-api/payments.ts";
import { foundAs, runHttp } from "../../worker/http/server.fixture.ts";
import { JournalInDoubt } from "../../worker/http/standstill.ts";
import { parseGrounds } from "../../worker/http/grounds.ts";
import type { OperatorAnswer } from "../../worker/intervention.ts";
import { PAYMENT_STATES } from "../../worker/transitions.ts";
import { startStand, type Stand } from "../../testing/stand.ts";
import { WebhookReceiver } from "../../testing/webhook-receiver.ts";
import { until } from "../../testing/until.ts";
import { GatewayClient } from "../../testing/gateway.ts";
import type { Contract } from "./contract.ts";
import { ADMIN, Listener, NOBODY, TOKEN } from "./listener.ts";

const GROUNDS = JSON.stringify({ who: "ana", why: "a test", evidence: "none" });
const RESEND = JSON.stringify({ who: "ana", why: "a test", from: "2026-01-31T09:30:00Z" });
const AMOUNT_MAX = 1_000_000;

test("every documented answer is given, and every answer is documented", async () => {
  await using receiver = new WebhookReceiver();
  const env = { ADMIN_TOKEN: TOKEN, READ_TOKEN: TOKEN, ...receiver.env };
  await using stand = await startStand({ env });
  const api = await Listener.at(stand.gateway.url);
  const worker = await Listener.at(stand.workerUrl);
  const gateway = stand.gateway;
  const id = await usualAnswers(api, worker, gateway);
  const troubled = await troubledPayment(stand, worker, gateway);
  await api.ask(200, "GET", "/dashboard/payments/{correlationId}", { fill: troubled });
  const story = (await worker.ask(200, "GET", "/operator/payments/{correlationId}", {
    headers: ADMIN,
    fill: troubled,
  })) as { attempts: object[]; interventions: object[] };
  expect(story.attempts.length).toBeGreaterThan(0);
  expect(story.interventions).toMatchObject([{ action: "hold" }]);
  await operatorAnswers(worker, id);
  await tooLargeForWorker(worker);
  await misspeltQueries(api, (row) => row.public);
  await misspeltQueries(worker, (row) => row.owner !== "api");
  expect(await api.undocumented("papaleguas_api_requests_total")).toEqual([]);
  expect(await worker.undocumented("papaleguas_http_requests_total")).toEqual([]);
  await rareAnswersOfWorker(worker);
  await rareAnswersOfApi(api);
  expect(api.contract.unseen()).toEqual([]);
  expect(worker.contract.unseen()).toEqual([]);
});

/** Makes a payment that its processor has said nothing clear about, and that an operator holds. */
async function troubledPayment(stand: Stand, worker: Listener, gateway: GatewayClient) {
  const processors = [stand.preferred, stand.dearer];
  for (const processor of processors) await processor.setFaults({ errorWithoutInsert: 1 });
  const id = crypto.randomUUID();
  expect(await gateway.pay(id, 100)).toBe(202);
  await until("it is unknown", async () => {
    return (await gateway.stateOf(id)) === "unknown";
  });
  const hold = "/operator/payments/{correlationId}/hold";
  await worker.ask(200, "POST", hold, { headers: ADMIN, body: GROUNDS, fill: id });
  await worker.ask(200, "GET", "/open-payments");
  await worker.ask(200, "GET", "/dashboard/open");
  await worker.ask(200, "GET", "/dashboard/live", { query: "?once" });
  for (const processor of processors) await processor.heal();
  return id;
}

type EventPage = { readonly events: readonly object[]; readonly next: string };

/** Asks for the usual answers. Gives the id of a settled payment. */
async function usualAnswers(api: Listener, worker: Listener, gateway: GatewayClient) {
  const id = crypto.randomUUID();
  const pay = (amount: number) => JSON.stringify({ correlationId: id, amount });
  await api.ask(202, "POST", "/payments", { body: pay(19.9) });
  await api.ask(409, "POST", "/payments", { body: pay(20) });
  await api.ask(400, "POST", "/payments", { body: "{}" });
  await api.ask(413, "POST", "/payments", { body: " ".repeat(3_000) });
  await until("it is settled", async () => {
    return (await gateway.stateOf(id)) === "settled";
  });
  let cursor: string | null = null;
  for (const listener of [api, worker]) {
    await listener.ask(200, "GET", "/payments/{correlationId}", { fill: id });
    await listener.ask(404, "GET", "/payments/{correlationId}");
    const listed = { headers: ADMIN, query: "?limit=1" };
    const page = (await listener.ask(200, "GET", "/payments", listed)) as { payments: object[] };
    // Later ones are asked after a purge.
    if (listener === api) expect(page.payments).toMatchObject([{ correlationId: id }]);
    await listener.ask(400, "GET", "/payments", { headers: ADMIN, query: "?limit=0" });
    const told = (await listener.ask(200, "GET", "/events", { headers: ADMIN })) as EventPage;
    if (listener === api) expect(told.events).toMatchObject([{ id: `settled_${id}` }]);
    const stream = { headers: { ...ADMIN, accept: "text/event-stream" } };
    expect(await listener.ask(200, "GET", "/events", stream)).toStartWith("retry: 1000\n\n");
    await listener.ask(400, "GET", "/events", { headers: ADMIN, query: "?limit=0" });
    cursor ??= told.next;
    await listener.ask(200, "GET", "/payments-summary");
    await listener.ask(400, "GET", "/payments-summary", { query: "?from=yesterday" });
    await listener.ask(200, "GET", "/audit");
    await listener.ask(200, "GET", "/dashboard");
    await listener.ask(200, "GET", "/dashboard/open");
    await listener.ask(200, "GET", "/dashboard/history");
    await listener.ask(200, "GET", "/dashboard/curve");
    await listener.ask(200, "GET", "/dashboard/curve", { query: "?format=csv" });
    await listener.ask(400, "GET", "/dashboard/curve", { query: "?format=xml" });
    await listener.ask(200, "GET", "/dashboard/payments/{correlationId}", { fill: id });
    await listener.ask(404, "GET", "/dashboard/payments/{correlationId}");
    await listener.ask(401, "POST", "/purge-payments");
    await listener.ask(204, "POST", "/purge-payments", { headers: ADMIN });
    await listener.ask(410, "GET", "/events", { headers: ADMIN, query: `?after=${cursor}` });
    await listener.ask(200, "GET", "/dashboard/live");
    await listener.ask(200, "GET", "/dashboard/live", { query: "?once" });
    await listener.ask(302, "GET", "/");
    for (const path of ["/livez", "/readyz", "/metrics", "/openapi.json"]) {
      await listener.ask(200, "GET", path);
    }
    await listener.ask(200, "GET", "/readyz", { query: "?verbose" });
  }
  return id;
}

/** Everywhere but where nobody looks at a query, a name that is none would mean "everything". */
async function misspeltQueries(listener: Listener, isAnswered: (row: Row) => boolean) {
  for (const { method, path, query, anyQuery } of OPERATION_IDS.map(rowOf).filter(isAnswered)) {
    const about = { headers: ADMIN, query: "?form=2026-01-01T00:00:00Z" };
    if (anyQuery === true) {
      if (method === "GET") await listener.ask(200, method, path, about);
      continue;
    }
    const body = method === "POST" ? { body: GROUNDS } : {};
    const { detail } = (await listener.ask(400, method, path, { ...about, ...body })) as {
      detail: string;
    };
    const names = Object.keys(query ?? {}).join(", ");
    const known = names === "" ? "this path takes no query" : `its query takes ${names}`;
    expect(detail).toBe(`There is no "form" here: ${known}.`);
  }
  const { status } = await fetch(`${listener.url}/payments-summary?from&to=`);
  expect(status).toBe(200);
}

const TRUST = "/operator/journal/trust";
async function tooLargeForWorker(worker: Listener): Promise<void> {
  for (const { owner, method, path } of OPERATION_IDS.map(rowOf)) {
    if (owner === "api" || method !== "POST") continue;
    await worker.ask(413, method, path, { headers: ADMIN, body: " ".repeat(70_000) });
  }
}

async function operatorAnswers(worker: Listener, settled: string): Promise<void> {
  await worker.ask(404, "GET", "/cluster");
  await worker.ask(200, "GET", "/open-payments");
  await worker.ask(400, "GET", "/open-payments", { query: "?limit=0" });
  await worker.ask(404, "GET", "/open-payments", { query: `?after=${crypto.randomUUID()}` });
  const list = "/operator/payments";
  await worker.ask(200, "GET", list, { headers: ADMIN });
  await worker.ask(400, "GET", list, { headers: ADMIN, query: "?limit=0" });
  await worker.ask(401, "GET", list);
  const story = `${list}/{correlationId}`;
  await worker.ask(200, "GET", story, { headers: ADMIN, fill: settled });
  await worker.ask(401, "GET", story);
  await worker.ask(404, "GET", story, { headers: ADMIN });
  await worker.ask(200, "GET", "/operator/processors", { headers: ADMIN });
  await worker.ask(401, "GET", "/operator/processors");
  for (const action of PAYMENT_ACTIONS) {
    const path = `${story}/${action}`;
    await worker.ask(409, "POST", path, { headers: ADMIN, body: GROUNDS, fill: settled });
    await worker.ask(404, "POST", path, { headers: ADMIN, body: GROUNDS });
    await worker.ask(400, "POST", path, { headers: ADMIN, body: "{}", fill: settled });
    await worker.ask(401, "POST", path, { body: GROUNDS });
  }
  for (const action of PROCESSOR_ACTIONS) {
    const path = `/operator/processors/{name}/${action}`;
    const status = action === "moved" ? 409 : 200;
    await worker.ask(status, "POST", path, { headers: ADMIN, body: GROUNDS, fill: "default" });
    await worker.ask(404, "POST", path, { headers: ADMIN, body: GROUNDS, fill: "nobody" });
    await worker.ask(400, "POST", path, { headers: ADMIN, body: "{}", fill: "default" });
    await worker.ask(401, "POST", path, { body: GROUNDS, fill: "default" });
  }
  const [webhooks, resend] = ["/operator/webhooks", "/operator/webhooks/resend"];
  await worker.ask(200, "GET", webhooks, { headers: ADMIN });
  await worker.ask(400, "GET", webhooks, { headers: ADMIN, query: "?limit=0" });
  await worker.ask(401, "GET", webhooks);
  await worker.ask(200, "POST", resend, { headers: ADMIN, body: RESEND });
  await worker.ask(400, "POST", resend, { headers: ADMIN, body: GROUNDS });
  await worker.ask(401, "POST", resend, { body: RESEND });
  await worker.ask(409, "POST", TRUST, { headers: ADMIN, body: GROUNDS });
  await worker.ask(400, "POST", TRUST, { headers: ADMIN, body: "{}" });
  await worker.ask(401, "POST", TRUST, { body: GROUNDS });
}

/** Asks the same server over parts that answer as they are told. */
const WORKER = { name: "w1", link: "w1:9996", http: "http://w1:9995", shards: [0, 255] };

async function rareAnswersOfWorker(worker: Listener): Promise<void> {
  let operated: OperatorAnswer = { kind: "refused", status: 503, reason: "shutting down" };
  const stories = {
    list: async () => "",
    story: async () => null,
    ages: async () => "",
    openByProcessor: async () => new Map(),
    lastWord: async () => null,
  };
  const journal = { payment: async (id: string) => foundAs(id) };
  const forEver = () => new Promise<never>(() => {});
  const webhooks = { list: forEver, view: forEver, resend: async () => null };
  await using http = runHttp({
    settings: { ADMIN_TOKEN: [TOKEN], PURGE_ENABLED: true },
    purge: forEver,
    live: forEver,
    operator: { journal, stories, operate: async () => operated, webhooks },
    cluster: () => ({ version: 1, workers: [WORKER] }),
  });
  await worker.elsewhere(http.url, async () => {
    await worker.ask(200, "GET", "/cluster");
    const decide = async (status: number) => {
      const init = { headers: ADMIN, body: GROUNDS };
      for (const action of PAYMENT_ACTIONS) {
        await worker.ask(status, "POST", `/operator/payments/{correlationId}/${action}`, init);
      }
      for (const action of PROCESSOR_ACTIONS) {
        await worker.ask(status, "POST", `/operator/processors/{name}/${action}`, init);
      }
      await worker.ask(status, "POST", TRUST, init);
    };
    await worker.ask(503, "GET", "/readyz");
    await worker.ask(503, "GET", "/readyz", { query: "?verbose" });
    await worker.ask(503, "GET", "/operator/processors", { headers: ADMIN });
    await decide(503);
    operated = { kind: "refused", status: 409, reason: "it is not configured any more" };
    await decide(409);
    operated = { kind: "done", state: "auto", detail: "done" };
    await decide(200);
    await Promise.all([
      worker.ask(503, "POST", "/purge-payments", { headers: ADMIN }),
      worker.ask(503, "GET", "/dashboard/live", { query: "?once" }),
    ]);
  });
  await using pruned = runHttp({ prunedBeforeMs: 1 });
  await worker.elsewhere(pruned.url, () => askForPruned(worker));
  await using still = runHttp({
    settings: { ADMIN_TOKEN: [TOKEN] },
    standstill: { news: () => 0, reason: () => null, isInDoubt: () => true, untilFresh: inDoubt },
    summary: { read: inDoubt, span: () => ({ fromMs: 0, toMs: 1 }), exactFromMs: -Infinity },
  });
  await worker.elsewhere(still.url, async () => {
    for (const { method, path, reads } of OPERATION_IDS.map(rowOf)) {
      if (reads === undefined) continue;
      const body = method === "POST" ? { body: GROUNDS } : {};
      await worker.ask(503, method, path, { headers: ADMIN, ...body });
    }
  });
  await using closed = runHttp();
  await worker.elsewhere(closed.url, async () => {
    await worker.ask(404, "POST", "/purge-payments");
    await worker.ask(404, "GET", "/operator/payments");
    await worker.ask(404, "GET", "/operator/processors");
    await worker.ask(404, "GET", "/operator/webhooks");
    await worker.ask(404, "POST", "/operator/webhooks/resend", { body: RESEND });
    await worker.ask(404, "POST", TRUST, { body: GROUNDS });
  });
}

function inDoubt(): never {
  throw new JournalInDoubt();
}

async function askForPruned(listener: Listener): Promise<void> {
  await listener.ask(409, "GET", "/payments-summary");
  await listener.ask(409, "GET", "/dashboard/curve", { query: "?from=1970-01-01T00:00:00Z" });
}

async function rareAnswersOfApi(api: Listener): Promise<void> {
  const rows = OPERATION_IDS.map(rowOf);
  const passedOn = rows.filter((row) => row.owner === "worker" && row.public);
  for (const { method, path } of passedOn) await api.askRaw(400, method, path);
  await api.ask(413, "POST", "/purge-payments", { body: " ".repeat(20_000) });
  await using closed = runHttp({ prunedBeforeMs: 1 });
  const start = (workerHttp: string, READ_TOKEN: Secrets | null = [TOKEN]) => {
    const link = Object.assign(new FakeLink(workerHttp), { answering: false, verdict: () => null });
    const settings = {
      PORT: 0,
      HOST: "127.0.0.1",
      AMOUNT_MAX,
      READ_TOKEN,
    };
    return startApi({ settings, workers: link, log: createLog("api", "silent") });
  };
  const [alone, behind] = [start(vacantUrl()), start(closed.url, null)];
  await api.ask(401, "GET", "/payments");
  await api.ask(401, "GET", "/events");
  await api.elsewhere(alone.url, async () => {
    for (const { method, path } of passedOn) await api.ask(503, method, path, { headers: ADMIN });
    await api.ask(503, "GET", "/readyz");
    await api.ask(503, "GET", "/readyz", { query: "?verbose" });
    const body = `{"correlationId":"${NOBODY}","amount":1}`;
    await api.ask(503, "POST", "/payments", { body });
  });
  await api.elsewhere(behind.url, async () => {
    await api.ask(404, "POST", "/purge-payments");
    await api.ask(404, "GET", "/payments", { headers: ADMIN });
    await api.ask(404, "GET", "/events", { headers: ADMIN });
    await askForPruned(api);
  });
  await Promise.all([alone.stop(), behind.stop()]);
}

test("the states in the documents are those of the journal", () => {
  expect([...STATES]).toEqual([...PAYMENT_STATES]);
});

/** Reads the document of a service that nobody calls. */
async function documentOf(kind: "api" | "worker"): Promise<Contract> {
  await using http = runHttp();
  if (kind === "worker") return (await Listener.at(http.url)).contract;
  const settings = {
    PORT: 0,
    HOST: "127.0.0.1",
    AMOUNT_MAX,
    READ_TOKEN: null,
  };
  const workers = new FakeLink(http.url);
  const api = startApi({ settings, workers, log: createLog("api", "silent") });
  const { contract } = await Listener.at(api.url);
  await api.stop();
  return contract;
}

test("both documents hold together: references, parameters, schemas", async () => {
  for (const kind of ["api", "worker"] as const) {
    const contract = await documentOf(kind);
    const { document } = contract;
    expect(document.openapi).toStartWith("3.1.");
    for (const schema of Object.values(document.components.schemas)) contract.validator(schema);
    const text = JSON.stringify(document);
    const used = new Set(
      Array.from(text.matchAll(/"#\/components\/schemas\/(\w+)"/g), ([, name]) => name),
    );
    // Nothing that is referred to is missing, and nothing is there for nobody.
    expect([...used].sort()).toEqual(Object.keys(document.components.schemas).sort());
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const operation of Object.values(methods)) {
        const named = JSON.stringify(operation).match(/"in":"path"/g)?.length ?? 0;
        expect([path, named]).toEqual([path, path.match(/\{/g)?.length ?? 0]);
      }
    }
  }
});

const anything = fc.jsonValue() as fc.Arbitrary<unknown>;
const uuid = fc.oneof(
  fc.uuid(),
  fc.uuid().map((id) => id.toUpperCase()),
  fc.stringMatching(/^[0-9a-fA-F-]{35,37}$/),
  anything,
);
/** Amounts have up to four decimals: a schema's multipleOf cannot tell finer ones from rounding. */
const amount = fc.oneof(
  fc.integer({ min: -100, max: AMOUNT_MAX * 100 + 10 }).map((cents) => cents / 100),
  fc.integer({ min: 0, max: 10 ** 9 }).map((tenthOfMilli) => tenthOfMilli / 10_000),
  anything,
);

test("what the document says of a payment's body is what is taken, and the other way round", async () => {
  const contract = await documentOf("api");
  const validate = contract.validator(contract.bodySchema("/payments", "post"));
  const fields = fc.record({ correlationId: uuid, amount }, { requiredKeys: [] });
  const body = fc.oneof(
    { weight: 5, arbitrary: fc.record({ correlationId: fc.uuid(), amount }) },
    { weight: 2, arbitrary: fields },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.object(), fields).map(([a, b]) => Object.assign({}, a, b)),
    },
    { weight: 1, arbitrary: anything },
  );
  let taken = 0;
  fc.assert(
    fc.property(body, (value) => {
      // The value is taken as it arrives: a number below zero's last bit, or a field that is
      // undefined, is not JSON.
      const text = JSON.stringify(value);
      const { ok } = parsePaymentRequest(text, AMOUNT_MAX);
      taken += ok ? 1 : 0;
      expect([text, validate(JSON.parse(text))]).toEqual([text, ok]);
    }),
    { numRuns: 5_000, seed: 20_260_105 },
  );
  expect(taken).toBeGreaterThan(500);
});

test("what the document says of an operator's grounds is what is taken", async () => {
  const contract = await documentOf("worker");
  const word = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 70 }),
    fc.string({ unit: "binary", maxLength: 5 }),
    fc.constantFrom(
      "ana",
      " ",
      "",
      "a\nb",
      "a\u0000b",
      "x".repeat(64),
      "x".repeat(65),
      "😀".repeat(64),
    ),
    fc.constant(null),
    anything,
  );
  const body = fc.record(
    { who: word, why: word, evidence: word, more: word },
    { requiredKeys: [] },
  );
  for (const [action, needsEvidence] of [
    ["hold", false],
    ["settle", true],
  ] as const) {
    const path = `/operator/payments/{correlationId}/${action}`;
    const validate = contract.validator(contract.bodySchema(path, "post"));
    fc.assert(
      fc.property(body, (value) => {
        const text = JSON.stringify(value);
        const { ok } = parseGrounds(text, needsEvidence);
        expect([text, validate(JSON.parse(text))]).toEqual([text, ok]);
      }),
      { numRuns: 2_000, seed: 20_260_105 },
    );
  }
});
