import { expect, test } from "bun:test";
import { availableParallelism } from "node:os";
import { MUTANTS, type Mutant } from "./mutants.ts";
import { tryAll } from "./try.ts";

test("every mutant is noticed by its test", async () => {
  const all = await tryAll(MUTANTS, availableParallelism());
  expect(all).toHaveLength(MUTANTS.length);
  expect(all.filter(({ verdict }) => verdict !== "noticed")).toEqual([]);
});

test("every mutant has a name of its own", () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});

function mutant(find: string, replace: string, named = "two is two"): Mutant {
  const edits = [{ file: "tests/mutants/subject.fixture.ts", find, replace }];
  return { name: "of a fixture", test: "tests/mutants/subject.test.ts", named, edits };
}

test("one that changes nothing survives; one that cannot be planted, parsed or seen is not tried", async () => {
  const verdictOf = async (one: Mutant) => (await tryAll([one], 1))[0]!.verdict;
  expect(await verdictOf(mutant("1 + 1", "1 + 2"))).toBe("noticed");
  expect(await verdictOf(mutant("1 + 1", "2"))).toBe("SURVIVED");
  const untried = [
    mutant("1 + 3", "2"),
    mutant("1", "2"),
    mutant("1 + 1", "1 +"),
    mutant("TWO", "THREE"),
    mutant("1 + 1", "1 + 2", "no test is called so"),
  ];
  for (const one of untried) expect(await verdictOf(one)).toBe("could not be tried");
});
