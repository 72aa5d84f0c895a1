/**
 * Runs `bun run sbom`: what the binaries are made of, as CycloneDX. npm lists the packages, and names the
 * whole by its folder; its name is package.json's, it is an application, and most of it is Bun.
 */
import packageJson from "../../package.json";
import { argumentsOrExit } from "../../shared/arguments.ts";
import { run } from "../../testing/process.ts";
import { ROOT } from "../../testing/programs.ts";

type Part = { readonly name: string; readonly version: string };
export type Sbom = {
  readonly metadata: { readonly component: Part & { readonly type: string } };
  readonly components: readonly Part[];
};

/** Rejects with what npm has to say. */
export async function sbomOf(root: string): Promise<Sbom> {
  const npm = ["npm", "sbom", "--sbom-format", "cyclonedx", "--omit", "dev"];
  const { code, out, err } = await run(npm, { cwd: root });
  if (code !== 0) throw new Error(`${npm.join(" ")} failed: ${err.trim()}`);
  const { metadata, components, ...more } = JSON.parse(out) as Sbom;
  const version = packageJson.devDependencies["bun-types"];
  const purl = `pkg:npm/bun@${version}`;
  const bun = { type: "platform", "bom-ref": `bun@${version}`, name: "bun", version, purl };
  const component = { ...metadata.component, name: packageJson.name, type: "application" };
  return { ...more, metadata: { ...metadata, component }, components: [bun, ...components] };
}

const USAGE = `usage: bun run sbom

Prints what the binaries are made of, as CycloneDX. npm has to be there.
`;

if (import.meta.main) {
  argumentsOrExit({ usage: USAGE, options: {} });
  console.log(JSON.stringify(await sbomOf(ROOT), null, 2));
}
