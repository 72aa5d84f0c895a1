/**
 * Runs `bun run sbom`: what the binaries are made of, as CycloneDX. npm lists the packages, and names the
 * whole by its folder; its name is package.json's, it is an application, and most of it is Bun. npm's own
 * `--omit dev` also leaves out what a dependency for development needs beside us.
 */
import packageJson from "../../package.json";
import { argumentsOrExit } from "../../shared/arguments.ts";
import { run } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";

type Part = { readonly name: string; readonly version: string };
export type Sbom = {
  readonly metadata: { readonly component: Part & { readonly type: string } };
  readonly components: readonly Part[];
  readonly dependencies: readonly {
    readonly ref: string;
    readonly dependsOn?: readonly string[];
  }[];
};

/** Rejects with what npm has to say. */
export async function sbomOf(root: string): Promise<Sbom> {
  const npm = ["npm", "sbom", "--sbom-format", "cyclonedx"];
  const { code, out, err } = await run(npm, { cwd: root });
  if (code !== 0) throw new Error(`${npm.join(" ")} failed: ${err.trim()}`);
  const { metadata, components, dependencies, ...more } = JSON.parse(out) as Sbom;
  const needed = neededBy(packageJson.dependencies, dependencies);
  const parts = components.filter((part) => needed.has(refOf(part.name, part.version)));
  const version = packageJson.devDependencies["bun-types"];
  const purl = `pkg:npm/bun@${version}`;
  const bun = { type: "platform", "bom-ref": `bun@${version}`, name: "bun", version, purl };
  const component = { ...metadata.component, name: packageJson.name, type: "application" };
  return {
    ...more,
    metadata: { ...metadata, component },
    components: [bun, ...parts],
    dependencies: dependencies.filter(({ ref }) => needed.has(ref)),
  };
}

function refOf(name: string, version: string): string {
  return `${name}@${version}`;
}

/** References of all that the binaries are made of, from what they depend on directly. */
function neededBy(
  direct: Readonly<Record<string, string>>,
  dependencies: Sbom["dependencies"],
): ReadonlySet<string> {
  const needed = new Set(Object.entries(direct).map(([name, version]) => refOf(name, version)));
  // A set gives what is added to it while it is walked.
  for (const one of needed) {
    const found = dependencies.find(({ ref }) => ref === one);
    for (const ref of found?.dependsOn ?? []) needed.add(ref);
  }
  return needed;
}

const USAGE = `usage: bun run sbom

Prints what the binaries are made of, as CycloneDX. npm has to be there.
`;

if (import.meta.main) {
  argumentsOrExit({ usage: USAGE, options: {} });
  console.log(JSON.stringify(await sbomOf(ROOT), null, 2));
}
