/** What is run: the compiled binaries, built when they are missing or older than their sources. */
import { link, mkdtemp, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");
const NAMES = ["worker", "api"] as const;
const SOURCES = ["*.ts", "package.json", "bun.lock", "api/**", "worker/**", "shared/**"];

export type Programs = AsyncDisposable & {
  readonly worker: readonly string[];
  readonly api: readonly string[];
};

export function sourcePrograms(): Programs {
  const command = (name: string) => [process.execPath, join(ROOT, `${name}.ts`)];
  return { worker: command("worker"), api: command("api"), [Symbol.asyncDispose]: async () => {} };
}

/** The binaries as they are now, also when somebody builds others meanwhile. */
export async function compiledPrograms(log: (text: string) => void): Promise<Programs> {
  if (await isStale()) {
    log("building dist/");
    const build = [process.execPath, join(ROOT, "tests/build.ts")];
    const { exitCode, stderr } = Bun.spawnSync(build, { cwd: ROOT, stdout: "ignore" });
    if (exitCode !== 0) throw new Error(`the build failed:\n${stderr.toString()}`);
  }
  const directory = await mkdtemp(join(ROOT, "dist/kill-"));
  const [worker, api] = await Promise.all(
    NAMES.map(async (name) => {
      const path = join(directory, name);
      await link(join(ROOT, "dist", name), path);
      return [path];
    }),
  );
  return {
    worker: worker as string[],
    api: api as string[],
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
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

/** 0 when there is no such file. */
async function changedAtMs(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
