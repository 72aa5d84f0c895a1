/** Builds the compiled binaries when they are missing or older than their sources. */
import { link, stat } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../testing/process.ts";
import { fromSource, ROOT } from "../../testing/programs.ts";
import type { Programs } from "../../testing/stack.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";

const NAMES = ["worker", "api"] as const;
const SOURCES = [
  "*.ts",
  "package.json",
  "bun.lock",
  "api/**",
  "worker/**",
  "commands/**",
  "dashboard/**",
  "shared/**",
];

/** Links the binaries as they are now, also when somebody builds others meanwhile. */
export async function compiledPrograms(
  log: (text: string) => void,
): Promise<Disposable & { readonly programs: Programs }> {
  if (await isStale()) {
    log("building dist/");
    const { code, err } = await run(fromSource("tests/build.ts"), { cwd: ROOT });
    if (code !== 0) throw new Error(`the build failed:\n${err}`);
  }
  const directory = temporaryDirectory(join(ROOT, "dist"));
  for (const name of NAMES) await link(join(ROOT, "dist", name), directory.file(name));
  const [worker, api] = NAMES.map((name) => [directory.file(name)]) as [string[], string[]];
  return {
    programs: { worker, api, simulator: null },
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

async function isStale(): Promise<boolean> {
  const builtAtMs = await Promise.all(NAMES.map((name) => changedAtMs(join(ROOT, "dist", name))));
  const oldest = Math.min(...builtAtMs);
  for (const pattern of SOURCES) {
    for await (const path of new Bun.Glob(pattern).scan({ cwd: ROOT })) {
      if (/\.(test|fixture)\.ts$/.test(path)) continue;
      if ((await changedAtMs(join(ROOT, path))) > oldest) return true;
    }
  }
  return false;
}

/** Gives 0 when there is no such file. */
async function changedAtMs(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
