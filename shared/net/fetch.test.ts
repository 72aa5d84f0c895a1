import { expect, test } from "bun:test";
import { fetchFrom, isOurs } from "./fetch.ts";
import { peerAt } from "./peer.ts";
import { silentAt } from "./silent.fixture.ts";

/** Serves its own address, and the name by which it was called. */
function serveAt(hostname: string, port = 0) {
  return Bun.serve({
    hostname,
    port,
    fetch: (request) => new Response(`${hostname} ${request.headers.get("host")}`),
  });
}

test("a name that moves is followed by the next call, by the same name", async () => {
  await using before = serveAt("127.0.0.2");
  const port = before.port as number;
  await using after = serveAt("127.0.0.3", port);
  let addresses = ["127.0.0.2"];
  const worker = peerAt(`http://worker.test:${port}`, () => Promise.resolve(addresses));
  const call = async () => await (await fetchFrom(worker, "/")).text();
  expect(await call()).toBe(`127.0.0.2 worker.test:${port}`);
  addresses = ["127.0.0.3"];
  expect(await call()).toBe(`${after.hostname} worker.test:${port}`);
});

test("of several addresses the first is taken at which somebody listens", async () => {
  await using server = serveAt("127.0.0.3");
  const resolve = () => Promise.resolve(["127.0.0.2", "127.0.0.3"]);
  const worker = peerAt(`http://worker.test:${server.port}`, resolve);
  const answer = await fetchFrom(worker, "/", { method: "POST", body: "once" });
  expect(await answer.text()).toStartWith("127.0.0.3");
});

test("an address that swallows packets does not use up the time of the others", async () => {
  await using server = serveAt("127.0.0.3");
  using _ = silentAt("127.0.0.2", server.port as number);
  const resolve = () => Promise.resolve(["127.0.0.2", "127.0.0.3"]);
  const worker = peerAt(`http://worker.test:${server.port}`, resolve);
  const answer = await fetchFrom(worker, "/", { signal: AbortSignal.timeout(20_000) });
  expect(await answer.text()).toStartWith("127.0.0.3");
});

test("a lookup takes no longer than the call may", async () => {
  const worker = peerAt("http://worker.test:1", () => new Promise(() => {}));
  const calling = fetchFrom(worker, "/", { signal: AbortSignal.timeout(20) });
  await expect(calling).rejects.toThrow();
});

test("whoever is not there is no fault of ours", async () => {
  const worker = peerAt("http://127.0.0.1:1");
  const failure = await fetchFrom(worker, "/").catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "ECONNREFUSED" });
  expect(isOurs(failure)).toBe(false);
});
