import { expect, test } from "bun:test";
import Ajv from "ajv";
import { SCHEMA_PATH, schemaText } from "./processors-schema.ts";

const kept = await Bun.file(SCHEMA_PATH).text();

test("the schema for editors is what `bun tests/processors-schema.ts` makes", () => {
  expect(kept).toBe(schemaText());
});

test("it takes what the worker takes, and refuses what it refuses", () => {
  const takes = new Ajv({ allErrors: true }).compile(JSON.parse(kept));
  const one = { name: "a", url: "http://a", fee: { percent: "5" } };
  const cards = {
    ...one,
    kind: "stripe",
    fee: { percent: "3.99", fixed: "0.39", rounding: "half-up" },
    secret: { env: "STRIPE_SECRET_KEY" },
    headers: { "Stripe-Version": "1" },
  };
  expect(takes({ $schema: "x", currency: "BRL", processors: [one, cards] })).toBe(true);
  for (const bad of [
    {},
    { processors: [] },
    { processors: [{ ...one, name: "A" }] },
    { processors: [{ ...one, fee: { percent: 5 } }] },
    { processors: [{ ...one, fee: { precent: "5" } }] },
    { processors: [{ ...one, secret: "text" }] },
  ]) {
    expect(takes(bad)).toBe(false);
  }
});
