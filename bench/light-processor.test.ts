import { expect, test } from "bun:test";
import { simulateBy } from "../testing/stack.ts";
import { CHILD, LIGHT_PROCESSOR } from "./system/children.ts";

const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const BODY = `{"correlationId":"${ID}","amount":19.90,"requestedAt":"2026-01-01T00:00:00.000Z"}`;

test("a light processor charges an id once, says so, and fails or waits when it is told to", async () => {
  const { admins, children } = await simulateBy(LIGHT_PROCESSOR, CHILD);
  await using running = new AsyncDisposableStack();
  for (const child of children) running.use(child);
  const [admin] = admins as [(typeof admins)[0]];
  const post = () => fetch(`${admin.url}/payments`, { method: "POST", body: BODY });
  await admin.setFailure(true);
  const failed = await post();
  expect([failed.status, await failed.text()]).toEqual([500, ""]);
  expect((await fetch(`${admin.url}/payments/${ID}`)).status).toBe(404);
  await admin.setFailure(false);
  await admin.setDelay(30);
  const startMs = performance.now();
  expect((await post()).status).toBe(200);
  expect(performance.now() - startMs).toBeGreaterThan(25);
  expect((await post()).status).toBe(422);
  expect(await (await fetch(`${admin.url}/payments/${ID}`)).text()).toBe(BODY);
  expect(await admin.summary(null)).toEqual({ count: 1, cents: 1_990 });
});

test("a request that comes in pieces is answered once it is whole", async () => {
  const { admins, children } = await simulateBy(LIGHT_PROCESSOR, CHILD);
  await using running = new AsyncDisposableStack();
  for (const child of children) running.use(child);
  const request = `POST /payments HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
  const answered = Promise.withResolvers<string>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(admins[0]!.url).port),
    socket: { data: (_, bytes) => answered.resolve(bytes.toString()) },
  });
  for (const [from, to] of [
    [0, 30],
    [30, 80],
    [80, request.length],
  ] as const) {
    socket.write(request.slice(from, to));
    socket.flush();
    await Bun.sleep(5);
  }
  expect(await answered.promise).toStartWith("HTTP/1.1 200 OK\r\n");
  socket.end();
});
