import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whole } from "../processor.fixture.ts";
import { authority, certify, type Certified } from "./certificate.fixture.ts";
import { run } from "../../testing/process.ts";

const NAME = "processor.test";
const PATIENT_MS = 20_000;
const TRUSTED = authority("somebody who is trusted");
const folder = mkdtempSync(join(tmpdir(), "tls-"));
const TRUSTED_FILE = join(folder, "trusted.pem");

beforeAll(() => writeFileSync(TRUSTED_FILE, TRUSTED.cert));
afterAll(() => rmSync(folder, { recursive: true }));

/** Serves as a processor behind TLS, and keeps what it hears. */
function serve({ cert, key }: Certified) {
  const requests: string[] = [];
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert, key },
    socket: {
      data(socket, bytes) {
        requests.push(bytes.toString());
        socket.write(whole(200, '{"message":"done"}'));
      },
      error() {},
    },
  });
  return { port: server.port, requests, [Symbol.dispose]: () => server.stop(true) };
}

/** In a process of its own, which alone can be told whom to trust; the name is that of this machine. */
async function charge(
  port: number,
  env: Record<string, string> = {},
  { addresses = ["127.0.0.1"], timeoutMs = PATIENT_MS } = {},
) {
  const at = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const url = JSON.stringify(`https://${NAME}:${port}`);
  const script = `
    import { HttpProcessor } from ${at("../processor.ts")};
    import { exchangeTo } from ${at("./exchange.ts")};
    const exchange = exchangeTo(${url}, {
      resolve: () => Promise.resolve(${JSON.stringify(addresses)}),
    });
    const payment = { correlationId: "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3", amountCents: 1 };
    const charge = { ...payment, requestedAtMs: 0 };
    console.log(JSON.stringify(await new HttpProcessor(${url}, ${timeoutMs}, exchange).charge(charge)));
    process.exit(0);
  `;
  const environment = { NODE_EXTRA_CA_CERTS: TRUSTED_FILE, ...env };
  return JSON.parse((await run([process.execPath, "-e", script], { env: environment })).out);
}

test("a certificate of the name, by somebody who is trusted, is taken", async () => {
  using server = serve(certify(NAME, { issuer: TRUSTED }));
  expect(await charge(server.port)).toMatchObject({ kind: "accepted" });
  expect(server.requests.join("")).toContain(`\r\nHost: ${NAME}:${server.port}\r\n`);
});

/** In front of a server, at every address of this machine: what a client says arrives later. */
function delay(port: number, ms: number) {
  const relay = createServer((client) => {
    const server = connect(port, "127.0.0.1");
    client.on("data", (bytes) => setTimeout(() => server.write(bytes), ms));
    server.on("data", (bytes) => client.write(bytes));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => {}).on("close", () => other.destroy());
    }
  });
  const listening = Promise.withResolvers<number>();
  relay.listen(0, "0.0.0.0", () => listening.resolve((relay.address() as AddressInfo).port));
  return { listening: listening.promise, [Symbol.dispose]: () => relay.close() };
}

test("a handshake may take long at every one of many addresses", async () => {
  using server = serve(certify(NAME, { issuer: TRUSTED }));
  using slow = delay(server.port, 200);
  const addresses = Array.from({ length: 8 }, (_, i) => `127.0.0.${i + 1}`);
  expect(await charge(await slow.listening, {}, { addresses })).toMatchObject({ kind: "accepted" });
});

test.each<[string, string, Certified]>([
  ["ERR_TLS_CERT_ALTNAME_INVALID", "of another name", certify("a.test", { issuer: TRUSTED })],
  ["CERT_HAS_EXPIRED", "of a year ago", certify(NAME, { issuer: TRUSTED, untilYear: 2021 })],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "by itself", certify(NAME)],
  [
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "by somebody else",
    certify(NAME, { issuer: authority("somebody else") }),
  ],
])(
  "%s: a certificate %s is refused, and nothing of the request leaves",
  async (reason, _, shown) => {
    using server = serve(shown);
    const lenient = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
    const refused = { kind: "refused", reason, overloaded: false };
    expect(await charge(server.port)).toEqual(refused);
    expect(await charge(server.port, lenient)).toEqual(refused);
    expect(server.requests).toEqual([]);
  },
);

test.each<[string, string, (socket: Bun.Socket) => void, timeoutMs: number]>([
  ["EPROTO", "speaks no TLS", (socket) => void socket.write(whole(400)), PATIENT_MS],
  ["ETIMEDOUT", "never answers", () => {}, 500],
  ["ECONNRESET", "hangs up", (socket) => void socket.end(), PATIENT_MS],
  ["ECONNRESET", "breaks off", (socket) => socket.terminate(), PATIENT_MS],
])("%s: whoever %s instead of shaking hands has refused", async (reason, _, answer, timeoutMs) => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: answer } });
  const charged = await charge(server.port, {}, { timeoutMs });
  expect(charged).toEqual({ kind: "refused", reason, overloaded: false });
  server.stop(true);
});
