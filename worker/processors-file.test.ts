/** Tests that every mistake in the file has its sentence, and that no sentence tells a secret. */
import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { FREE, shareOf } from "../shared/tariff.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { readProcessorsFile } from "./processors-file.ts";

const HUSH = "hu5h-hu5h";
const ENV = { TOKEN: HUSH, EMPTY: "" };
const ONE = { name: "a", url: "http://a", fee: { percent: "5" } };

const directory = temporaryDirectory();
afterAll(() => directory[Symbol.dispose]());
const PATH = directory.file("processors.json");

function readText(text: string) {
  writeFileSync(PATH, text);
  return readProcessorsFile(PATH, ENV);
}

/** The sentence on the first mistake, without the file's path. */
function mistakeIn(value: unknown): string {
  const read = readText(typeof value === "string" ? value : JSON.stringify(value));
  if (read.ok) throw new Error("it was taken");
  expect(read.reason).toStartWith(`${PATH}: `);
  expect(read.reason).not.toInclude("\n");
  return read.reason.slice(PATH.length + 2);
}
const inProcessor = (change: object) => mistakeIn({ processors: [ONE, { ...ONE, ...change }] });

test("processors are read with all that they may have", () => {
  writeFileSync(directory.file("token"), `${HUSH}\n`);
  const fee = { percent: "3.99", fixed: "0.39", min: "0.5", max: "10", rounding: "half-up" };
  const cards = { ...ONE, name: "cards", url: "https://cards/", fee, auditToken: { env: "TOKEN" } };
  const more = {
    name: "b",
    url: "http://b",
    fee: { fixed: "0.10" },
    auditToken: { file: "token" },
  };
  const read = readText(
    JSON.stringify({ $schema: "x", currency: "BRL", processors: [ONE, cards, more] }),
  );
  expect(read).toEqual({
    ok: true,
    value: [
      { name: "a", kind: "rinha", url: "http://a", fee: shareOf(0.05), currency: "BRL" },
      {
        name: "cards",
        kind: "rinha",
        url: "https://cards",
        fee: {
          perMillion: 39_900,
          fixedCents: 39,
          minCents: 50,
          maxCents: 1_000,
          rounding: "half-up",
        },
        auditToken: HUSH,
        currency: "BRL",
      },
      {
        name: "b",
        kind: "rinha",
        url: "http://b",
        fee: { ...FREE, fixedCents: 10 },
        auditToken: HUSH,
        currency: "BRL",
      },
    ],
  });
});

describe("a mistake in the file", () => {
  test.each([
    ["", "is not JSON: Unexpected EOF"],
    ["{'a': 1}", "is not JSON: Single quotes (') are not allowed in JSON"],
    [`{"processors": ${HUSH}}`, "is not JSON: Unexpected identifier …"],
    ["7", 'is not an object, as {"processors": […]}'],
    [{}, "processors: is missing"],
    [{ processors: {} }, "processors: is not a list"],
    [{ processors: [] }, "processors: none is given, and payments go nowhere else"],
    [{ processors: Array.from({ length: 201 }, () => ONE) }, "processors: more than 200"],
    [
      { processor: [ONE], processors: [ONE] },
      "processor: there is no such key; did you mean processors?",
    ],
    [
      { processors: [ONE], currency: "R$" },
      'currency: "R$" is not a currency as ISO 4217 has it: BRL',
    ],
    [{ processors: [7] }, "processors[0]: is not a processor"],
    [{ processors: [ONE, ONE] }, "processors[1].name: another processor has it"],
    [
      { processors: [ONE, { ...ONE, name: "b", url: "http://A:80/" }] },
      "processors[1].url: another processor has it",
    ],
  ])("%j", (value, sentence) => {
    expect(mistakeIn(value)).toBe(sentence);
  });

  test.each([
    [{ fee: { percent: "399" } }, 'fee.percent: "399" is above 100'],
    [
      { fee: { percent: "1e2" } },
      'fee.percent: "1e2" is not a percentage with at most four decimals',
    ],
    [
      { fee: { percent: "0.00001" } },
      'fee.percent: "0.00001" is not a percentage with at most four decimals',
    ],
    [
      { fee: { percent: 5 } },
      "fee.percent: 5 is not a percentage with at most four decimals, as a text in quotes",
    ],
    [{ fee: { precent: "5" } }, "fee.precent: there is no such key; did you mean percent?"],
    [{ fee: {} }, "fee: has neither percent nor fixed"],
    [{ fee: "5" }, 'fee: is not a fee, as {"percent": "2.9", "fixed": "0.30"}'],
    [{ fee: undefined }, "fee: is missing"],
    [{ fee: { fixed: "0.395" } }, 'fee.fixed: "0.395" is not an amount with at most two decimals'],
    [{ fee: { fixed: "1000000000.01" } }, 'fee.fixed: "1000000000.01" is above 1000000000.00'],
    [{ fee: { percent: "1", min: "2", max: "1.99" } }, "fee.max: is below min"],
    [
      { fee: { percent: "1", rounding: "up" } },
      'fee.rounding: "up" is not one of none, half-up, half-even',
    ],
    [{ name: undefined }, "name: is missing"],
    [
      { name: "A" },
      'name: "A" is not a name: a small letter, then small letters, digits and -, 32 at most',
    ],
    [
      { url: "ftp://a" },
      "url: is not an http:// or https:// address without a user, a query and a fragment",
    ],
    [
      { url: `http://u:${HUSH}@a` },
      "url: is not an http:// or https:// address without a user, a query and a fragment",
    ],
    [{ kind: "paypal" }, 'kind: "paypal" is not "rinha", "stripe" or a file, "./my-adapter.ts"'],
    [{ kind: "stripe" }, 'kind: "stripe" needs a secret'],
    [
      { auditToken: HUSH },
      'auditToken: is not a secret\'s name, as {"env": "NAME"} or {"file": "PATH"}: it is never written here',
    ],
    [{ auditToken: { env: `${HUSH}!` } }, "auditToken.env: is not the name of a variable"],
    [{ auditToken: { env: "NOWHERE" } }, "auditToken.env: NOWHERE is not set"],
    [{ auditToken: { env: "EMPTY" } }, "auditToken.env: EMPTY is not set"],
    [{ auditToken: { file: "nowhere" } }, "auditToken.file: cannot be read: ENOENT"],
    [{ auditToken: { env: "TOKEN", file: "token" } }, "auditToken: has not one of env, file"],
    [{ auditToken: {} }, "auditToken: has not one of env, file"],
    [{ auditToken: { value: HUSH } }, "auditToken.value: there is no such key"],
    [
      { headers: { Host: HUSH } },
      "headers.Host: is not a header that HTTP and this gateway leave to others",
    ],
    [{ headers: { "X-A": `${HUSH}\n` } }, "headers.X-A: has a character that no header can carry"],
    [{ headers: HUSH }, "headers: is not headers by name"],
  ])("in a processor: %j", (change, sentence) => {
    const mistake = inProcessor(change);
    expect(mistake).toBe(`processors[1].${sentence}`);
    expect(mistake).not.toInclude(HUSH);
  });

  test("is that the file is not there", () => {
    const path = directory.file("nowhere.json");
    expect(readProcessorsFile(path, ENV)).toEqual({
      ok: false,
      reason: `${path}: cannot be read: ENOENT`,
    });
    expect(readProcessorsFile(dirname(PATH), ENV)).toMatchObject({ ok: false });
  });
});

test("whatever stands in the file is taken, or is one line that tells nothing of a secret", () => {
  const key = fc.constantFrom("name", "url", "fee", "kind", "secret", "auditToken", "headers", "x");
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("a", "5", "http://a", 5, null, true),
      fc.array(tie("value"), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom("env", "file", "percent", "fixed"), tie("value")),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(key, value), fc.string(), (change, text) => {
      const read = readText(JSON.stringify({ processors: [{ ...ONE, ...change }] }));
      if (!read.ok) expect(read.reason).toStartWith(`${PATH}: processors[0]`);
      const spoilt = readText(`{"processors": [{"secret": "${HUSH}${text}`);
      expect(spoilt.ok ? "" : spoilt.reason).toMatch(/^[^\n]*: is not JSON: [^\n]*$/);
      expect(spoilt.ok ? "" : spoilt.reason).not.toInclude(HUSH);
    }),
  );
});
