/** Runs `bun run openapi`: the documents against their listeners, by requests that are made up. */
import { argumentsOrExit, refuseArguments } from "../../shared/arguments.ts";
import { IS_MISSING, LISTENERS, NOTE, tryExamples } from "./schemathesis.ts";

const USAGE = `usage: bun run openapi [api|worker] [--examples COUNT] [--seed N]

Requests for every operation of one or both OpenAPI documents, sound and unsound, made up by
Schemathesis and sent to a gateway of their own. Exits 1 when an answer is not as documented.

  --examples COUNT  for each operation (2000)
  --seed N          of the requests (the clock's second)
`;

const { values, words } = argumentsOrExit({
  usage: USAGE,
  commands: LISTENERS,
  wordsMax: 1,
  options: {
    examples: { type: "string", default: "2000" },
    seed: { type: "string", default: String(Math.floor(Date.now() / 1_000)) },
  },
});
const [examples, seed] = [Number(values.examples), Number(values.seed)];
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(examples) || examples < 1) {
  refuseArguments(USAGE, "--examples and --seed are whole numbers");
}
if (IS_MISSING) refuseArguments(USAGE, `nothing is tried${NOTE}`);
for (const listener of LISTENERS) {
  if (words.length > 0 && words[0] !== listener) continue;
  const { passed, said } = await tryExamples({ listener, examples, seed });
  console.log(said);
  if (!passed) process.exitCode = 1;
}
