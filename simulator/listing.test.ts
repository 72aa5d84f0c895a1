/**
 * Asks a simulator for a list that is larger than what fits into one answer's buffer. It stands by itself since no
 * time zone changes it, and it takes long.
 */
import { expect, test } from "bun:test";
import { startSimulator } from "./server.ts";

const TOKEN = { "x-rinha-token": "123" };

test("lists a million rows", async () => {
  await using processor = startSimulator({
    name: "default",
    fee: 0.05,
    host: "127.0.0.1",
    port: 0,
    random: () => 0,
  });
  for (let n = 0; n < 1_000_000; n++) {
    processor.model.records.insert({
      correlationId: n.toString(),
      amountCents: 1990,
      requestedAtMs: n,
      recordedAtMs: n,
    });
  }
  const listing = await fetch(`${processor.url}/simulator/payments`, { headers: TOKEN });
  let lines = 0;
  for await (const bytes of listing.body as ReadableStream<Uint8Array>) {
    for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) lines++;
  }
  expect(lines).toBe(1_000_000);
});
