/** Stand-ins for a processor that say exactly what they are told, byte by byte, on a real socket. */
import { createSign, generateKeyPairSync } from "node:crypto";

export type Raw = {
  /** Written as it stands. */
  readonly text?: string;
  readonly bytes?: Uint8Array;
  /** What becomes of the connection then. */
  readonly ending?: "end" | "reset" | "stay";
};

/** Head and body of an answer with the headers given, and no others. */
export function answer(status: number, headers: Record<string, string>, body = ""): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Whatever\r\n${lines.join("")}\r\n${body}`;
}

/** A whole answer. */
export function whole(status: number, body = ""): string {
  return answer(status, { "Content-Length": String(body.length), Connection: "close" }, body);
}

/** Gives the same answer to every call, and keeps what it was sent. */
export function rawServer({ text = "", bytes = Buffer.from(text), ending = "end" }: Raw) {
  const received: string[] = [];
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, request) {
        received.push(request.toString());
        if (bytes.length > 0) socket.write(bytes);
        socket.flush();
        if (ending === "end") socket.end();
        if (ending === "reset") socket.terminate();
      },
      error() {},
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    received,
    [Symbol.dispose]: () => server.stop(true),
  };
}

/** A certificate that nobody trusts, and its key, in PEM. */
export function selfSigned(commonName: string): { readonly cert: string; readonly key: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const name = sequence(
    der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(commonName)))),
  );
  const validity = sequence(
    der(0x17, Buffer.from("200101000000Z")),
    der(0x17, Buffer.from("491231235959Z")),
  );
  const key = publicKey.export({ type: "spki", format: "der" });
  const serial = der(0x02, Buffer.from([1]));
  const body = sequence(serial, ecdsaWithSha256, name, validity, name, key);
  const signature = createSign("sha256").update(body).sign(privateKey);
  const bits = der(0x03, Buffer.concat([Buffer.from([0]), signature]));
  const cert = sequence(body, ecdsaWithSha256, bits).toString("base64");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${cert}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const long = length > 255 ? [0x82, length >> 8, length & 255] : [0x81, length];
  return Buffer.concat([Buffer.from(length < 128 ? [tag, length] : [tag, ...long]), content]);
}

const sequence = (...parts: Buffer[]) => der(0x30, Buffer.concat(parts));
const oid = (...bytes: number[]) => der(0x06, Buffer.from(bytes));
