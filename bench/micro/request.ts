/**
 * Times checking the body of `POST /payments`, against a valibot schema that asks for the same. The
 * twin stops at "no"; ours says what is wrong.
 */
import * as v from "valibot";
import { parsePaymentRequest } from "../../api/payment-request.ts";
import { Checks, rowOf, type BenchContext, type Row } from "../benchmark.ts";
import { compare } from "../compare.ts";
import { uuidFrom, seededRandom } from "../../testing/random.ts";

export const name = "micro/request";

const AMOUNT_MAX = 1_000_000;
const BODIES = 256;

const schema = v.strictObject({
  correlationId: v.pipe(v.string(), v.uuid(), v.toLowerCase()),
  amount: v.pipe(
    v.number(),
    v.finite(),
    v.minValue(0.01),
    v.maxValue(AMOUNT_MAX),
    v.check((amount) => Math.round(amount * 100) / 100 === amount),
  ),
});

export function run(context: BenchContext): Row[] {
  const checks = new Checks();
  for (const body of [...goodBodies(), ...badBodies()]) {
    const ours = parsePaymentRequest(body, AMOUNT_MAX);
    checks.equal(body, ours.ok ? ours.payment : null, naive(body));
  }
  checks.equal(
    "bodies refused",
    badBodies().filter((body) => naive(body) !== null),
    [],
  );
  return [
    rowOfBodies(context, checks, "a good body", goodBodies()),
    rowOfBodies(context, checks, "a bad body", badBodies()),
  ];
}

function rowOfBodies(context: BenchContext, checks: Checks, what: string, bodies: string[]): Row {
  const series = compare(context, {
    batch: bodies.length,
    ours: () => bodies.map((body) => parsePaymentRequest(body, AMOUNT_MAX)),
    naive: () => bodies.map((body) => naive(body)),
  });
  return rowOf(`request: check ${what}`, "ns", series, checks, "against JSON.parse + valibot");
}

function naive(body: string) {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null; // It is not JSON.
  }
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) return null;
  const { correlationId, amount } = parsed.output;
  return { correlationId, amountCents: Math.round(amount * 100) };
}

function goodBodies(): string[] {
  const random = seededRandom(3);
  return Array.from({ length: BODIES }, () => {
    const amount = (1 + Math.floor(random() * 99_999)) / 100;
    return JSON.stringify({ correlationId: uuidFrom(random), amount });
  });
}

function badBodies(): string[] {
  const correlationId = uuidFrom(seededRandom(4));
  return [
    "{",
    "[]",
    JSON.stringify({ amount: 1 }),
    JSON.stringify({ correlationId }),
    JSON.stringify({ correlationId: correlationId.slice(1), amount: 1 }),
    JSON.stringify({ correlationId, amount: "1" }),
    JSON.stringify({ correlationId, amount: 0 }),
    JSON.stringify({ correlationId, amount: -1 }),
    JSON.stringify({ correlationId, amount: 1.001 }),
    JSON.stringify({ correlationId, amount: AMOUNT_MAX + 1 }),
    JSON.stringify({ correlationId, amount: 1, currency: "BRL" }),
  ];
}
