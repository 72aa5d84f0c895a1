/** Loaded before the simulation: plants the bug that the environment names into what is loaded after. */
import { plugin } from "bun";
import { join } from "node:path";
import { PLANTED_BUGS } from "./bugs.ts";

const ROOT = join(import.meta.dir, "../..");
const bug = PLANTED_BUGS.find(({ name }) => name === process.env["PLANTED_BUG"]);
if (bug === undefined) throw new Error("PLANTED_BUG names no planted bug");

const files = new Set(bug.edits.map(({ file }) => file));
for (const file of files) {
  const path = join(ROOT, file);
  plugin({
    name: `plant ${file}`,
    setup(build) {
      build.onLoad({ filter: new RegExp(`^${RegExp.escape(path)}$`) }, async () => {
        let contents = await Bun.file(path).text();
        for (const edit of bug.edits.filter((one) => one.file === file)) {
          const found = contents.split(edit.find).length - 1;
          if (found !== 1) throw new Error(`${bug.name}: ${found} places in ${file}, not one`);
          contents = contents.replace(edit.find, () => edit.replace);
        }
        return { contents, loader: "ts" };
      });
    },
  });
}
