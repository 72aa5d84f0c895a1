import { expect, test } from "bun:test";
import { TWO } from "./subject.fixture.ts";

test("two is two", () => {
  expect(TWO).toBe(2);
});
