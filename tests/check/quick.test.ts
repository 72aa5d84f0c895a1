import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../testing/programs.ts";
import { isQuick, leftOut } from "./quick.ts";
import slow from "./slow.json" with { type: "json" };

test("what is beside the source is quick, whole systems and what takes long are not", () => {
  expect(isQuick("worker/queue.test.ts")).toBe(true);
  expect(isQuick("tests/tidy.test.ts")).toBe(true);
  expect(isQuick("worker/journal/bit-flips.test.ts")).toBe(false);
  expect(isQuick("tests/browser/dashboard.test.ts")).toBe(false);
  expect(isQuick("simulation/simulation.test.ts")).toBe(false);
});

test("what is left out is told by folder", () => {
  const paths = [
    "api/a.test.ts",
    "tests/kill/a.test.ts",
    "tests/kill/b.test.ts",
    "bench/a.test.ts",
  ];
  expect(leftOut(paths)).toBe(
    "left out: 3 of 4 test files: tests/kill (2), bench (1); other time zones",
  );
});

test("each file that is known to take long exists", () => {
  const gone = Object.keys(slow.files).filter((path) => !existsSync(join(ROOT, path)));
  expect(gone).toEqual([]);
});
