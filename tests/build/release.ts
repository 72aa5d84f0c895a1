/**
 * Makes what is handed out as a version. A binary consists of the Bun that runs it: that of another
 * machine comes from npm, at the version and with the digest that `targets/bun.lock` has.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../testing/process.ts";
import { temporaryDirectory, type TemporaryDirectory } from "../../testing/temporary.ts";
import { VERSION } from "../../shared/version.ts";
import { releaseNotes } from "./release-notes.ts";
import { sbomOf } from "./sbom.ts";

/** Names of a target's processor: npm's for it, and that of its package of Bun. */
const TARGETS = {
  "linux-x64": { cpu: "x64", bun: "@oven/bun-linux-x64" },
  "linux-arm64": { cpu: "arm64", bun: "@oven/bun-linux-aarch64" },
} as const;
export type Target = keyof typeof TARGETS;

const isTarget = (name: string): name is Target => Object.hasOwn(TARGETS, name);

/** Gives each target once, or null when one is none. */
export function targetsOf(names: readonly string[]): readonly Target[] | null {
  return names.every(isTarget) ? [...new Set(names)] : null;
}

/** Says for which machine a binary is, and where its Bun is. */
export type Elsewhere = {
  readonly target: Bun.Build.CompileTarget;
  readonly executablePath: string;
};

type CompileAll = (root: string, folder: string, elsewhere: Elsewhere) => Promise<void>;

/** Targets that an earlier run has made stay, and stay in the sums. */
export async function release(
  root: string,
  targets: readonly Target[],
  compileAll: CompileAll,
): Promise<void> {
  const dist = join(root, "dist");
  await mkdir(dist, { recursive: true });
  for (const target of targets) {
    await rm(join(dist, target), { recursive: true, force: true });
    using folder = temporaryDirectory();
    const executablePath = await fetchBun(target, folder);
    await compileAll(root, `dist/${target}`, { target: `bun-${target}`, executablePath });
  }
  const notes = releaseNotes(await Bun.file(join(root, "CHANGELOG.md")).text(), VERSION);
  if (notes === null) throw new Error(`CHANGELOG.md says nothing of ${VERSION}`);
  await Bun.write(join(dist, "RELEASE-NOTES.md"), notes);
  await Bun.write(join(dist, "sbom.json"), JSON.stringify(await sbomOf(root), null, 2));
  await Bun.write(join(dist, "SHA256SUMS"), await sumsOf(dist));
  console.log("dist/RELEASE-NOTES.md, dist/sbom.json, dist/SHA256SUMS");
}

/** Gives the path of a target's Bun, which is in `folder`. */
export async function fetchBun(target: Target, folder: TemporaryDirectory): Promise<string> {
  for (const name of ["package.json", "bun.lock"]) {
    await Bun.write(folder.file(name), Bun.file(join(import.meta.dir, "targets", name)));
  }
  const { cpu, bun } = TARGETS[target];
  const options = [
    "--frozen-lockfile",
    "--ignore-scripts",
    "--silent",
    "--os",
    "linux",
    "--cpu",
    cpu,
  ];
  const install = [process.execPath, "install", ...options];
  const { code, err } = await run(install, { cwd: folder.path });
  if (code !== 0) throw new Error(`the Bun of ${target} could not be fetched: ${err.trim()}`);
  return folder.file(`node_modules/${bun}/bin/bun`);
}

/** Writes what `sha256sum --check` reads in that folder, in the order of names. */
export async function sumsOf(dist: string): Promise<string> {
  const glob = new Bun.Glob(`{${Object.keys(TARGETS).join()}}/*`);
  const paths = [...glob.scanSync(dist), "RELEASE-NOTES.md", "sbom.json"].sort();
  const lines = paths.map(async (path) => {
    const bytes = await Bun.file(join(dist, path)).bytes();
    return `${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}  ${path}\n`;
  });
  return (await Promise.all(lines)).join("");
}
