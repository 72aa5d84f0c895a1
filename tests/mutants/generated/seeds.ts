/** Runs seeds of one simulated world over what is planted: `seeds.ts FIRST COUNT simulation/world.ts`. */
import { runClusterSeed } from "../../../simulation/cluster/world.ts";
import { runSeed } from "../../../simulation/world.ts";

const [first, count, world] = process.argv.slice(2);
const STEPS = 60;
const isCluster = world === "simulation/cluster/world.ts";
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  const { violation } = isCluster
    ? runClusterSeed(seed, STEPS, false)
    : runSeed({ seed, steps: STEPS, keepTrace: false });
  if (violation === null) continue;
  console.log(`seed ${seed}: ${violation}`);
  process.exit(1);
}
