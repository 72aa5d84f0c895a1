import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BODY_BYTES_MAX } from "../shared/limits.ts";
import { decimalFromCents } from "../shared/money.ts";
import { parsePaymentRequest } from "./payment-request.ts";

const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const AMOUNT_MAX = 1_000_000;

function parse(text: string) {
  return parsePaymentRequest(text, AMOUNT_MAX);
}
function reasonFor(text: string): string {
  const parsed = parse(text);
  return parsed.ok ? "accepted" : parsed.reason;
}
/** The body as text, so that numbers can be written which JavaScript would not write. */
function body(amount: string, correlationId = JSON.stringify(ID)): string {
  return `{"correlationId":${correlationId},"amount":${amount}}`;
}

describe("a payment request is taken", () => {
  const taken: [string, string, number][] = [
    ["as the contest's clients send it", body("19.90"), 1990],
    ["with the fields the other way round", `{"amount":0.01,"correlationId":"${ID}"}`, 1],
    ["with blanks around it", `\r\n\t ${body("7")} \n`, 700],
    ["with an amount in exponent form", body("1.5e3"), 150_000],
    ["with zeros after the second decimal", body("1.5000"), 150],
    ["with the largest amount", body("1000000.00"), 100_000_000],
    ["with a repeated field, of which the last counts", `{"amount":1,${body("2").slice(1)}`, 200],
    ["with an escaped field name", body("3").replace("amount", "\\u0061mount"), 300],
  ];
  for (const [how, text, amountCents] of taken) {
    test(how, () => {
      expect(parse(text)).toEqual({ ok: true, payment: { correlationId: ID, amountCents } });
    });
  }

  const additions: [string, Record<string, string>][] = [
    ["with a source", { source: "pm_card_visa" }],
    ["with a reference", { reference: "order 1042" }],
    ["with both", { source: "+55 11 91234-5678", reference: "Pedido nº 42" }],
    ["with the longest of both", { source: "~".repeat(255), reference: "🦙".repeat(64) }],
  ];
  test.each(additions)("%s, as it is", (_, more) => {
    const text = JSON.stringify({ correlationId: ID, amount: 1, ...more });
    expect(parse(text)).toEqual({
      ok: true,
      payment: { correlationId: ID, amountCents: 100, ...more },
    });
    // The longest fits also with every character escaped that programs escape.
    const escaped = text.replaceAll(/[^ -~]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`);
    expect(escaped.length).toBeLessThan(BODY_BYTES_MAX);
  });

  test("with an upper-case UUID, which is kept in lower case", () => {
    expect(parse(body("1", JSON.stringify(ID.toUpperCase())))).toEqual({
      ok: true,
      payment: { correlationId: ID, amountCents: 100 },
    });
  });

  test("with every two-decimal amount up to the largest, to the exact cent", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: AMOUNT_MAX * 100 }), (amountCents) => {
        expect(parse(body(decimalFromCents(amountCents)))).toEqual({
          ok: true,
          payment: { correlationId: ID, amountCents },
        });
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a payment request is refused with the sentence that names the field", () => {
  const notJson = "The body is not JSON.";
  const notObject = 'The body is not a JSON object with the fields "correlationId" and "amount".';
  const unknown = (field: string) =>
    `The field "${field}" is not known; "correlationId", "amount", "source" and "reference" are.`;
  const noUuid = 'The field "correlationId" is not a UUID.';
  const noNumber = 'The field "amount" is not a number.';
  const decimals = 'The field "amount" has more than two decimals.';
  const notPositive = 'The field "amount" is not greater than 0.';
  const above = 'The field "amount" is above 1000000.';

  const noSource = 'The field "source" is not a text of 1 to 255 printable ASCII characters.';
  const noReference =
    'The field "reference" is not a text of 1 to 64 characters without control characters.';
  const adding = (field: string, value: unknown) =>
    JSON.stringify({ correlationId: ID, amount: 1, [field]: value });

  const refused: [string, string, string][] = [
    ["an empty source", adding("source", ""), noSource],
    ["a source that is null", adding("source", null), noSource],
    ["a source that is a number", adding("source", 5), noSource],
    ["a source that is too long", adding("source", "x".repeat(256)), noSource],
    ["a source with a line end", adding("source", "x\n"), noSource],
    ["a source beyond ASCII", adding("source", "ção"), noSource],
    ["an empty reference", adding("reference", ""), noReference],
    ["a reference that is null", adding("reference", null), noReference],
    ["a reference that is a list", adding("reference", ["x"]), noReference],
    ["a reference that is too long", adding("reference", "é".repeat(65)), noReference],
    ["a reference with a tab", adding("reference", "a\tb"), noReference],
    ["a reference with a zero", adding("reference", "a\u0000"), noReference],
    ["half a pair in a reference", adding("reference", "a\ud800"), noReference],
    ["an empty body", "", notJson],
    ["text that is not JSON", "correlationId=1&amount=2", notJson],
    ["JSON that is cut off", body("1").slice(0, -1), notJson],
    ["something after the object", `${body("1")}{}`, notJson],
    ["NaN, which is not JSON", body("NaN"), notJson],
    ["an amount with a leading zero, which is not JSON", body("019.90"), notJson],
    ["an array", `[${body("1")}]`, notObject],
    ["null", "null", notObject],
    ["a string", '"payment"', notObject],
    ["a number", "19.90", notObject],
    ["true", "true", notObject],
    ["no fields", "{}", 'The field "correlationId" is missing.'],
    ["no correlationId", '{"amount":1}', 'The field "correlationId" is missing.'],
    ["no amount", `{"correlationId":"${ID}"}`, 'The field "amount" is missing.'],
    ["another field", body('1,"currency":"BRL"'), unknown("currency")],
    ["a misspelt field", `{"correlationID":"${ID}","amount":1}`, unknown("correlationID")],
    ["__proto__ as a field", body('1,"__proto__":{"amount":2}'), unknown("__proto__")],
    ["both fields inside __proto__", `{"__proto__":${body("1")}}`, unknown("__proto__")],
    ["constructor as a field", body('1,"constructor":1'), unknown("constructor")],
    ["a field without a name", body('1,"":1'), unknown("")],
    ["a long field name, cut", body(`1,"${"x".repeat(900)}":1`), unknown(`${"x".repeat(40)}…`)],
    ["a UUID that is too short", body("1", `"${ID.slice(1)}"`), noUuid],
    ["a UUID that is too long", body("1", `"${ID}0"`), noUuid],
    ["a UUID with a letter that is none", body("1", `"${ID.replace("a", "g")}"`), noUuid],
    ["a UUID without dashes", body("1", `"${ID.replaceAll("-", "")}"`), noUuid],
    ["a UUID in braces", body("1", `"{${ID}}"`), noUuid],
    ["a UUID with a blank", body("1", `" ${ID}"`), noUuid],
    [
      "a UUID with a letter that only looks like one",
      body("1", `"${ID.replace("b", "ь")}"`),
      noUuid,
    ],
    ["a number as correlationId", body("1", "1"), noUuid],
    ["null as correlationId", body("1", "null"), noUuid],
    ["an array as correlationId", body("1", `["${ID}"]`), noUuid],
    ["a string as amount", body('"19.90"'), noNumber],
    ["null as amount", body("null"), noNumber],
    ["true as amount", body("true"), noNumber],
    ["an array as amount", body("[19.90]"), noNumber],
    ["an object as amount", body('{"valueOf":1}'), noNumber],
    ["infinity", body("1e400"), 'The field "amount" is not a finite number.'],
    ["minus infinity", body("-1e400"), 'The field "amount" is not a finite number.'],
    ["0", body("0"), notPositive],
    ["minus 0", body("-0.0"), notPositive],
    ["a negative amount", body("-19.90"), notPositive],
    ["an amount so small that it is 0", body("1e-400"), notPositive],
    ["less than a cent", body("0.001"), decimals],
    ["half a cent", body("0.005"), decimals],
    ["the smallest number", body("5e-324"), decimals],
    ["three decimals", body("19.905"), decimals],
    ["three decimals just below the largest amount", body("999999.999"), decimals],
    ["one cent above the largest amount", body("1000000.01"), above],
    ["three decimals above the largest amount", body("1000000.001"), above],
    ["a very large amount", body("1e300"), above],
  ];
  for (const [what, text, reason] of refused) {
    test(what, () => {
      expect(reasonFor(text)).toBe(reason);
    });
  }

  test("every amount with a third decimal", () => {
    const mills = fc.integer({ min: 1, max: AMOUNT_MAX * 1000 }).filter((n) => n % 10 !== 0);
    fc.assert(
      fc.property(mills, (thousandths) => {
        expect(reasonFor(body(String(thousandths / 1000)))).toBe(decimals);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("whatever the body is", () => {
  const isAnswered = (text: string) => {
    const parsed = parse(text);
    return parsed.ok || /^The [^\n]*\.$/.test(parsed.reason);
  };

  test("text never throws", () => {
    const anyBytes = fc.uint8Array({ maxLength: 1024 });
    const texts = fc.oneof(
      fc.string(),
      anyBytes.map((bytes) => new TextDecoder().decode(bytes)),
    );
    fc.assert(fc.property(texts, isAnswered), { numRuns: 500 });
  });

  test("JSON never throws", () => {
    fc.assert(fc.property(fc.json(), isAnswered), { numRuns: 300 });
  });

  test("an object with the right fields and any values never throws", () => {
    const any = fc.json();
    fc.assert(
      fc.property(any, any, (id, amount) => isAnswered(body(amount, id))),
      { numRuns: 300 },
    );
  });

  test("parsing it leaves every other object as it was", () => {
    parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});
