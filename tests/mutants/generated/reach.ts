/** Finds which tests run a source, and how near they are to it: what they import, and what that imports. */
import { join } from "node:path";
import { ROOT } from "../../../testing/programs.ts";
import { resolveFrom } from "../../tidy/tree.ts";

/** Importers of each file, by its path from the root. Types are no imports: they run nothing. */
export type Importers = ReadonlyMap<string, readonly string[]>;

const SOURCES = new Bun.Glob("{api,commands,shared,simulation,simulator,testing,worker}/**/*.ts");
const transpiler = new Bun.Transpiler({ loader: "ts" });

export async function readImporters(): Promise<Importers> {
  const importers = new Map<string, string[]>();
  for await (const path of SOURCES.scan(ROOT)) {
    const text = await Bun.file(join(ROOT, path)).text();
    for (const { path: specifier } of transpiler.scanImports(text)) {
      if (!specifier.startsWith(".")) continue;
      const target = resolveFrom(path, specifier);
      importers.set(target, [...(importers.get(target) ?? []), path]);
    }
  }
  return importers;
}

/** All files that load the source, and in how many steps: 1 imports it, 2 imports such a one. */
export function stepsTo(file: string, importers: Importers): Map<string, number> {
  const steps = new Map([[file, 0]]);
  for (const [path, far] of steps) {
    for (const importer of importers.get(path) ?? []) {
      if (!steps.has(importer)) steps.set(importer, far + 1);
    }
  }
  steps.delete(file);
  return steps;
}
