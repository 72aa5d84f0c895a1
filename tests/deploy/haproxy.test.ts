/** Tests the door for shops: HAProxy as it is handed out for production, in front of servers that only listen. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { WHY_NO_HAPROXY } from "../../testing/haproxy.ts";
import { freePorts } from "../../testing/ports.ts";
import { Child, run } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";

const REASON = Bun.which("openssl") === null ? "skipped: there is no openssl" : WHY_NO_HAPROXY;
const NOTE = REASON === null ? "" : ` (${REASON})`;
const CONFIG = join(ROOT, "deploy/haproxy.cfg");

const folder = temporaryDirectory();
afterAll(() => folder[Symbol.dispose]());

/** Makes a key and a certificate for it: by the authority of that name, or by itself. */
async function certify(name: string, subject: string, by?: string): Promise<void> {
  const signed = by === undefined ? "" : `-CA ${by}.pem -CAkey ${by}.key`;
  await sh(
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=${subject} \\
      -addext subjectAltName=DNS:localhost ${signed} -keyout ${name}.key -out ${name}.pem`,
  );
}

/** Makes the authority, the shop's certificate and its token as the document says; gives the token. */
async function followTheDocument(): Promise<string> {
  const text = await Bun.file(join(ROOT, "docs/DEPLOY.md")).text();
  const blocks = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => block as string);
  return (await sh(blocks.filter((block) => /^(?:openssl |token=)/.test(block)).join(""))).trim();
}

async function sh(input: string): Promise<string> {
  const { code, out, err } = await run(["sh", "-e"], { cwd: folder.path, input });
  if (code !== 0) throw new Error(err);
  return out;
}

/** Answers with what came. */
function startServer(name: string) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url, headers, method }) =>
      Response.json(
        { name, path: new URL(url).pathname, authorization: headers.get("authorization") },
        { status: method === "POST" ? 202 : 200 },
      ),
  });
}

describe.skipIf(REASON !== null)(`the door for shops${NOTE}`, () => {
  const api = startServer("api");
  const worker = startServer("worker");
  let ports: Record<"shops" | "operators" | "metrics", number>;
  let haproxy: Child;
  let token: string;

  beforeAll(async () => {
    token = await followTheDocument();
    await certify("others-ca", "others");
    await certify("stranger", "bakery", "others-ca");
    await certify("forged", "butcher", "bakery");
    await sh("cat bakery.pem >> forged.pem");
    await certify("server", "gateway");
    await sh("cat server.pem server.key > gateway.pem");
    ports = await freePorts("shops", "operators", "metrics");
    const at = (port: number | undefined) => `127.0.0.1:${port}`;
    haproxy = new Child({
      command: ["haproxy", "-f", CONFIG],
      env: {
        ...process.env,
        CERTIFICATES: folder.path,
        API1: at(api.port),
        API2: at(api.port),
        WORKER: at(worker.port),
        SHOPS: at(ports.shops),
        OPERATORS: at(ports.operators),
        METRICS: at(ports.metrics),
      },
    });
    haproxy.start();
    await until("haproxy passes on", async () => {
      const [shop, operator] = await Promise.all([
        ask("/payments", { token, body: "{}" }).catch(() => null),
        fetch(`http://127.0.0.1:${ports.operators}/dashboard`).catch(() => null),
      ]);
      return shop?.status === 202 && operator?.status === 200;
    });
  });

  afterAll(async () => {
    await haproxy?.kill();
    await Promise.all([api.stop(true), worker.stop(true)]);
  });

  type Asking = { readonly token?: string; readonly certificate?: string; readonly body?: string };
  async function ask(path: string, asking: Asking) {
    const { certificate, body } = asking;
    const file = (name: string) => Bun.file(folder.file(name)).text();
    const mine =
      certificate === undefined
        ? {}
        : { cert: await file(`${certificate}.pem`), key: await file(`${certificate}.key`) };
    const answer = await fetch(`https://localhost:${ports.shops}${path}`, {
      ...(body === undefined ? {} : { method: "POST", body }),
      ...(asking.token === undefined
        ? {}
        : { headers: { authorization: `Bearer ${asking.token}` } }),
      tls: { ca: await file("server.pem"), ...mine },
      keepalive: false,
    });
    const type = answer.headers.get("content-type");
    return { status: answer.status, type, text: await answer.text(), headers: answer.headers };
  }

  test("opens to a token, and keeps it to itself", async () => {
    const { status, text } = await ask("/payments", { token, body: "{}" });
    expect(status).toBe(202);
    expect(JSON.parse(text)).toEqual({ name: "api", path: "/payments", authorization: null });
  });

  test("opens to a certificate, and the log says whose", async () => {
    const from = haproxy.lines.length;
    expect((await ask("/payments", { certificate: "bakery", body: "{}" })).status).toBe(202);
    expect(await haproxy.untilLine((line) => line.includes("{bakery}"), from)).toContain(" 202 ");
    const log = [...haproxy.lines, ...haproxy.errors].join("\n");
    expect(token).toHaveLength(64);
    expect(log).not.toContain(token);
  });

  test.each([[undefined], ["another-token"], [""]])("is closed to the token %p", async (other) => {
    const { status, type, headers } = await ask("/payments", {
      ...(other === undefined ? {} : { token: other }),
      body: "{}",
    });
    expect({ status, type }).toEqual({ status: 401, type: "application/problem+json" });
    expect(headers.get("www-authenticate")).toBe("Bearer");
  });

  test.each([["stranger"], ["forged"]])(
    "shakes no hands with a certificate that is %s",
    async (certificate) => {
      const asking = ask("/payments", { certificate, token, body: "{}" });
      expect(
        await asking.then(
          ({ status }) => status,
          () => "no answer",
        ),
      ).toBe("no answer");
    },
  );

  test("takes a body that a payment can have", async () => {
    const { status, type } = await ask("/payments", { token, body: "x".repeat(8_193) });
    expect({ status, type }).toEqual({ status: 413, type: "application/problem+json" });
  });

  test("leads to a payment, and to nothing that is an operator's", async () => {
    const id = "/payments/4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
    const { text } = await ask(id, { token });
    expect(JSON.parse(text)).toMatchObject({ name: "worker", path: id });
    const others = [
      "/payments-summary",
      "/purge-payments",
      "/audit",
      "/dashboard",
      "/metrics",
      "/operator/payments",
    ];
    for (const path of [...others, "/payments/%2foperator", "/payments//operator"]) {
      expect([path, (await ask(path, { token })).status]).toEqual([path, 404]);
    }
    const operators = await fetch(`http://127.0.0.1:${ports.operators}/operator/payments`);
    expect(await operators.json()).toMatchObject({ name: "worker", path: "/operator/payments" });
  });

  test("has each API's metrics beside it", async () => {
    for (const name of ["api1", "api2"]) {
      const answer = await fetch(`http://127.0.0.1:${ports.metrics}/${name}/metrics`);
      expect(await answer.json()).toMatchObject({ name: "api", path: "/metrics" });
    }
  });
});
