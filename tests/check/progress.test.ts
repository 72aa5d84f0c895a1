import { expect, test } from "bun:test";
import { Progress } from "./progress.ts";

function onScreen(isTerminal: boolean) {
  let text = "";
  const write = (more: string) => void (text += more);
  const progress = new Progress("tests", { isTerminal, columns: 30, write }, 5_000);
  return { progress, written: () => text };
}

test("a log has a line every half minute, and the outcome", () => {
  const { progress, written } = onScreen(false);
  for (let n = 1; n <= 70; n++) progress.report(5_000 + n * 1_000, `${n} passed`);
  progress.end(76_500, "passed");
  expect(written().split("\n")).toEqual([
    "tests      30.0 s  30 passed",
    "tests      60.0 s  60 passed",
    "tests      71.5 s  passed",
    "",
  ]);
});

test("a terminal has one line, which is written over and never wrapped", () => {
  const { progress, written } = onScreen(true);
  progress.report(5_050, "not shown");
  progress.report(5_200, "7 passed, file 3 of 100: worker/queue.test.ts");
  progress.end(6_000, "passed");
  expect(written().split("\r\x1b[K")).toEqual([
    "",
    "tests       0.0 s",
    "tests       0.2 s  7 passed, ",
    "tests       1.0 s  passed\n",
  ]);
});
