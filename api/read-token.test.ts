/**
 * The token to read: what strangers may not read, an API neither answers nor passes on. The worker behind it
 * asks for none, so that this is the only place where it is asked for.
 */
import { expect, test } from "bun:test";
import { runApi, startFakeWorker } from "./server.fixture.ts";

test("payments are listed to whoever has the read token, and to nobody without one", async () => {
  await using worker = startFakeWorker();
  await using api = runApi(worker.url);
  const list = async (headers: Record<string, string>, of = api) => {
    const response = await of.call("GET", "/payments?limit=5", { headers });
    return [response.status, response.headers.get("www-authenticate")];
  };
  expect(await list({})).toEqual([401, "Bearer"]);
  expect(await list({ authorization: "Bearer raed" })).toEqual([401, "Bearer"]);
  expect(await list({ authorization: "read" })).toEqual([401, "Bearer"]);
  await using without = runApi(worker.url, { READ_TOKEN: null });
  expect(await list({ authorization: "Bearer read" }, without)).toEqual([404, null]);
  const seen = () => worker.seen.filter(({ target }) => target.startsWith("/payments"));
  expect(seen()).toEqual([]);
  expect((await list({ authorization: "Bearer read" }))[0]).toBe(200);
  expect(seen().map(({ target }) => target)).toEqual(["/payments?limit=5"]);
});
