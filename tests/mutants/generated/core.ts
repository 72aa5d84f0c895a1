/** The sources of which mutants are made: what decides about payments, the link, and the API. */
import { join } from "node:path";
import { ROOT } from "../../../testing/programs.ts";
import { mutantsOf, type Generated } from "./mutate.ts";

const CORE: readonly string[] = [
  "api/**/*.ts",
  "shared/{money,payment,tariff}.ts",
  "shared/link/*.ts",
  "worker/{fee-terms,lane,ledger,payment,pipeline,processor,queue,router,summary,tariffs}.ts",
  "worker/{cluster,ledger,pipeline,processor,router}/**/*.ts",
  "worker/journal/*.ts",
];

/**
 * Tests and what only they use; entry points and threads, which nothing can load but a process of its
 * own; and what is run by hand over a journal that no worker has.
 */
const LEFT_OUT =
  /\.(?:test|fixture|contract)\.ts$|(?:^api\/(?:main|healthcheck)|-thread|link\/memory|journal\/(?:backup|draft|move|open|postgres|prune|put-back|restore))\.ts$/;

export async function generate(): Promise<Generated[]> {
  const files = CORE.flatMap((glob) => Array.from(new Bun.Glob(glob).scanSync(ROOT)));
  const sources = files.filter((file) => !LEFT_OUT.test(file)).sort();
  const made = sources.map(async (file) =>
    mutantsOf(file, await Bun.file(join(ROOT, file)).text()),
  );
  return (await Promise.all(made)).flat();
}

/** The order of a draw: it depends on the names alone, so that a mutant keeps its place as others come and go. */
export function drawn(mutants: readonly Generated[], seed: number): Generated[] {
  const place = new Map(mutants.map(({ name }) => [name, Bun.hash.xxHash32(name, seed)]));
  return mutants.toSorted((a, b) => place.get(a.name)! - place.get(b.name)!);
}
