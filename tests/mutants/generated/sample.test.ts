/**
 * Judges a sample of the generated mutants, chosen by the tree that is checked out: each change meets others,
 * and who runs the tests of one tree again meets the same. A survivor alone fails nothing, since nobody has
 * seen it before and a change cannot wait for it; fewer found than the stored draw's share at first allows do.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { availableParallelism } from "node:os";
import { drawn, generate } from "./core.ts";
import { EQUIVALENT } from "./equivalents.ts";
import { judgeAll } from "./run.ts";
import { isFound, leastOf, type Score } from "./score.ts";
import score from "./score.json" with { type: "json" };
import { seedOfTree } from "../../../simulation/seeds.fixture.ts";

/** CI takes 60; a run by hand takes a taste. */
const COUNT = process.env["CI"] === "true" ? 60 : 12;
const SEEDS = 20;
setDefaultTimeout(900_000);

test(`of ${COUNT} mutants of this tree about as many are found as of the whole draw`, async () => {
  const { drawn: whole, foundAtFirst }: Score = score;
  const made = (await generate()).filter(({ name }) => !EQUIVALENT.has(name));
  const sample = drawn(made, await seedOfTree()).slice(0, COUNT);
  const all = await judgeAll(sample, { seeds: SEEDS, isBoth: false }, availableParallelism());
  const survivors = all.filter((one) => !isFound(one));
  for (const { name } of survivors) console.log(`  SURVIVED: ${name}`);
  expect(all).toHaveLength(COUNT);
  expect(COUNT - survivors.length).toBeGreaterThanOrEqual(leastOf(COUNT, foundAtFirst / whole));
});
