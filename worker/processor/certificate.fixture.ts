/** Certificates of every kind that a processor may show, made by hand: no tool has to be installed. */
import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto";

export type Certified = {
  /** In PEM. */
  readonly cert: string;
  readonly key: string;
  readonly privateKey: KeyObject;
  readonly name: string;
};
type Options = {
  /** Itself when there is none. */
  readonly issuer?: Certified;
  readonly untilYear?: number;
};

const ECDSA_WITH_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
const ALT_NAME = oid(0x55, 0x1d, 0x11);
const BASIC_CONSTRAINTS = oid(0x55, 0x1d, 0x13);
const AUTHORITY = sequence(der(0x01, Buffer.from([0xff])));
let serials = 0;

/** Makes the certificate of a server called `name`. */
export function certify(name: string, options: Options = {}): Certified {
  return issue(name, sequence(ALT_NAME, octets(sequence(der(0x82, Buffer.from(name))))), options);
}

/** Makes the certificate of an authority that certifies others. */
export function authority(name: string): Certified {
  return issue(name, sequence(BASIC_CONSTRAINTS, octets(AUTHORITY)), {});
}

function issue(name: string, extension: Buffer, { issuer, untilYear = 2049 }: Options): Certified {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([++serials])),
    ECDSA_WITH_SHA256,
    nameOf(issuer?.name ?? name),
    sequence(dateIn(2020), dateIn(untilYear)),
    nameOf(name),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(extension)),
  );
  const signature = createSign("sha256")
    .update(body)
    .sign(issuer?.privateKey ?? privateKey);
  const bits = der(0x03, Buffer.concat([Buffer.from([0]), signature]));
  const cert = sequence(body, ECDSA_WITH_SHA256, bits).toString("base64");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${cert}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    privateKey,
    name,
  };
}

function nameOf(commonName: string): Buffer {
  const commonNameOid = oid(0x55, 0x04, 0x03);
  return sequence(der(0x31, sequence(commonNameOid, der(0x0c, Buffer.from(commonName)))));
}

function dateIn(year: number): Buffer {
  return der(0x17, Buffer.from(`${String(year).slice(2)}0101000000Z`));
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const short = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(length < 128 ? [tag, length] : [tag, ...short]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function oid(...bytes: number[]): Buffer {
  return der(0x06, Buffer.from(bytes));
}

function octets(content: Buffer): Buffer {
  return der(0x04, content);
}
