/** Runs seeds of this tree in the world of several workers, and plants bugs that it has to find. */
import { seedsOfTree } from "../seeds.fixture.ts";
import { expect, setDefaultTimeout, test } from "bun:test";
import { run } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";
import { editedText, filesOf } from "../planted/edits.ts";
import { CLUSTER_BUGS } from "./bugs.ts";

const SEEDS = process.env["CI"] === "true" ? 1_000 : 50;
/** Last seed that is tried with a bug: it is found by then. */
const SEEDS_MAX = 2_000;
setDefaultTimeout(900_000);

const FOUND_ONCE = [
  { seed: 1_795_898_765, what: "two starts had one number, when the database was put back" },
  {
    seed: 1_796_109_131,
    what: "a worker that had slept through a database's putting back accepted for another's shard",
  },
  {
    seed: 909_073,
    what: "a sealed worker read a shard of another's, and sent what that one had under way once more",
  },
  {
    seed: 939_088,
    what: "a worker that had slept sealed a living one, when the database had an earlier clock",
  },
  { seed: 2_597, what: "the world took a lease that was put back for one of a worker that lives" },
];

async function simulate(...args: string[]): Promise<{ code: number | null; output: string }> {
  const command = [process.execPath, "simulation/cluster/simulate.ts", ...args];
  const { code, out, err } = await run(command, { cwd: ROOT });
  return { code, output: out + err };
}

test(`${SEEDS} seeds of this tree, of several workers: nothing lost, nothing charged twice`, async () => {
  const { code, output } = await simulate("--seeds", await seedsOfTree(SEEDS));
  console.log(output.trimEnd().split("\n").slice(-40).join("\n"));
  expect(output).toContain("one in eight twice, no violation");
  expect(code).toBe(0);
});

test.each(FOUND_ONCE)("seed $seed, which once found: $what", async ({ seed }) => {
  const { code, output } = await simulate("--seed", String(seed));
  expect(output).toContain("no violation");
  expect(code).toBe(0);
});

test.each(CLUSTER_BUGS)("$name: its edits match", async (bug) => {
  for (const file of filesOf(bug)) expect(await editedText(bug, file)).not.toBe("");
});

test.each(CLUSTER_BUGS)(
  "the simulation of several workers finds: $name",
  async ({ name, seedsFrom }) => {
    const seeds = `${seedsFrom}..${SEEDS_MAX}`;
    const { code, output } = await simulate("--seeds", seeds, "--plant", name);
    const found = /^seed \d+: .*$/m.exec(output)?.[0];
    console.log(`  ${name}: ${found}`);
    expect(found).toBeDefined();
    expect(code).toBe(1);
  },
);
