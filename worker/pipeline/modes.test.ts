import { expect, test } from "bun:test";
import { openInline, temporaryDirectory } from "../journal/journal.fixture.ts";
import { Bench } from "./scripted.fixture.ts";

const GROUNDS = { who: "ana", why: "ticket 7", evidence: null };
/** Not in the order in which the journal has them. */
const CONFIGURED = [
  { name: "fallback", fee: 0.15 },
  { name: "default", fee: 0.05 },
];

test("a mode is the processor's own, in whatever order processors are configured", async () => {
  using directory = temporaryDirectory();
  /** Modes that a start finds; afterwards the fallback is drained. */
  const modesAtStart = async (configured: typeof CONFIGURED) => {
    await using opened = openInline(directory.file());
    using bench = new Bench({ journal: opened.journal, configured });
    await bench.pipeline.recover();
    const modes = bench.lanes.map(({ name, mode }) => `${name} ${mode}`);
    const command = { kind: "processor", action: "drain", name: "fallback" } as const;
    void bench.pipeline.operate({ ...command, grounds: GROUNDS });
    await opened.apply({ kind: "probe" });
    return modes;
  };
  expect(await modesAtStart(CONFIGURED)).toEqual(["fallback auto", "default auto"]);
  expect(await modesAtStart(CONFIGURED)).toEqual(["fallback drained", "default auto"]);
  const reversed = CONFIGURED.toReversed();
  expect(await modesAtStart(reversed)).toEqual(["default auto", "fallback drained"]);
});
