import { expect, test } from "bun:test";
import { editedText } from "../../../simulation/planted/edits.ts";
import { drawn, generate } from "./core.ts";
import { EQUIVALENT } from "./equivalents.ts";
import { mutantsOf } from "./mutate.ts";
import { readImporters, stepsTo } from "./reach.ts";
import { add, isFound, leastOf } from "./score.ts";

/** The source as each mutant leaves it. */
function mutationsOf(text: string): string[] {
  return mutantsOf("a.ts", text).map(({ edits: [edit] }) =>
    text.replace(edit!.find, () => edit!.replace),
  );
}

test.each([
  ["x = a < b;", ["", "x = a <= b;"]],
  ["x = a === b && c;", ["", "x = a === b || c;", "x = a !== b && c;"]],
  ["x = a - Math.min(b, c);", ["", "x = a + Math.min(b, c);", "x = a - Math.max(b, c);"]],
  ["x += a;", ["", "x -= a;"]],
  ["x = !a;", ["", "x = a;"]],
  ["if (a) b();", ["if (true) b();", "if (false) b();", "if (a) ;"]],
  ["x = a ? b : c;", ["", "x = true ? b : c;", "x = false ? b : c;"]],
  ["x = 2;", ["", "x = 3;", "x = 1;", "x = 0;"]],
  ["x = 5_000;", ["", "x = 0;"]],
  ["await a();", ["", "void a();"]],
  ["{ a(); b(); }", ["{ b(); a(); }", "{ ; b(); }", "{ a(); ; }"]],
  ["throw e;", [""]],
])("%p is mutated at every place", (text, expected) => {
  const shown = expected.map((one) => (one === "" ? ";" : one));
  expect(mutationsOf(text).toSorted()).toEqual(shown.toSorted());
});

test.each([
  ["what is there for the type checker", "type A = 1 | 2; import b from 'b'; interface C { d: 3 }"],
  ["words for a person", "log.info({ id }, 'done');"],
  ["texts that are put together", "const x = `a${b}` + 'c';"],
  [
    "two waits, the second of which needs the first",
    "{ const a = await b(); const c = await d(a); }",
  ],
])("%s: not mutated", (_, text) => {
  expect(mutationsOf(text)).toEqual([]);
});

test("two alike have names of their own, and an edit finds its own place", () => {
  const text = "const a = () => {\n  b(1);\n  c();\n};\nconst d = () => {\n  b(1);\n};\n";
  const found = mutantsOf("a.ts", text);
  expect(new Set(found.map(({ name }) => name)).size).toBe(found.length);
  const inD = found.find(({ name }) => name === "a.ts d: b(1); → nothing");
  expect(text.replace(inD!.edits[0]!.find, inD!.edits[0]!.replace)).toBe(
    "const a = () => {\n  b(1);\n  c();\n};\nconst d = () => {\n  ;\n};\n",
  );
});

test("every mutant of the core can be planted, parsed, and told from the others", async () => {
  const made = await generate();
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  for (const mutant of drawn(made, 7).slice(0, 300)) {
    transpiler.transformSync(await editedText(mutant, mutant.file));
  }
  expect(new Set(made.map(({ name }) => name)).size).toBe(made.length);
  const names = new Set(made.map(({ name }) => name));
  expect([...EQUIVALENT.keys()].filter((name) => !names.has(name))).toEqual([]);
});

test("a draw is the same every time, and keeps its order when others come", async () => {
  const made = await generate();
  const few = drawn(made.slice(0, 500), 3);
  const all = drawn(made, 3);
  expect(all.filter((one) => few.includes(one))).toEqual(few);
  expect(drawn(made, 4)).not.toEqual(all);
});

test("a test that reaches a source through others is found, with its steps; a type is no step", () => {
  const importers = new Map([
    ["a.ts", ["b.ts", "a.test.ts"]],
    ["b.ts", ["c.ts", "b.ts"]],
    ["c.ts", ["a.ts", "c.test.ts"]],
  ]);
  expect([...stepsTo("a.ts", importers)]).toEqual([
    ["b.ts", 1],
    ["a.test.ts", 1],
    ["c.ts", 2],
    ["c.test.ts", 3],
  ]);
});

test("the importers of the tree are those that run a file", async () => {
  const importers = await readImporters();
  expect(importers.get("worker/queue.ts")).toContain("worker/queue.test.ts");
  expect(stepsTo("worker/queue.ts", importers).has("simulation/world.ts")).toBe(true);
  // It holds types alone.
  expect(stepsTo("worker/cluster/lead.ts", importers).size).toBe(0);
});

test("a score counts what is found by each, and by either; equivalents are none of it", () => {
  const all = [
    { name: "a", tests: "(fail) a", simulation: null },
    { name: "b", tests: null, simulation: "seed 1: b" },
    { name: "c", tests: null, simulation: null },
    { name: "d", tests: "(fail) d" },
    { name: "e", tests: null },
  ];
  expect(add(all)).toEqual({
    drawn: 5,
    equivalent: 0,
    judged: 5,
    foundByTests: 2,
    foundByEither: 3,
    simulated: 3,
    foundBySimulation: 1,
    survivors: ["c", "e"],
  });
  expect(all.map(isFound)).toEqual([true, true, false, true, false]);
});

test("the least of a sample is below the whole's share by four deviations", () => {
  expect(leastOf(60, 0.9)).toBe(44);
  expect(leastOf(60, 1)).toBe(60);
});
