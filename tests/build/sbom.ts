/**
 * Runs `bun run sbom`: the list of what the binaries are made of, by npm. It is a program of its own so
 * that it knows its arguments: npm takes any option, with a warning.
 */
import { resolve } from "node:path";
import { argumentsOrExit } from "../../shared/arguments.ts";
import { complain } from "../../shared/say.ts";

argumentsOrExit({
  usage: `usage: bun run sbom

Prints what the binaries are made of, as CycloneDX. It needs npm, which comes with Node.js.
`,
});
const npm = Bun.which("npm");
if (npm === null) {
  complain("npm is not there: it comes with Node.js");
  process.exit(1);
}
const { exitCode } = Bun.spawnSync({
  cmd: [npm, "sbom", "--sbom-format", "cyclonedx", "--omit", "dev"],
  cwd: resolve(import.meta.dir, "../.."),
  stdio: ["ignore", "inherit", "inherit"],
});
process.exit(exitCode);
