/** Tests of what a start asks a database before anything is built on it. */
import { expect, test } from "bun:test";
import { whyNot } from "./checks.ts";

test("a database is refused for each reason that can lose payments", () => {
  const good = {
    version: 150_000,
    is_standby: false,
    standbys: "ANY 1 (b, c)",
    fsync: "on",
    sequential: "off",
    lock_timeout: "2s",
    commit: "on",
  };
  expect(whyNot(good, false)).toBeNull();
  const reasons = [
    { version: 140_010 },
    { is_standby: true },
    { sequential: "on" },
    { commit: "local" },
    { fsync: "off" },
    { standbys: " " },
  ].map((worse) => whyNot({ ...good, ...worse }, false));
  expect(reasons).toEqual([
    expect.stringContaining("PostgreSQL 14"),
    expect.stringContaining("standby, which only reads"),
    expect.stringContaining("PgBouncer in transaction mode"),
    expect.stringContaining("PgBouncer in transaction mode"),
    expect.stringContaining("fsync is off"),
    expect.stringContaining("no synchronous standby"),
  ]);
  expect(whyNot({ ...good, standbys: "", fsync: "off" }, true)).toBeNull();
});
