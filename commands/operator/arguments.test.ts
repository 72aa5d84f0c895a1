import { expect, test } from "bun:test";
import { readCall } from "./arguments.ts";
import { loginName, nameIn } from "./login.ts";

type Values = Parameters<typeof readCall>[1];
function said(words: string[], values: Values, login: string | null = "ana") {
  try {
    const { body, target } = readCall(words, values, login);
    return body === null ? target : JSON.parse(body);
  } catch (error) {
    return (error as Error).message;
  }
}

test("a decision says who, why, and what it rests on", () => {
  expect(said(["hold", "a/b"], { why: "x" })).toEqual({ who: "ana", why: "x" });
  expect(said(["settle", "a"], { who: "bo", why: "x", evidence: "y" })).toEqual({
    who: "bo",
    why: "x",
    evidence: "y",
  });
  expect(said(["list"], { state: "held", limit: "2" })).toBe(
    "/operator/payments?state=held&limit=2",
  );
});

test("webhooks are sent again from an instant, whatever the reason", () => {
  const from = "2026-01-31T06:30:00-03:00";
  const body = { who: "ana", why: "no reason given", from };
  expect(said(["webhooks", "resend"], { from })).toEqual(body);
  expect(said(["webhooks", "resend"], { from, why: "x" })).toEqual({ ...body, why: "x" });
  expect(said(["webhooks"], { limit: "3" })).toBe("/operator/webhooks?limit=3");
});

test.each([
  [["hold", "a"], {}, "hold needs --why TEXT"],
  [["drain", "a"], { why: " " }, "drain needs --why TEXT"],
  [["settle", "a"], { why: "x" }, "settle needs --evidence TEXT"],
  [["absent", "a"], { why: "x", evidence: "" }, "absent needs --evidence TEXT"],
  [["hold", "a"], { why: "x", who: "" }, "hold needs --who NAME"],
  [["trust-journal"], {}, "trust-journal needs --why TEXT"],
  [["trust-journal", "a"], { why: "x" }, 'trust-journal takes no "a"'],
  [["moved"], { why: "x" }, "moved needs one NAME"],
  [["show", "a"], { why: "x" }, "show takes no --why"],
  [["processors"], { limit: "1" }, "processors takes no --limit"],
  [["processors", "a"], {}, 'processors takes no "a"'],
  [["webhooks"], { why: "x" }, "webhooks takes no --why"],
  [["webhooks", "resend"], {}, "webhooks resend needs --from INSTANT"],
  [["webhooks", "again"], {}, 'webhooks takes no "again"'],
])("%j with %j is one sentence in the words of the command line", (words, values, sentence) => {
  expect(said(words, values)).toStartWith(sentence);
});

test("where nobody is logged in, --who is asked for", () => {
  expect(said(["hold", "a"], { why: "x" }, null)).toStartWith("hold needs --who NAME");
  expect(said(["hold", "a"], { why: "x", who: "bo" }, null)).toEqual({ who: "bo", why: "x" });
});

test("whoever is logged in is known by USER, or by the number of the process", () => {
  const passwd = "root:x:0:0:root:/root:/bin/sh\n# none\nshop:x:1000:1000::/home/shop:/bin/sh\n";
  expect(nameIn(passwd, 1_000)).toBe("shop");
  expect(nameIn(passwd, 65_532)).toBeNull();
  expect(nameIn("", 0)).toBeNull();
  expect(loginName({ USER: "ana", LOGNAME: "bo" })).toBe("ana");
  expect(loginName({ USER: "", LOGNAME: "bo" })).toBe("bo");
});
