import { expect, test } from "bun:test";
import { whyNotBound } from "./bind.ts";

const settings = { host: "HTTP_HOST", port: "HTTP_PORT" };

function whyNotAt(host: string, port: number): string {
  try {
    Bun.listen({ hostname: host, port, socket: { data() {} } }).stop(true);
    return "";
  } catch (error) {
    return whyNotBound({ settings, host, port }, error);
  }
}

test("the setting that is wrong is named: the host, the port, or both when nobody can say", () => {
  using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = taken;
  expect(whyNotAt("127.0.0.1", port)).toBe(
    `HTTP_PORT: cannot listen at 127.0.0.1:${port}: something else listens there`,
  );
  expect(whyNotAt("192.0.2.1", 0)).toBe(
    "HTTP_HOST: cannot listen at 192.0.2.1:0: this machine has no such address",
  );
  expect(whyNotAt("no..name", 0)).toBe(
    "HTTP_HOST: cannot listen at no..name:0: no such name is known",
  );
  expect(whyNotBound({ settings, host: "h", port: 1 }, new Error("no idea"))).toBe(
    "HTTP_HOST, HTTP_PORT: cannot listen at h:1: no idea",
  );
});
