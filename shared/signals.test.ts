import { expect, test } from "bun:test";
import { ignoredIn } from "./signals.ts";

test("what a process's status says of ignored signals is read by their bits", () => {
  const status = "Name:\tbun\nSigBlk:\t0000000000004003\nSigIgn:\t0000000001001001\nSigCgt:\t0\n";
  expect([...ignoredIn(status)]).toEqual(["SIGHUP"]);
  expect([...ignoredIn(status.replace("1001001", "1005003"))]).toEqual([
    "SIGTERM",
    "SIGINT",
    "SIGHUP",
  ]);
  expect([...ignoredIn("")]).toEqual([]);
});
