import { expect, test } from "bun:test";
import { whyNotBound, whyNotServed } from "./bind.ts";

const settings = { host: "HTTP_HOST", port: "HTTP_PORT" };

function whyNotAt(host: string, port: number): string {
  try {
    Bun.listen({ hostname: host, port, socket: { data() {} } }).stop(true);
    return "";
  } catch (error) {
    return whyNotBound({ settings, host, port }, error);
  }
}

function whyNotServedAt(hostname: string, port: number): string {
  try {
    void Bun.serve({ hostname, port, fetch: () => new Response() }).stop(true);
    return "";
  } catch (error) {
    return whyNotServed({ settings, host: hostname, port }, error);
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
  const other = new Error("no idea");
  expect(whyNotBound({ settings, host: "::1", port: 1 }, other)).toBe(
    "HTTP_HOST, HTTP_PORT: cannot listen at ::1:1: no idea",
  );
  expect(whyNotBound({ settings, host: "unix:/a/b", port: 1 }, other)).toBe(
    "HTTP_HOST, HTTP_PORT: cannot listen at unix:/a/b:1: no idea",
  );
});

test.each([whyNotAt, whyNotServedAt])(
  "a name that nobody knows is the host's fault: %p",
  (whyNot) => {
    // Bun.serve may say this of the next one, too.
    expect(whyNot("192.0.2.1", 0)).toEndWith("this machine has no such address");
    expect(whyNot("nobody.invalid", 0)).toStartWith(
      "HTTP_HOST: cannot listen at nobody.invalid:0: does this name resolve? (",
    );
  },
);
