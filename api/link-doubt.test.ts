import { expect, test } from "bun:test";
import { LinkDoubt } from "./link-doubt.ts";

test("a worker that answers over HTTP and not over the link, twice, is told of once", () => {
  const doubt = new LinkDoubt();
  expect([doubt.look(false, true), doubt.isThere]).toEqual([false, false]);
  expect([doubt.look(false, true), doubt.isThere]).toEqual([true, true]);
  expect([doubt.look(false, true), doubt.isThere]).toEqual([false, true]);
});

test.each([
  ["the link answers", true, true],
  ["nothing answers", false, false],
])("there is no doubt when %s", (_, overLink, overHttp) => {
  const doubt = new LinkDoubt();
  doubt.look(false, true);
  doubt.look(false, true);
  expect([doubt.look(overLink, overHttp), doubt.isThere]).toEqual([false, false]);
  expect(doubt.look(false, true)).toBe(false);
});
