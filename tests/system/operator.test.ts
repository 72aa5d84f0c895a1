/** Operates by hand, with real processes: over the worker's http and from the command line. */
import { expect, test } from "bun:test";
import { GatewayClient } from "../../testing/gateway.ts";
import { ProcessorAdmin } from "../../testing/processor-admin.ts";
import { isAlive } from "../../testing/proc.ts";
import { startStand, type Stand } from "../../testing/stand.ts";
import { until } from "../../testing/until.ts";
import { run } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";

const TOKEN = "a token of the test";
const BECAUSE = { who: "ana", why: "ticket 7" };

class Hands {
  readonly stand: Stand;
  readonly gateway: GatewayClient;
  readonly preferred: ProcessorAdmin;
  readonly dearer: ProcessorAdmin;

  constructor(stand: Stand) {
    this.stand = stand;
    this.gateway = stand.gateway;
    this.preferred = stand.preferred;
    this.dearer = stand.dearer;
  }

  get url(): string {
    return this.stand.workerUrl;
  }

  async call(method: string, target: string, body: object | null = null, token = TOKEN) {
    const response = await fetch(`${this.url}/operator${target}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      body: body === null ? null : JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, any> };
  }

  decide(id: string, action: string, more: object = {}) {
    return this.call("POST", `/payments/${id}/${action}`, { ...BECAUSE, ...more });
  }
  setMode(name: string, action: string) {
    return this.call("POST", `/processors/${name}/${action}`, BECAUSE);
  }
  stateOf(id: string): Promise<string> {
    return this.gateway.stateOf(id);
  }

  async pay(amountCents = 1_990): Promise<string> {
    const id = crypto.randomUUID();
    expect(await this.gateway.pay(id, amountCents)).toBe(202);
    return id;
  }

  untilState(id: string, state: string): Promise<number> {
    return until(`${id} is ${state}`, async () => (await this.stateOf(id)) === state);
  }

  /** Makes a payment about which the cheaper processor says nothing, whether it has charged it or not. */
  async unknown(what: "charged" | "not charged", amountCents = 1_990): Promise<string> {
    const charged = { hangAll: true, hangInserts: true };
    await this.preferred.setFaults(what === "charged" ? charged : { errorWithoutInsert: 1 });
    const id = await this.pay(amountCents);
    await this.untilState(id, "unknown");
    return id;
  }

  /** Kills the worker as a crash does; returns when the next one is ready. */
  async crashWorker(): Promise<void> {
    const pid = this.stand.pidOf("worker");
    process.kill(pid, "SIGKILL");
    await until("it is gone", () => !isAlive(pid));
    await until("another one is started", () => this.stand.pidOf("worker") !== pid);
    const worker = new GatewayClient(this.url);
    await until("it answers", () => worker.isReady());
  }

  cli(args: string[], env: Record<string, string> = {}) {
    const HTTP_PORT = String(this.stand.ports.HTTP_PORT);
    return run(fromSource("worker.ts", "operator", ...args), {
      env: { ...process.env, USER: "ana", ADMIN_TOKEN: TOKEN, HTTP_PORT, ...env },
    });
  }
}

async function hands(env: Record<string, string> = {}): Promise<Hands & AsyncDisposable> {
  const stand = await startStand({
    env: { ADMIN_TOKEN: TOKEN, PROCESSOR_TIMEOUT_MS: "500", PATIENCE_MS: "30000", ...env },
  });
  return Object.assign(new Hands(stand), {
    [Symbol.asyncDispose]: () => stand[Symbol.asyncDispose](),
  });
}

test("what is held stays held through a crash, and settles when it is released", async () => {
  await using operator = await hands();
  const id = await operator.unknown("not charged");
  expect(await operator.decide(id, "hold")).toMatchObject({
    status: 200,
    body: { correlationId: id, action: "hold", status: "held" },
  });
  await operator.preferred.heal();
  await operator.crashWorker();
  await Bun.sleep(1_500);
  expect(await operator.stateOf(id)).toBe("held");
  expect(await operator.preferred.payments()).toEqual([]);
  expect((await operator.decide(id, "release")).status).toBe(200);
  await operator.untilState(id, "settled");
  expect(await operator.preferred.payments()).toHaveLength(1);
  const story = (await operator.call("GET", `/payments/${id}`)).body;
  expect(story["interventions"]).toMatchObject([
    { who: "ana", action: "hold", why: "ticket 7" },
    { who: "ana", action: "release", why: "ticket 7" },
  ]);
  expect(story["attempts"][0]).toMatchObject({ processor: "default", outcome: "unknown" });
  expect(Date.parse(story["attempts"][0].at)).toBeGreaterThan(Date.parse(story["acceptedAt"]));
});

test("a payment that was charged and not answered settles when it is asked for, or by evidence", async () => {
  await using operator = await hands();
  const asked = await operator.unknown("charged", 100);
  await operator.decide(asked, "hold");
  const shown = await operator.unknown("charged", 200);
  await operator.decide(shown, "hold");
  await operator.preferred.heal();
  await until("its call has ended", async () => {
    return (await operator.decide(asked, "ask")).body["status"] === "settled";
  });
  const evidence = "statement of the processor, line 12";
  expect((await operator.decide(shown, "settle")).body["detail"]).toBe(
    "The field evidence is missing.",
  );
  await until("it is settled", async () => {
    return (await operator.decide(shown, "settle", { evidence })).status === 200;
  });
  await operator.crashWorker();
  const summary = await operator.gateway.summary(null);
  expect(summary["default"]).toEqual({ count: 2, cents: 300 });
  expect(await operator.preferred.summary(null)).toEqual({ count: 2, cents: 300 });
  const record = (await operator.preferred.payments()).find(
    ({ correlationId }) => correlationId === shown,
  );
  const status = await operator.gateway.statusOf(shown);
  expect(status).toMatchObject({ status: "settled", requestedAtMs: record!.requestedAtMs });
  expect((await operator.decide(shown, "hold")).body["detail"]).toContain("final");
  const said = (await operator.call("GET", `/payments/${shown}`)).body["interventions"];
  expect(said.at(-1)).toMatchObject({ action: "settle", evidence });
});

test("a payment that is declared absent is charged elsewhere, once, and not before it is safe", async () => {
  // The call may be under way for so long: time enough to be told so.
  await using operator = await hands({ PROCESSOR_TIMEOUT_MS: "4000" });
  // It shows that the processor itself answers.
  const known = await operator.pay();
  await operator.untilState(known, "settled");
  const id = await operator.unknown("not charged");
  const evidence = "the processor's support has searched for it";
  await operator.decide(id, "hold");
  const early = await operator.decide(id, "absent", { evidence });
  expect(early.status).toBe(409);
  expect(early.body["detail"]).toMatch(/wait another \d+ s|under way/);
  await operator.setMode("default", "drain");
  await until("it may be declared absent", async () => {
    const { status, body } = await operator.decide(id, "absent", { evidence });
    if (status === 409) expect(body["detail"]).toMatch(/wait another \d+ s|under way/);
    return status === 200;
  });
  await operator.untilState(id, "settled");
  expect(await operator.gateway.statusOf(id)).toMatchObject({ processor: "fallback" });
  const there = await operator.preferred.payments();
  expect(there.map(({ correlationId }) => correlationId)).toEqual([known]);
  expect(await operator.dearer.payments()).toHaveLength(1);
});

test("a drained processor gets nothing new, also after a crash, until it is resumed", async () => {
  await using operator = await hands();
  const answer = await operator.setMode("default", "drain");
  expect(answer.body).toMatchObject({ processor: "default", mode: "drained" });
  await operator.untilState(await operator.pay(), "settled");
  await operator.crashWorker();
  await operator.untilState(await operator.pay(), "settled");
  expect(await operator.preferred.payments()).toEqual([]);
  expect(await operator.dearer.payments()).toHaveLength(2);
  const { body } = await operator.call("GET", "/processors");
  expect(body["processors"][0]).toMatchObject({
    name: "default",
    mode: "drained",
    configured: true,
    lastIntervention: { who: "ana", action: "drain", why: "ticket 7" },
  });
  await operator.setMode("default", "resume");
  await operator.untilState(await operator.pay(), "settled");
  expect(await operator.preferred.payments()).toHaveLength(1);
  await operator.setMode("fallback", "force");
  expect((await operator.call("GET", "/processors")).body["processors"][1].mode).toBe("forced");
});

test("a payment that is rejected or in conflict cannot be moved by anybody", async () => {
  await using operator = await hands();
  const id = await operator.unknown("not charged");
  await operator.decide(id, "hold");
  await operator.preferred.heal();
  const body = { correlationId: id, amount: 0.5, requestedAt: "2026-01-01T00:00:00.000Z" };
  await fetch(`${operator.preferred.url}/payments`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await until("it is found out", async () => {
    return (await operator.decide(id, "ask")).body["status"] === "conflict";
  });
  for (const action of ["hold", "release", "ask", "settle", "absent"]) {
    const refused = await operator.decide(id, action, { evidence: "none" });
    expect(refused.status).toBe(409);
    expect(refused.body["detail"]).toContain("another amount or time");
  }
  await operator.crashWorker();
  expect((await operator.call("GET", "/payments?state=conflict")).body["payments"]).toHaveLength(1);
});

test("the list has what was asked for, by age and by amount", async () => {
  await using operator = await hands();
  await operator.setMode("default", "drain");
  await operator.setMode("fallback", "drain");
  const ids: string[] = [];
  for (const cents of [200, 300, 100]) ids.push(await operator.pay(cents));
  const list = async (query: string) => {
    const { body } = await operator.call("GET", `/payments${query}`);
    const amounts = body["payments"].map(({ amount }: { amount: number }) => amount);
    return { amounts, more: body["more"] };
  };
  expect(await list("")).toEqual({ amounts: [2, 3, 1], more: false });
  expect(await list("?order=amount")).toEqual({ amounts: [3, 2, 1], more: false });
  expect(await list("?order=amount&limit=2")).toEqual({ amounts: [3, 2], more: true });
  await operator.decide(ids[1] as string, "hold");
  expect(await list("?state=held")).toEqual({ amounts: [3], more: false });
  expect(await list("?state=accepted&order=amount")).toEqual({ amounts: [2, 1], more: false });
  for (const query of ["?state=settled", "?order=size", "?limit=0", "?limit=1001", "?page=2"]) {
    expect((await operator.call("GET", `/payments${query}`)).status).toBe(400);
  }
});

test("nobody gets in without the token, and through an API nobody at all", async () => {
  await using operator = await hands();
  const id = await operator.pay();
  const calls = [
    ["GET", "/payments"],
    ["GET", `/payments/${id}`],
    ["GET", "/processors"],
    ["POST", `/payments/${id}/hold`],
    ["POST", "/processors/default/drain"],
  ] as const;
  for (const [method, target] of calls) {
    const body = method === "POST" ? BECAUSE : null;
    for (const token of ["", "wrong", `${TOKEN} `.slice(1)]) {
      expect((await operator.call(method, target, body, token)).status).toBe(401);
    }
    const throughApi = await fetch(`${operator.gateway.url}/operator${target}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}` },
      body: body === null ? null : JSON.stringify(body),
    });
    expect(throughApi.status).toBe(404);
  }
  const { body } = await operator.call("GET", "/processors");
  expect(body["processors"].map(({ mode }: { mode: string }) => mode)).toEqual(["auto", "auto"]);
  const missing = crypto.randomUUID();
  expect((await operator.decide(missing, "hold")).status).toBe(404);
  expect((await operator.call("GET", `/payments/${missing}`)).status).toBe(404);
  expect((await operator.setMode("nobody", "drain")).status).toBe(404);
  expect((await operator.call("POST", `/payments/${id}/refund`, BECAUSE)).status).toBe(404);
  expect((await operator.call("GET", `/payments/${id}/hold`)).status).toBe(405);
});

test("without a token of its own the worker has no operator calls", async () => {
  await using operator = await hands({ ADMIN_TOKEN: "" });
  const answer = await operator.call("GET", "/payments");
  expect(answer.status).toBe(404);
  expect(answer.body["detail"]).toBe("Operator calls are off: ADMIN_TOKEN is not set.");
});

test("the command line says the same, for people and for programs", async () => {
  await using operator = await hands();
  expect((await operator.cli(["list"])).out).toBe("No open payment.\n");
  const id = await operator.unknown("not charged");
  const held = await operator.cli(["hold", id, "--why", "ticket 8"]);
  expect(held).toMatchObject({ code: 0, err: "" });
  expect(held.out).toStartWith("held: Nothing is sent for it until it is released.");
  const listed = (await operator.cli(["list", "--state", "held"])).out.split("\n");
  expect(listed[0]).toMatch(/^ID +STATE +AMOUNT +AGE +PROCESSOR +FAILED +LAST REASON$/);
  expect(listed[1]).toMatch(new RegExp(`^${id}  held +19\\.90 +\\d+ s +default +\\d+ +\\S`));
  const shown = (await operator.cli(["show", id])).out;
  expect(shown).toContain(`payment    ${id}\n`);
  expect(shown).toMatch(/\nDecisions\nAT +WHO +ACTION +WHY +EVIDENCE\n\S+ +ana +hold +ticket 8/);
  expect(shown).toMatch(/\nAttempts that did not settle it\nAT +PROCESSOR +CLASS +REASON\n/);
  const story = JSON.parse((await operator.cli(["show", id, "--json"])).out);
  expect(story).toMatchObject({ correlationId: id, amount: 19.9, status: "held" });

  const drained = await operator.cli(["drain", "fallback", "--who", "bo", "--why", "a test"]);
  expect(drained.out).toStartWith("fallback gets no new payment");
  // Where no login has left its name, it is that of the user whom the process runs as.
  const unnamed = { USER: "", LOGNAME: "" };
  expect(await operator.cli(["ask", id, "--why", "b"], unnamed)).toMatchObject({ code: 0 });
  const login = (await run(["id", "-un"])).out.trim();
  const { interventions } = JSON.parse((await operator.cli(["show", id, "--json"])).out);
  expect(interventions.at(-1)).toMatchObject({ action: "ask", who: login });
  const processors = (await operator.cli(["processors"])).out;
  expect(processors).toMatch(/\nfallback +15 % +drained +closed .*drain by bo at \S+: a test\n$/);

  const refused: [string[], RegExp][] = [
    [["hold", id, "--why", "again"], /^409: It is held already\.\n$/],
    [["hold", id, "--why", "\u0007"], /^400: why must not hold control characters\.\n$/],
    [["show", crypto.randomUUID()], /^404: No payment has this correlationId\.\n$/],
    [["drain", "nobody", "--why", "x"], /^404: There is no processor nobody\.\n$/],
    [["list", "--state", "lost"], /^400: state is one of .*\n$/],
  ];
  const wrong: [string[], RegExp][] = [
    [["hold", id], /^hold needs --why TEXT \(usage: .*\n$/],
    [["settle", id, "--why", "x"], /^settle needs --evidence TEXT \(usage: .*\n$/],
    [["hold"], /^hold needs one ID \(usage: .*\n$/],
    [["list", "--why", "x"], /^list takes no --why \(usage: .*\n$/],
    [["list", "dran"], /^list takes no "dran" \(usage: .*\n$/],
    [["hold", id, "more"], /^"more" is one word too many \(usage: .*\n$/],
    [["dran", "fallback"], /^there is no command "dran"; did you mean drain\? \(usage: .*\n$/],
    [["list", "--stat", "held"], /^there is no option "--stat"; did you mean --state\? .*\n$/],
  ];
  for (const [code, each] of [
    [1, refused],
    [2, wrong],
  ] as const) {
    for (const [args, line] of each) {
      const said = await operator.cli(args);
      expect({ args, out: said.out, code: said.code }).toEqual({ args, out: "", code });
      expect(said.err).toMatch(line);
    }
  }
  expect((await operator.cli(["list"], { ADMIN_TOKEN: "wrong" })).err).toStartWith("401: ");
  expect((await operator.cli(["list"], { ADMIN_TOKEN: "" })).err).toBe(
    "ADMIN_TOKEN: the worker's token is needed; a worker that was started without one takes no such calls\n",
  );
  const nobody = { WORKER_HTTP: "http://127.0.0.1:1" };
  expect((await operator.cli(["list"], nobody)).err).toBe(
    "no worker answers at http://127.0.0.1:1\n",
  );
  expect((await operator.cli(["list"], { WORKER_HTTP: operator.url })).code).toBe(0);
  expect((await operator.cli(["--help"])).out).toStartWith("usage: worker operator COMMAND");
});
