import { describe, expect, test } from "bun:test";
import {
  commonSettings,
  describeSettings,
  endpoints,
  endpointText,
  flag,
  httpUrls,
  integer,
  optionalSecrets,
  parseEndpoint,
  readSettings,
  setting,
  text,
  type Setting,
} from "./settings.ts";

/** Gives the value of one setting, or the sentence about it. */
function read(one: Setting<unknown>, value?: string, name = "NAME"): unknown {
  const result = readSettings({ [name]: one }, { [name]: value });
  return result.ok ? result.settings[name] : result.reason;
}

describe("a setting", () => {
  const port = setting("9999", "a port", integer(0, 65_535));

  test("has its default when it is absent or empty", () => {
    expect(read(port)).toBe(9999);
    expect(read(port, "")).toBe(9999);
    expect(read(port, "80")).toBe(80);
  });

  test("that does not parse is named with its value, alone", () => {
    expect(read(port, "http")).toBe('NAME: "http" is not a whole number from 0 to 65535');
    const two = { FIRST: port, SECOND: port };
    expect(readSettings(two, { FIRST: "1", SECOND: "x\ny" })).toEqual({
      ok: false,
      reason: 'SECOND: "x\\ny" is not a whole number from 0 to 65535',
    });
  });

  test("that is a secret is not repeated", () => {
    const reason = String(read(setting("", "", flag(), "secret"), "hush", "LINK_SECRET"));
    expect(reason).toBe("LINK_SECRET: the value given is not true or false");
  });
});

describe("a whole number", () => {
  const number = setting("5", "", integer(1, 10));

  test.each([
    ["1", 1],
    ["10", 10],
    ["007", 7],
  ])("is %s", (given, value) => {
    expect(read(number, given)).toBe(value);
  });

  test.each([
    "0",
    "11",
    "-1",
    "+5",
    "1.0",
    "1e1",
    "0x5",
    " 5",
    "5 ",
    "five",
    "\u0665",
    "9".repeat(400),
  ])("is not %p", (given) => {
    expect(read(number, given)).toContain("is not a whole number from 1 to 10");
  });
});

test.each([
  ["true", true],
  ["false", false],
  ["", false],
])("the flag %p is %p", (given, value) => {
  expect(read(setting("false", "", flag()), given)).toBe(value);
});

test.each(["TRUE", "1", "yes", "on", " true"])("%p is no flag", (given) => {
  expect(read(setting("false", "", flag()), given)).toContain("is not true or false");
});

test("text that may be absent is null when it is", () => {
  expect(read(setting("", "", optionalSecrets(/^a$/, "an a")))).toBeNull();
  expect(read(setting("", "", optionalSecrets(/^a$/, "an a")), "a")).toEqual(["a"]);
  expect(read(setting("a", "", text()))).toBe("a");
});

describe("an endpoint", () => {
  const link = setting("127.0.0.1:9996", "", endpoints());

  test.each([
    ["", "127.0.0.1", 9996],
    ["worker:1", "worker", 1],
    ["worker.internal:65535", "worker.internal", 65535],
    ["[::1]:9996", "::1", 9996],
  ])("%p is read", (given, host, port) => {
    expect(read(link, given)).toEqual([{ host, port }]);
  });

  test.each([
    "worker",
    "worker:",
    ":9996",
    "worker:65536",
    "::1:9996",
    "[::1]",
    "a b:1",
    "a:1:2",
    "udp://a:1",
    "a:1,",
    "a:1,b",
    "a:1 b:2",
  ])("%p is refused", (given) => {
    expect(read(link, given)).toContain("is not host:port");
  });

  test("of several workers are separated by commas", () => {
    const three = "a:1, [::1]:2 ,10.0.0.5:3";
    expect(read(link, three)).toEqual([
      { host: "a", port: 1 },
      { host: "::1", port: 2 },
      { host: "10.0.0.5", port: 3 },
    ]);
    const all = ["a:1", "[::1]:2", "10.0.0.5:3"];
    expect(all.map((one) => endpointText(parseEndpoint(one)!))).toEqual(all);
    expect(parseEndpoint("a:1,b:2")).toBeNull();
  });
});

describe("an http address", () => {
  const url = setting("http://127.0.0.1:9995", "", httpUrls());

  test.each([
    ["http://worker:9995", "http://worker:9995"],
    ["https://worker/", "https://worker"],
    ["http://worker/below/", "http://worker/below"],
    ["HTTP://Worker:80", "http://worker"],
  ])("%s is %s", (given, value) => {
    expect(read(url, given)).toEqual([value]);
  });

  test.each([
    "worker:9995",
    "ftp://a",
    "http://",
    "http://user:pass@a",
    "http://a?b=c",
    "http://a#b",
    "javascript:1",
    "http://a,",
    "http://a,b",
  ])("%p is refused", (given) => {
    expect(read(url, given)).toContain("is not an http:// or https:// address");
  });
});

test("the help has a line for each setting, aligned, from the same table", () => {
  const table = {
    A: setting("1", "first", text()),
    LONGER: setting("", "second", optionalSecrets(/^a$/, "an a")),
  };
  expect(describeSettings("usage", table)).toBe(
    "usage\n\nSettings (environment):\n  A       first (default: 1)\n  LONGER  second (default: none)\n",
  );
});

test("the settings of both processes have their defaults", () => {
  expect(readSettings(commonSettings, {})).toEqual({
    ok: true,
    settings: { LINK_SECRET: null, LOG_LEVEL: "info" },
  });
});
