/**
 * Runs `bun run fuzz`: a million inputs from a seed to everything that reads what comes from
 * outside. Exits 1 with the seed on the first input that is taken wrongly or throws.
 */
import { argumentsOrExit, refuseArguments } from "../../shared/arguments.ts";
import { Chance } from "../../simulation/world/chance.ts";
import { fuzzClient, fuzzServer } from "./datagrams.ts";
import { fuzzAnswers, fuzzBodies, fuzzSettings, fuzzWindows } from "./texts.ts";

/** Parts of a million; a datagram's share counts once, although each comes with its valid twin. */
const TARGETS = [
  { name: "datagrams to the worker", share: 0.25, run: fuzzServer },
  { name: "datagrams to an API", share: 0.1, run: fuzzClient },
  { name: "request bodies", share: 0.3, run: fuzzBodies },
  { name: "summary windows", share: 0.1, run: fuzzWindows },
  { name: "processor answers", share: 0.2, run: fuzzAnswers },
  { name: "processor settings", share: 0.05, run: fuzzSettings },
];

const USAGE = `usage: bun run fuzz [--seed N] [--inputs COUNT]

Inputs to everything that reads what comes from outside. Exits 1 with the seed on the first that is
taken wrongly or throws.

  --seed N        of the inputs (the clock's second)
  --inputs COUNT  how many (1000000)
`;

const { values } = argumentsOrExit({
  usage: USAGE,
  options: {
    seed: { type: "string", default: String(Math.floor(Date.now() / 1_000)) },
    inputs: { type: "string", default: "1000000" },
  },
});
const seed = Number(values.seed);
const inputs = Number(values.inputs);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(inputs)) {
  refuseArguments(USAGE, "--seed and --inputs are whole numbers");
}

console.log(`seed ${seed}`);
for (const { name, share, run } of TARGETS) {
  const count = Math.ceil(inputs * share);
  const startedAtMs = performance.now();
  try {
    run(new Chance(seed), count);
  } catch (error) {
    console.error(error);
    console.log(`${name}: failed; repeat: bun run fuzz --seed ${seed} --inputs ${inputs}`);
    process.exit(1);
  }
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  console.log(`${name}: ${count} inputs in ${seconds} s`);
}
