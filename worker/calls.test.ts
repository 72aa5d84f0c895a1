import { expect, test } from "bun:test";
import { callsInFlightMax } from "./calls.ts";

test("calls in flight at all processors together have a limit, and each processor has a share", () => {
  expect([1, 2, 3, 8, 100, 10_000].map(callsInFlightMax)).toEqual([640, 640, 640, 640, 49, 1]);
});
