import { expect, test } from "bun:test";
import { GatewayClient } from "./gateway.ts";
import { Unanswered, until } from "./until.ts";

test("a wait goes on while nobody answers, and ends by any other error at once", async () => {
  let asked = 0;
  const tookMs = await until("the third is an answer", () => {
    if (++asked < 3) throw new Unanswered("not now");
    return true;
  });
  expect(asked).toBe(3);
  expect(tookMs).toBeGreaterThan(0);
  const wrong = until("it is never asked again", () => {
    asked++;
    throw new Error("wrong");
  });
  await expect(wrong).rejects.toThrow("wrong");
  expect(asked).toBe(4);
});

test("a wait that was in vain says for what, and what was heard last", async () => {
  const waiting = until("something is there", () => Promise.reject(new Unanswered("nobody")), 5);
  const error = await waiting.catch((reason: Error) => reason);
  expect(error).toMatchObject({
    message: "not within 5 ms: something is there",
    cause: expect.objectContaining({ message: "nobody" }),
  });
});

test("a gateway that is gone, or says that it cannot answer now, leaves a question unanswered", async () => {
  let status = 503;
  await using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("{}", { status }),
  });
  const gateway = new GatewayClient(`http://127.0.0.1:${server.port}`);
  const asked = () => gateway.summary(null).catch((error: Error) => error);
  expect(await asked()).toBeInstanceOf(Unanswered);
  status = 500;
  expect(await asked()).not.toBeInstanceOf(Unanswered);
  status = 200;
  expect(await asked()).toEqual({});
  await server.stop(true);
  expect(await asked()).toBeInstanceOf(Unanswered);
});
