import { expect, test } from "bun:test";
import { join } from "node:path";
import { judge } from "./judge.ts";
import type { Generated } from "./mutate.ts";
import { readImporters } from "./reach.ts";
import { ROOT } from "../../../testing/programs.ts";

/** Loaded by few tests, and by no simulated world. */
const FEW = "api/workers/sites.ts";
const importers = await readImporters();
const effort = { seeds: 1, isBoth: true };

async function beginning(file: string, code: string): Promise<Generated> {
  const find = await Bun.file(join(ROOT, file)).text();
  return { file, name: `${file}: ${code}`, edits: [{ file, find, replace: `${code}\n${find}` }] };
}

test("one that changes nothing survives; one that throws is found, by both where a world loads it", async () => {
  const none = await judge(await beginning(FEW, ";"), importers, effort);
  expect(none).toEqual({ name: `${FEW}: ;`, tests: null });
  const thrown = 'if (Date.now() > 0) throw new Error("planted");';
  const found = await judge(await beginning(FEW, thrown), importers, effort);
  expect(found.tests).toContain("planted");
  const simulated = await beginning("shared/shards.ts", thrown);
  expect(await judge(simulated, importers, effort)).toEqual({
    name: simulated.name,
    tests: expect.stringContaining("planted"),
    simulation: expect.stringContaining("planted"),
  });
  const either = { ...effort, isBoth: false };
  expect((await judge(simulated, importers, either)).simulation).toBeUndefined();
});

test("a loop without an end is ended, and found", async () => {
  const endless = await beginning(FEW, "for (;;);");
  expect((await judge(endless, importers, effort)).tests).toBe("went on without an end");
});

test("what has found it before is not asked again", async () => {
  const before = { name: "before", tests: "(fail) one", simulation: "seed 1: another" };
  const mutant = await beginning("shared/shards.ts", ";");
  const after = await judge(mutant, importers, effort, before);
  expect(after).toEqual({ ...before, name: mutant.name });
});
