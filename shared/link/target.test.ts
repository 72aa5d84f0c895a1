import { expect, test } from "bun:test";
import { Target } from "./target.ts";

const A = "127.0.0.1";
const B = "127.0.0.2";
const V6 = "::1";

test("the name is resolved about once a second", () => {
  const target = new Target(null);
  const asked = [0, 10, 999, 1_000, 1_500, 2_000].map((nowMs) => target.resolvesNow(nowMs));
  expect(asked).toEqual([true, false, false, true, false, true]);
});

test("an address that the name has no more is left, whoever answers there", () => {
  const target = new Target(null);
  target.resolved(0, [A], false);
  target.resolved(1_000, [B], true);
  expect(target.address).toBe(B);
  target.resolved(2_000, [], true);
  expect(target.address).toBeNull();
});

test("one that the name still has is kept while the worker answers", () => {
  const target = new Target(null);
  target.resolved(0, [B], false);
  for (const nowMs of [1_000, 2_000, 3_000]) target.resolved(nowMs, [A, B, V6], true);
  expect(target.address).toBe(B);
});

test("while nobody answers they are tried in turn, IPv4 first, each for a second", () => {
  const target = new Target(null);
  const tried = [0, 500, 1_000, 1_500, 2_000, 3_000].map((nowMs) => {
    target.resolved(nowMs, [V6, A, B], false);
    return target.address;
  });
  expect(tried).toEqual([A, A, B, B, V6, A]);
});

test("the one that the worker answers from is kept, and a stranger's is not taken", () => {
  const target = new Target(null);
  target.resolved(0, [A, B], false);
  target.resolved(1_000, [A, B], false);
  target.heardFrom(1_100, A);
  expect(target.address).toBe(A);
  target.heardFrom(1_200, "127.0.0.9");
  expect(target.address).toBe(A);
});

test("without a secret a public address is none", () => {
  const target = new Target(null);
  expect(target.resolved(0, ["192.0.2.1", A], false)).toBe(true);
  expect(target.address).toBe(A);
  expect(target.resolved(1_000, ["192.0.2.1"], true)).toBe(false);
  expect(target.address).toBeNull();
  const secret = new Target(["a secret of sixteen or more"]);
  expect(secret.resolved(0, ["192.0.2.1"], false)).toBe(true);
  expect(secret.address).toBe("192.0.2.1");
});
