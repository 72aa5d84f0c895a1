/** Runs seeds inside `bun test`, whose coverage says which lines they met; `bun run simulate --coverage` starts it. */
import { test } from "bun:test";
import { runSeed } from "./world.ts";

const [from, to, steps] = JSON.parse(process.env["SIMULATED"] ?? "[1, 20, 60]") as number[];

test("seeds", () => {
  for (let seed = from!; seed <= to!; seed++) {
    const { violation } = runSeed({ seed, steps: steps!, keepTrace: false });
    if (violation !== null) throw new Error(`seed ${seed}: ${violation}`);
  }
}, 600_000);
