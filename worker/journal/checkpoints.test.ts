import { expect, test } from "bun:test";
import { Checkpoints } from "./checkpoints.ts";

test("one that fails is counted and said; it is a trouble once they have failed for ten seconds", () => {
  const checkpoints = new Checkpoints();
  expect([checkpoints.failures, checkpoints.failing, checkpoints.trouble(0)]).toEqual([
    0,
    null,
    null,
  ]);
  for (let atMs = 1_000; atMs <= 11_000; atMs += 250) checkpoints.failed(atMs, "disk I/O error");
  expect(checkpoints.failures).toBe(41);
  expect(checkpoints.failing).toBe("disk I/O error");
  expect(checkpoints.trouble(10_999)).toBeNull();
  expect(checkpoints.trouble(11_000)).toBe("disk I/O error");
});

test("one that succeeds ends it, and the next failure begins anew", () => {
  const checkpoints = new Checkpoints();
  checkpoints.failed(0, "disk I/O error");
  checkpoints.succeeded();
  expect(checkpoints.failing).toBeNull();
  expect(checkpoints.trouble(60_000)).toBeNull();
  checkpoints.failed(60_000, "database or disk is full");
  expect(checkpoints.trouble(69_000)).toBeNull();
  expect(checkpoints.trouble(70_000)).toBe("database or disk is full");
  expect(checkpoints.failures).toBe(2);
});
