import { expect, test } from "bun:test";
import { Followed } from "./console.ts";

const RUN = `bun test v1.4.5

a.test.ts:
(pass) part > one [0.52ms]
a word of a test that passes
(pass) a name {
  of: "two lines",
} [0.52ms]
(skip) part > two
(todo) three

b.test.ts:
error: expect(received).toBe(expected)
(fail) four [0.52ms]

a.test.ts:
(pass) five [1.00ms]

1 tests failed:
(fail) four [0.52ms]

 2 pass`;

function follow(text: string): Followed {
  const followed = new Followed();
  for (const line of text.split("\n")) followed.take(line);
  return followed;
}

test("ends of tests and files are counted once", () => {
  expect(follow(RUN).stateOf(9)).toBe("3 passed, 1 failed, file 2 of 9: a.test.ts");
});

test("what fails is kept, with its file and without what passes", () => {
  expect(follow(RUN).kept).toEqual([
    "",
    "b.test.ts:",
    "error: expect(received).toBe(expected)",
    "(fail) four [0.52ms]",
  ]);
});

test("an error outside of tests is kept", () => {
  const { kept } = follow("a.test.ts:\n# Unhandled error between tests\nerror: x\n(pass) one");
  expect(kept).toEqual(["", "a.test.ts:", "# Unhandled error between tests", "error: x"]);
});

test("the marks of a terminal with colours are read too", () => {
  const coloured =
    "a.test.ts:\n\x1b[0m\x1b[32m✓\x1b[0m\x1b[0m\x1b[1m one\x1b[0m\n\x1b[31m✗\x1b[0m two";
  expect(follow(coloured).stateOf(1)).toBe("1 passed, 1 failed, file 1 of 1: a.test.ts");
});
