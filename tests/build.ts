/**
 * Compiles `dist/api`, `dist/worker` and `dist/simulator`: single binaries, nothing else to ship. With
 * `--target` it makes a release, for this machine or another: binaries, notes, SBOM, checksums.
 *
 * A thread is started by the module beside it, in one form that works from source and compiled:
 *
 *     new Worker(new URL("./http-thread.ts", import.meta.url).href)
 *
 * In a binary every module's `import.meta.url` is the binary's flat root, whatever folder its source
 * was in. So the threads are laid out flat as well (`naming`), and their file names must differ.
 */
import { unlink } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { commitIn } from "../shared/version.ts";
import type { Elsewhere } from "./build/release.ts";

export type Binary = {
  readonly name: string;
  readonly entry: string;
  /** Threads that the binary starts; a glob, or nothing. */
  readonly threads?: string;
};

const BINARIES: readonly Binary[] = [
  { name: "api", entry: "api.ts" },
  { name: "worker", entry: "worker.ts", threads: "worker/**/*-thread.ts" },
  { name: "simulator", entry: "simulator.ts" },
];

/** Compiles a binary and gives its path. Rejects with what the bundler has to say. */
export async function compile(
  root: string,
  binary: Binary,
  outDirectory: string,
  elsewhere?: Elsewhere,
): Promise<string> {
  const threads = binary.threads ? [...new Bun.Glob(binary.threads).scanSync(root)].sort() : [];
  const clash = firstRepeated([binary.entry, ...threads].map((path) => basename(path)));
  if (clash !== null) throw new Error(`${binary.name}: two entry points are named ${clash}`);

  const outfile = join(outDirectory, binary.name);
  const result = await Bun.build({
    entrypoints: [binary.entry, ...threads].map((path) => join(root, path)),
    naming: { entry: "[name].[ext]" },
    target: "bun",
    format: "esm",
    minify: true,
    bytecode: true,
    sourcemap: "linked",
    // Where there is no repository, as in a container, whoever builds says which commit it is.
    define: { BUILT_OF_COMMIT: JSON.stringify(process.env["COMMIT"] || commitIn(root)) },
    // The environment is the only source of settings: no file in the working directory adds to it.
    compile: { outfile, autoloadDotenv: false, autoloadBunfig: false, ...elsewhere },
  });
  // The binary carries its source maps; the copies beside it are not needed.
  await Promise.all(
    result.outputs.filter(({ path }) => path.endsWith(".map")).map(({ path }) => unlink(path)),
  );
  return outfile;
}

export function firstRepeated(names: readonly string[]): string | null {
  return names.find((name, index) => names.indexOf(name) !== index) ?? null;
}

/** Compiles all of them into a folder, with a line for each. */
async function compileAll(root: string, folder: string, elsewhere?: Elsewhere): Promise<void> {
  for (const binary of BINARIES) {
    const startedAtMs = performance.now();
    const path = await compile(root, binary, join(root, folder), elsewhere);
    const megabytes = (Bun.file(path).size / 1e6).toFixed(0);
    const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
    console.log(`${folder}/${binary.name.padEnd(9)}  ${megabytes} MB  ${seconds} s`);
  }
}

const USAGE = `usage: bun run build [--target linux-x64] [--target linux-arm64]

Compiles dist/api, dist/worker and dist/simulator for this machine.

  --target TARGET  makes a release instead: the three in dist/TARGET, with the Bun of that target, which
                   is fetched from npm; and dist/RELEASE-NOTES.md, dist/sbom.json, dist/SHA256SUMS
  --help, --version
`;

if (import.meta.main) {
  const { values } = argumentsOrExit({
    usage: USAGE,
    options: { target: { type: "string", multiple: true } },
  });
  const root = resolve(import.meta.dir, "..");
  if (values.target === undefined) await compileAll(root, "dist");
  else {
    // An image is built without what a release needs.
    const { release, targetsOf } = await import("./build/release.ts");
    const targets =
      targetsOf(values.target) ?? refuseArguments(USAGE, "--target is linux-x64 or linux-arm64");
    await release(root, targets, compileAll);
  }
}
