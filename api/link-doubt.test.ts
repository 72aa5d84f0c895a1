import { expect, test } from "bun:test";
import { LinkDoubt } from "./link-doubt.ts";

test("a worker that answers over HTTP and not over the link is doubted at the second look", () => {
  const doubt = new LinkDoubt();
  const found = [1, 2, 3].map(() => {
    doubt.look(false, true);
    return doubt.isThere;
  });
  expect(found).toEqual([false, true, true]);
});

test.each([
  ["the link answers", true, true],
  ["nothing answers", false, false],
])("there is no doubt when %s", (_, overLink, overHttp) => {
  const doubt = new LinkDoubt();
  doubt.look(false, true);
  doubt.look(false, true);
  doubt.look(overLink, overHttp);
  expect(doubt.isThere).toBe(false);
  doubt.look(false, true);
  expect(doubt.isThere).toBe(false);
});
