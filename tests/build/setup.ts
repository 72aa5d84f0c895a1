/**
 * Runs `bun run setup`: the pinned packages, as bun.lock has them and without their install scripts. It is
 * a program of its own so that it knows its arguments; it runs before there is any package, and uses none.
 */
import { resolve } from "node:path";
import { argumentsOrExit } from "../../shared/arguments.ts";

argumentsOrExit({
  usage: `usage: bun run setup

Installs the pinned packages. The other scripts call it.
`,
});
const { exitCode } = Bun.spawnSync({
  cmd: [process.execPath, "install", "--frozen-lockfile", "--ignore-scripts", "--silent"],
  cwd: resolve(import.meta.dir, "../.."),
  stdio: ["ignore", "inherit", "inherit"],
});
process.exit(exitCode);
