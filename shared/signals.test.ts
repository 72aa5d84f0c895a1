import { expect, test } from "bun:test";
import { signalsIn } from "./signals.ts";

test("what a process's status says of signals is read by their bits", () => {
  const status = "Name:\tbun\nSigBlk:\t0000000000004003\nSigIgn:\t0000000001001001\nSigCgt:\t0\n";
  expect([...signalsIn(status, "SigBlk")]).toEqual(["SIGTERM", "SIGINT", "SIGHUP"]);
  expect([...signalsIn(status, "SigIgn")]).toEqual(["SIGHUP"]);
  expect([...signalsIn("", "SigIgn")]).toEqual([]);
});
