/** Tries what Schemathesis makes up, with few examples; `bun run openapi` tries more. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { IS_MISSING, LISTENERS, NOTE, tryExamples } from "./schemathesis.ts";

/** Each takes a core for some ten seconds, on a machine that others use, too. */
setDefaultTimeout(600_000);

describe.skipIf(IS_MISSING).concurrent(`made-up requests${NOTE}`, () => {
  test.each(LISTENERS)(
    "to the listener of the %s are answered as its document says",
    async (listener) => {
      const { passed, said } = await tryExamples({ listener, examples: 2, seed: 20_260_105 });
      expect(passed, said).toBe(true);
    },
  );
});
