import { expect, test } from "bun:test";
import { csvOf } from "./csv.ts";

test("cells are quoted where they have to be", () => {
  const csv = csvOf(
    ["at", "what"],
    [
      ["a,b", 'say "x"'],
      [1.5, null],
      [-1, "two\nlines"],
    ],
  );
  expect(csv).toBe('at,what\r\n"a,b","say ""x"""\r\n1.5,\r\n-1,"two\nlines"\r\n');
});

test("what a sheet would run behind another country's separator is a text, too", () => {
  const cells = ["order 7;=1+1", "a|@x", "＝1+1", "a-b", "1;2"];
  const csv = `x\r\n"order 7;'=1+1"\r\na|'@x\r\n'＝1+1\r\na-b\r\n"1;2"\r\n`;
  expect(
    csvOf(
      ["x"],
      cells.map((cell) => [cell]),
    ),
  ).toBe(csv);
});

test("what a sheet would run is a text", () => {
  expect(csvOf(["x"], [["=1+1"], ["@a"], ["-x"]])).toBe("x\r\n'=1+1\r\n'@a\r\n'-x\r\n");
});
