import { expect, test } from "bun:test";
import { allowOf, matcherOf, takes } from "./matcher.ts";
import { OPERATION_IDS, rowOf } from "./table.ts";

const find = matcherOf(OPERATION_IDS);
const there = (path: string) => {
  const match = find(path);
  return match === null ? null : [match.id, match.open];
};

test("a path has one row, which leaves open one segment at most", () => {
  const paths = OPERATION_IDS.map((id) => rowOf(id).path);
  expect(new Set(paths).size).toBe(paths.length);
  for (const path of paths) expect([path, path.split("{").length <= 2]).toEqual([path, true]);
});

test("every row is found by its path, and what it leaves open is as it was sent", () => {
  for (const id of OPERATION_IDS) {
    const { path } = rowOf(id);
    expect(there(path.replace(/\{\w+\}/, "a%2Fb"))).toEqual([
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
  expect(matcherOf(["livez", "page"])("/payments")).toBeNull();
});

test("whatever takes GET takes HEAD, and says so", () => {
  const [get, post] = [rowOf("payment"), rowOf("pay")];
  expect([allowOf(get), allowOf(post)]).toEqual(["GET, HEAD", "POST"]);
  const methods = ["GET", "HEAD", "POST", "PUT", "get"];
  expect(methods.filter((method) => takes(get, method))).toEqual(["GET", "HEAD"]);
  expect(methods.filter((method) => takes(post, method))).toEqual(["POST"]);
});
