import { describe, expect, test } from "bun:test";
import { meant, readArguments } from "./arguments.ts";

const LINE = {
  usage: "usage: tool COMMAND [--name TEXT]\n\nMore.",
  options: { name: { type: "string" }, loud: { type: "boolean" } },
  commands: ["list", "show"],
  wordsMax: 2,
} as const;
const read = (...args: string[]) => readArguments(LINE, args);

test("a right command line gives its words and values", () => {
  expect(read("show", "one", "--name=a", "--loud")).toMatchObject({
    kind: "given",
    words: ["show", "one"],
    values: { name: "a", loud: true },
  });
  expect(read()).toMatchObject({ kind: "given", words: [] });
  // Behind two dashes all are words; a dash alone is one, too.
  expect(read("show", "--", "--loud")).toMatchObject({ words: ["show", "--loud"] });
  expect(read("show", "-", "--name", "-")).toMatchObject({ words: ["show", "-"] });
});

test("help and the version are asked for anywhere", () => {
  expect(read("--help")).toEqual({ kind: "asked", text: `${LINE.usage}\n` });
  expect(read("show", "-h")).toMatchObject({ kind: "asked" });
  const { version } = require("../package.json");
  expect(read("list", "--version")).toEqual({
    kind: "asked",
    text: expect.stringMatching(new RegExp(`^papa-leguas ${version}, .*Bun ${Bun.version}\n$`)),
  });
});

describe("a mistake is one line, with the first line of the usage", () => {
  test.each([
    [["lits"], 'there is no command "lits"; did you mean list?'],
    [["LIST"], 'there is no command "LIST"; did you mean list?'],
    [["a\nb"], 'there is no command "a\\nb"'],
    [["list", "a", "b"], '"b" is one word too many'],
    [["--nmae", "x"], 'there is no option "--nmae"; did you mean --name?'],
    [["--toString"], 'there is no option "--toString"'],
    [["--__proto__"], 'there is no option "--__proto__"'],
    [["--no-loud"], 'there is no option "--no-loud"'],
    [["-x"], 'there is no option "-x"'],
    [["--name"], "--name needs a value"],
    [["--name", "--loud"], "--name needs a value"],
    [["--loud=yes"], "--loud takes no value"],
    [["--help=yes"], "--help takes no value"],
    // The first one is told, and help does not hide it.
    [["--lout", "lits", "--help"], 'there is no option "--lout"; did you mean --loud?'],
  ])("%j", (args, mistake) => {
    const reason = `${mistake} (usage: tool COMMAND [--name TEXT])`;
    expect(read(...args)).toEqual({ kind: "wrong", reason });
  });

  test("and shows no value, which may be a secret", () => {
    for (const args of [["--tokne=hush"], ["--loud=hush"], ["--tokne", "hush"]]) {
      expect(JSON.stringify(read(...args))).not.toContain("hush");
    }
  });

  test("where no word is taken, a command is not either", () => {
    const line = { usage: "usage: tool", commands: ["list"] };
    expect(readArguments(line, ["list"])).toMatchObject({ kind: "wrong" });
    expect(readArguments({ usage: "usage: tool" }, ["a"])).toEqual({
      kind: "wrong",
      reason: '"a" is one word too many (usage: tool)',
    });
  });
});

test.each([
  ["statuss", "status"],
  ["stauts", "status"],
  ["Status", "status"],
  ["st", ""],
  ["frobnicate", ""],
  ["", ""],
])("%j means %j", (word, known) => {
  expect(meant(word, ["purge", "status"])).toBe(known && `; did you mean ${known}?`);
});
