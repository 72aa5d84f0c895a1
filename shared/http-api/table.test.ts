import { expect, test } from "bun:test";
import { matcherOf } from "./matcher.ts";
import { OPERATION_IDS, rowOf } from "./table.ts";

const find = matcherOf(OPERATION_IDS);
const there = (path: string, method = "GET") => {
  const match = find(path, method);
  return match === null ? null : [match.id, match.open];
};

test("a path has one row a method, which leaves open one segment at most", () => {
  const paths = OPERATION_IDS.map((id) => rowOf(id).path);
  const calls = OPERATION_IDS.map((id) => `${rowOf(id).method} ${rowOf(id).path}`);
  expect(new Set(calls).size).toBe(calls.length);
  for (const path of paths) expect([path, path.split("{").length <= 2]).toEqual([path, true]);
});

test("every row is found by its path, and what it leaves open is as it was sent", () => {
  for (const id of OPERATION_IDS) {
    const { path, method } = rowOf(id);
    expect(there(path.replace(/\{\w+\}/, "a%2Fb"), method)).toEqual([
      id,
      path.includes("{") ? "a%2Fb" : "",
    ]);
  }
});

test.each([
  ["/payments/", null],
  ["/payments/a/", null],
  ["/payments/a/b", null],
  ["/payments/{correlationId}", ["payment", "{correlationId}"]],
  ["/Payments", null],
  ["//payments", null],
  ["/constructor", null],
  ["/dashboard", ["page", ""]],
  ["/dashboard/", ["page", ""]],
  ["/dashboard/chunk-a.js", ["page", ""]],
  ["/dashboard/open/x", ["page", ""]],
  ["/dashboard/payments/a/b", ["page", ""]],
  ["/dashboards", null],
  ["/operator/payments//hold", null],
  ["/operator/payments/hold", ["story", "hold"]],
  ["/operator/payments/a/b/hold", null],
  ["/operator/processors/a", null],
])("%s", (path, found) => {
  expect(there(path)).toEqual(found);
});

test("a path of one listener is none of another", () => {
  expect(matcherOf(["livez", "page"])("/payments", "GET")).toBeNull();
});

test("whatever takes GET takes HEAD, and a path says which methods it takes", () => {
  const methods = ["GET", "HEAD", "POST", "PUT", "get"];
  const found = (path: string) => methods.map((method) => find(path, method));
  const taken = (path: string) => methods.filter((_, i) => found(path)[i]?.takes);
  expect(taken("/payments/a")).toEqual(["GET", "HEAD"]);
  expect(taken("/purge-payments")).toEqual(["POST"]);
  expect(taken("/payments")).toEqual(["GET", "HEAD", "POST"]);
  expect(found("/payments").map((match) => match?.id)).toEqual([
    "payments",
    "payments",
    "pay",
    "pay",
    "pay",
  ]);
  const allow = (path: string) => found(path).at(-1)?.allow;
  expect(["/payments/a", "/purge-payments", "/payments"].map(allow)).toEqual([
    "GET, HEAD",
    "POST",
    "POST, GET, HEAD",
  ]);
});
