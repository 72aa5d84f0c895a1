/**
 * `worker doctor --processor`, from outside: it finds every promise of a sound processor of each kind, and
 * names the one that a stand-in breaks. The stand-ins speak the form of an adapter of the tests' own, which describes
 * all that can be described, so that each can break one promise and keep the others.
 */
import { afterAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { StripeForm } from "../../simulator/processor/stripe.ts";
import { startSimulator } from "../../simulator/server.ts";
import type { Form } from "../../simulator/processor/form.ts";
import { run } from "../../testing/process.ts";
import { bareEnv, fromDist, fromSource, isBuilt } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { judgePromises, type Promised } from "../../commands/doctor/promises.ts";
import { tryProcessor } from "../../commands/doctor/trial.ts";
import { shareOf } from "../../shared/tariff.ts";

const SECRET = "sk_test_hu5h";
const TOKEN = "123";
const directory = temporaryDirectory();
afterAll(() => directory[Symbol.dispose]());

/** Adapter of a processor that answers with a number of each charge, and has all six calls. */
const ADAPTER = `
const json = ({ body, complete }) => {
  try { return (complete && JSON.parse(body)) || {}; } catch { return {}; }
};
export default {
  charge: ({ correlationId, amountCents, requestedAtMs }) => ({
    path: "/charges",
    body: JSON.stringify({ id: correlationId, cents: amountCents, atMs: requestedAtMs }),
  }),
  classifyCharge(answer, { correlationId, amountCents }) {
    const said = json(answer);
    if (answer.status === 200 && said.id === correlationId && said.cents === amountCents) {
      return { kind: "accepted" };
    }
    if (answer.status === 409 && said.id === correlationId) return { kind: "exists" };
    if (answer.status === 422) return { kind: "rejected", reason: "422: " + answer.body };
    return { kind: "unknown", reason: "status " + answer.status };
  },
  lookup: {
    call: ({ correlationId }) => ({ path: "/charges/" + correlationId }),
    classify(answer, { correlationId }) {
      if (answer.status === 404) return { kind: "nothing", reason: "status 404" };
      const said = json(answer);
      return answer.status === 200 && said.id === correlationId
        ? { kind: "found", amountCents: said.cents, requestedAtMs: said.atMs }
        : { kind: "unclear", reason: "status " + answer.status };
    },
  },
  health: {
    call: { path: "/health" },
    everyMs: 5_000,
    read: ({ status, body }) =>
      status === 200 && /^(ok|failing)$/.test(body)
        ? { failing: body === "failing", minResponseTimeMs: 0 }
        : null,
  },
  totals: {
    call: ({ fromMs, toMs }) => ({ path: "/totals?from=" + fromMs + "&to=" + toMs }),
    read: (answer) => {
      const { count, cents } = json(answer);
      return answer.status === 200 && count !== undefined ? { count, cents } : null;
    },
  },
  remembersForMs: Number(REMEMBERS),
};
`;

type Row = { readonly id: string; readonly cents: number; readonly atMs: number };
type Faults = {
  /** Charges whatever it is sent, as often as it is sent. */
  readonly forgets?: true;
  readonly forgetsAfterMs?: number;
  /** The first charge is answered after a caller has given up, and is charged all the same. */
  readonly slow?: "sound" | "looks before it waits";
  readonly takesOtherAmounts?: true;
  readonly refuses?: "recorded" | "unclearly";
  readonly looks?: "nothing" | "anything" | "other" | "fails";
  readonly totals?: "none" | "double" | "html" | "401";
  readonly health?: "failing" | "html" | "429";
};

/** A processor that keeps every promise, but for its faults. */
function standIn(faults: Faults) {
  const rows: (Row & { readonly recordedAtMs: number })[] = [];
  const text = (row: Row) => ({
    ...row,
    recordedAtMs: undefined,
    number: rows.indexOf(row as never),
  });
  let delayMs = faults.slow === undefined ? 0 : SLOW_MS;
  const charge = async (row: Row) => {
    const known = () =>
      rows.find(
        ({ id, recordedAtMs }) =>
          id === row.id && performance.now() - recordedAtMs < (faults.forgetsAfterMs ?? Infinity),
      );
    if (!row.id || !(row.cents > 0)) {
      if (faults.refuses === "unclearly") return new Response("", { status: 500 });
      if (faults.refuses === "recorded" && row.id) rows.push({ ...row, recordedAtMs: 0 });
      return new Response("no charge", { status: 422 });
    }
    let before = known();
    if (faults.slow !== undefined) {
      const waitMs = delayMs;
      delayMs = 0;
      await Bun.sleep(waitMs);
      if (faults.slow === "sound") before = known();
    }
    const isAnother = before !== undefined && before.cents !== row.cents;
    if (isAnother && faults.takesOtherAmounts) {
      const changed = Object.assign(before!, { cents: row.cents });
      return Response.json(text(changed));
    }
    if (isAnother) return Response.json({ id: row.id }, { status: 409 });
    if (before !== undefined && !faults.forgets) return Response.json(text(before));
    const fresh = { ...row, recordedAtMs: performance.now() };
    rows.push(fresh);
    return Response.json(text(fresh));
  };
  const look = (id: string) => {
    const row = rows.find((one) => one.id === id);
    if (faults.looks === "fails") return new Response("", { status: 500 });
    if (faults.looks === "anything") return Response.json({ id, cents: 100, atMs: 0 });
    if (row === undefined || faults.looks === "nothing") return new Response("", { status: 404 });
    return Response.json({ ...row, cents: faults.looks === "other" ? 7 : row.cents });
  };
  const totals = (from: number, to: number) => {
    if (faults.totals === "html") return new Response("<html>");
    if (faults.totals === "401") return new Response("", { status: 401 });
    const all = rows.filter(({ atMs }) => atMs >= from && atMs <= to);
    const count = faults.totals === "none" ? 0 : all.length;
    const cents = all.reduce((sum, row) => sum + row.cents, 0);
    return Response.json({ count, cents: faults.totals === "double" ? 2 * cents : cents });
  };
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      if (request.method === "POST") {
        return charge(JSON.parse((await request.text()) || "{}") as Row);
      }
      if (pathname === "/totals") {
        return totals(Number(searchParams.get("from")), Number(searchParams.get("to")));
      }
      if (pathname !== "/health") return look(pathname.slice("/charges/".length));
      if (faults.health === "429") return new Response("", { status: 429 });
      return new Response(faults.health === "html" ? "<html>" : (faults.health ?? "ok"));
    },
  });
}

/** States by promise, and the sentences of those that are broken. */
function told(promises: readonly Promised[]) {
  return {
    states: promises.map(({ state }) => state),
    broken: promises.filter(({ state }) => state === "broken"),
  };
}

/** Longer than a call may take, and the pause after it. */
const SLOW_MS = 700;
const PLAN = { amountCents: 100, timeoutMs: 300, lookMsMax: 0, laterMs: 150 };

async function tried(faults: Faults, remembers = "Infinity", more: Partial<typeof PLAN> = {}) {
  await using server = standIn(faults);
  const kind = directory.file(`all-${crypto.randomUUID()}.ts`) as `/${string}`;
  await Bun.write(kind, ADAPTER.replace("REMEMBERS", remembers));
  const url = `http://127.0.0.1:${server.port}`;
  const setting = { name: "own", kind, url, fee: shareOf(0.05) };
  return told(judgePromises(await tryProcessor(setting, { ...PLAN, ...more })));
}

test.concurrent("a sound processor keeps all that can be seen", async () => {
  const all = await tried({});
  expect(all.broken).toEqual([]);
  expect(all.states).toEqual(["kept", "cannot be seen", "kept", "kept", "kept", "kept"]);
  expect(await tried({ slow: "sound" })).toEqual(all);
  // A time that is short is waited for.
  const short = await tried({ forgetsAfterMs: 20_000 }, "2000");
  expect(short.states).toEqual(["kept", "kept", "kept", "kept", "kept", "kept"]);
});

test.concurrent.each<[what: string, faults: Faults, promise: string, how: RegExp]>([
  ["charges twice for one id", { forgets: true }, "P1", /totals count \d payments of one id/],
  [
    "charges what it was still working on when it was asked again",
    { slow: "looks before it waits" },
    "P1",
    /totals count 2 payments of one id that was sent again/,
  ],
  [
    "takes another amount under a known id",
    { takesOtherAmounts: true },
    "P1",
    /it has 1.01 under an id that was taken with 1.00/,
  ],
  ["says that nothing is recorded, and records", { refuses: "recorded" }, "P3", /has the payment/],
  ["denies what it has", { looks: "nothing" }, "P4", /says that it has none: status 404/],
  ["has whatever it is asked for", { looks: "anything" }, "P4", /that nobody has sent/],
  ["has it with another amount", { looks: "other" }, "P1", /it has 0.07 under an id/],
  ["counts nothing", { totals: "none" }, "P5", /do not count a payment/],
  ["counts money twice", { totals: "double" }, "P5", /totals have 2.00 for a payment of 1.00/],
  ["has a page in place of totals", { totals: "html" }, "P5", /gave no count/],
  ["has a page in place of its health", { health: "html" }, "P6", /nothing that is its health/],
  ["says that it fails, and charges", { health: "failing" }, "P6", /it says that it fails, and/],
])("one that %s is found", async (_, faults, promise, how) => {
  const { broken } = await tried(faults);
  expect(broken).toContainEqual(
    expect.objectContaining({ promise, how: expect.stringMatching(how) as string }),
  );
});

test.concurrent("one that forgets what it promised for ever is found", async () => {
  // All that is asked at once is over when it forgets.
  const { broken } = await tried({ forgetsAfterMs: 2_000 }, "Infinity", { laterMs: 2_500 });
  const how = expect.stringMatching(/charged an id once more/) as string;
  expect(broken).toContainEqual(expect.objectContaining({ promise: "P2", how }));
});

test.concurrent(
  "one that forgets before the end of its time is found, and is not charged after it",
  async () => {
    const { broken } = await tried({ forgetsAfterMs: 2_000 }, "4000");
    expect(broken.map(({ promise }) => promise)).toEqual(["P2"]);
  },
);

test.concurrent.each<[what: string, faults: Faults, states: (string | RegExp)[]]>([
  ["cannot be asked", { looks: "fails" }, ["kept", "kept", "cannot be seen", "kept", "kept"]],
  [
    "refuses nothing clearly",
    { refuses: "unclearly" },
    ["kept", "cannot be seen", "kept", "kept", "kept"],
  ],
  ["does not let us count", { totals: "401" }, ["kept", "kept", "kept", "cannot be seen", "kept"]],
  ["is asked too often", { health: "429" }, ["kept", "kept", "kept", "kept", "cannot be seen"]],
])("that one which %s keeps a promise cannot be seen", async (_, faults, states) => {
  const { states: found } = await tried(faults);
  const [once, , ...others] = found;
  expect([once, ...others]).toEqual(states as string[] as never);
});

/** Runs the command as a person does. */
async function doctor(program: readonly string[], env: Record<string, string>, ...args: string[]) {
  const journal = directory.file("untouched.db");
  const settings = { ...env, JOURNAL: `sqlite:${journal}`, PROCESSOR_TIMEOUT_MS: "1000" };
  const { out, err, code } = await run([...program, ...args], { env: bareEnv(settings) });
  expect(existsSync(journal)).toBe(false);
  expect(out + err).not.toContain(SECRET);
  return { out, err, code };
}

const SOURCE = fromSource("worker.ts", "doctor");

function statesIn(out: string): string[] {
  const { promises } = JSON.parse(out) as { promises: Promised[] };
  return promises.map(({ promise, state }) => `${promise} ${state}`);
}

function simulator(form?: Form) {
  const options = { name: "one", fee: 0.05, host: "127.0.0.1", port: 0 };
  return startSimulator({ ...options, ...(form && { form }) });
}

test.concurrent(
  "rinha, by the command: without --yes it says what it would do, with it six promises",
  async () => {
    await using processor = simulator();
    const PROCESSORS = `one=${processor.url};fee=0.05;audit-token=${TOKEN}`;
    const only = await doctor(SOURCE, { PROCESSORS }, "--processor", "one");
    expect(only.code).toBe(2);
    expect(only.out).toContain("twice 1.00, under two ids, and for each its fee (5 %)");
    expect(processor.model.records.size).toBe(0);

    const words = await doctor(SOURCE, { PROCESSORS }, "--processor", "one", "--yes");
    expect(words.out).toMatch(/^kept +P1 +a second charge under one id changes nothing\n +→ /m);
    expect(words.code).toBe(0);
    expect([...processor.model.records.values()].map(({ amountCents }) => amountCents)).toEqual([
      100, 100, 0,
    ]);
    const without = { PROCESSORS: `one=${processor.url};fee=0.05` };
    const json = await doctor(SOURCE, without, "--processor", "one", "--yes", "--json");
    expect(statesIn(json.out)).toEqual([
      "P1 kept",
      "P2 cannot be seen",
      "P3 kept",
      "P4 kept",
      "P5 cannot be seen",
      expect.stringMatching(/^P6 (?:kept|cannot be seen)$/) as unknown as string,
    ]);
  },
);

test.concurrent(
  "stripe, by the command: a key that is forgotten too early is found, and no secret is said",
  async () => {
    const fileAt = async (url: string) => {
      const secret = { env: "KEY" };
      const cards = { name: "cards", kind: "stripe", url, fee: { percent: "5" }, secret };
      const file = directory.file("processors.json");
      await Bun.write(file, JSON.stringify({ currency: "BRL", processors: [cards] }));
      return { PROCESSORS_FILE: file, KEY: SECRET };
    };
    const form = (forgetAfterMs: number, paymentMethod: string | null) =>
      new StripeForm({ forgetAfterMs, paymentMethod });
    const programs = [SOURCE, ...(isBuilt() ? [fromDist("worker.ts", "doctor")] : [])];
    const args = ["--processor", "cards", "--yes", "--json", "--source"];
    await using sound = simulator(form(86_400_000, null));
    for (const program of programs) {
      const { out, code } = await doctor(program, await fileAt(sound.url), ...args, "pm_card_visa");
      expect(statesIn(out)).toEqual([
        "P1 kept",
        "P2 cannot be seen",
        "P3 kept",
        "P4 kept",
        "P5 not promised",
        "P6 not promised",
      ]);
      expect(code).toBe(0);
      expect(out).not.toContain("pm_card_visa");
    }
    await using forgetful = simulator(form(2_000, "pm_card_visa"));
    const { out, code } = await doctor(SOURCE, await fileAt(forgetful.url), ...args.slice(0, -1));
    expect(statesIn(out)).toContain("P2 broken");
    expect(code).toBe(1);
  },
);

test.concurrent(
  "what makes no sense is exit code 2 and one line, and so is nobody's answer",
  async () => {
    const env = { PROCESSORS: "one=http://127.0.0.1:1;fee=0.05" };
    for (const args of [
      ["--processor", "two", "--yes"],
      ["--yes"],
      ["--processor", "one", "--amount", "0"],
      ["--processor", "one", "--haproxy", "haproxy.cfg"],
    ]) {
      const { err, code } = await doctor(SOURCE, env, ...args);
      expect([code, err.trim().split("\n").length]).toEqual([2, 1]);
    }
    const nobody = await doctor(SOURCE, env, "--processor", "one", "--yes", "--json");
    expect(nobody.code).toBe(2);
    expect(statesIn(nobody.out)).not.toContainEqual(expect.stringMatching(/kept|broken/));
  },
);
