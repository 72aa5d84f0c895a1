import { expect, test } from "bun:test";
import { Webhook } from "standardwebhooks";
import { signerOf } from "./signature.ts";

test("both secrets sign while one is rotated, and a changed byte is noticed", () => {
  const secrets = [1, 2, 3].map((n) => `whsec_${Buffer.alloc(24, n).toString("base64")}`);
  const [newest, old, other] = secrets as [string, string, string];
  const event = { id: "settled_1", body: '{"type":"payment.settled"}' };
  const headers = signerOf([newest, old])(event, Date.now());
  for (const secret of [newest, old]) {
    expect(new Webhook(secret).verify(event.body, headers)).toEqual(JSON.parse(event.body));
    expect(() => new Webhook(secret).verify(`${event.body} `, headers)).toThrow();
  }
  expect(() => new Webhook(other).verify(event.body, headers)).toThrow();
});
