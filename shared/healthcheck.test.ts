import { expect, test } from "bun:test";
import { originOf, socketPathOf, whyUnhealthy } from "./healthcheck.ts";

test("a process that answers with success is healthy, any other answer is the reason", async () => {
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) =>
      url.endsWith("/fine") ? new Response("ok\n") : new Response("draining\n", { status: 503 }),
  });
  const origin = originOf("0.0.0.0", server.port as number);
  expect(await whyUnhealthy(origin, "/fine")).toBeNull();
  expect(await whyUnhealthy(origin, "/other")).toBe(`${origin}/other answered 503: draining`);
});

test("a process that is not there is unhealthy", async () => {
  const origin = "http://127.0.0.1:1";
  expect(await whyUnhealthy(origin, "/livez")).toStartWith(`${origin}/livez: `);
  const socket = "unix:/nowhere/papa-leguas.sock";
  expect(await whyUnhealthy(socket, "/livez")).toStartWith(`${socket}: ENOENT`);
});

test("an address that means everywhere is asked here", () => {
  expect(originOf("0.0.0.0", 9999)).toBe("http://127.0.0.1:9999");
  expect(originOf("::", 9999)).toBe("http://127.0.0.1:9999");
  expect(originOf("::1", 9999)).toBe("http://[::1]:9999");
  expect(originOf("worker", 9995)).toBe("http://worker:9995");
  expect(originOf("unix:/run/api.sock", 9999)).toBe("unix:/run/api.sock");
});

test("a socket has a path, an address of the network has none", () => {
  expect(socketPathOf("unix:/run/api.sock")).toBe("/run/api.sock");
  expect(socketPathOf("unix:api.sock")).toBe("api.sock");
  for (const host of ["0.0.0.0", "::1", "unix", "worker", ""])
    expect(socketPathOf(host)).toBeNull();
});
