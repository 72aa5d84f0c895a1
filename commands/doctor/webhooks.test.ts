import { expect, test } from "bun:test";
import { judgeWebhooks } from "./webhooks.ts";

const judge = (
  WEBHOOK_URL: string | null,
  WEBHOOK_ALLOW_PRIVATE: boolean,
  addresses: string[] = [],
) => judgeWebhooks({ WEBHOOK_URL, WEBHOOK_ALLOW_PRIVATE }, async () => addresses);

test("webhooks that are off, or go nowhere, or where they may not, are told apart, without a secret", async () => {
  expect(await judge(null, false)).toEqual([]);
  const url = "http://shop.example:1/hu5h?key=hu5h";
  const [unresolved] = await judge(url, true);
  expect(unresolved).toMatchObject({
    verdict: "wrong",
    figure: "http://shop.example:1 does not resolve",
  });
  const [refused] = await judge(url, false, ["8.8.8.8", "10.0.0.1"]);
  expect(refused).toMatchObject({ verdict: "wrong", fix: "WEBHOOK_ALLOW_PRIVATE=true" });
  expect(refused!.figure).toBe("http://shop.example:1 is at 10.0.0.1, which is private");
  const [dead] = await judge(url, true, ["127.0.0.1"]);
  expect(dead!.figure).toBe("no connection to http://shop.example:1: ECONNREFUSED");
  expect(JSON.stringify([unresolved, refused, dead])).not.toInclude("hu5h");
});

test("one that is reached is", async () => {
  await using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const [found] = await judge(`http://shop.example:${server.port}/`, true, ["127.0.0.1"]);
  expect(found).toMatchObject({ verdict: "ok", fix: null });
});
