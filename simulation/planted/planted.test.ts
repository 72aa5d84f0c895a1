import { expect, test } from "bun:test";
import { PLANTED_BUGS, type PlantedBug } from "./bugs.ts";
import { run } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";

/** Runs the simulation with a bug planted; the violation that it printed, or null when it found none. */
async function simulateWith(
  { name }: PlantedBug,
  from: number,
  to: number,
): Promise<string | null> {
  const command = ["--preload", "./simulation/planted/plant.ts", "simulation/simulate.ts"];
  // Another process would try later seeds in vain while this one comes to the seed that shows it.
  const { out, err, code } = await run(
    [process.execPath, ...command, "--seeds", `${from}..${to}`, "--jobs", "1", "--brief"],
    { cwd: ROOT, env: { ...process.env, PLANTED_BUG: name } },
  );
  const found = /^seed \d+: .*$/m.exec(out)?.[0];
  if (code === 1 && found !== undefined) return found;
  if (code === 0 && out.includes("no violation")) return null;
  throw new Error(`the simulation did not run: ${err}`);
}

/** Tries all seeds up to the last one: those from `seedsFrom` on, and then the earlier ones. */
async function find(bug: PlantedBug): Promise<string | null> {
  const { seedsFrom, seedsMax } = bug;
  const found = await simulateWith(bug, seedsFrom, seedsMax);
  return found === null && seedsFrom > 1 ? simulateWith(bug, 1, seedsFrom - 1) : found;
}

for (const bug of PLANTED_BUGS) {
  test(`the simulation finds: ${bug.name}`, async () => {
    const found = await find(bug);
    console.log(`  ${bug.name}: ${found}`);
    expect(found).not.toBeNull();
  });
}
