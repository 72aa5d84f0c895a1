/**
 * Selects what `bun run check --quick` runs, for someone who changes one thing: tests beside the
 * source and the tree's own rules, without those that take long.
 */
import slow from "./slow.json" with { type: "json" };

const PARTS = /^(?:api|commands|dashboard|shared|worker)\//;
/** Tests of the tree and its documents, which a change of one line may break. */
const RULES = [
  "tests/check/",
  "tests/http-table.test.ts",
  "tests/readme.test.ts",
  "tests/settings.test.ts",
  "tests/tidy.test.ts",
];

export const QUICK_SEEDS = 150;

export function isQuick(path: string): boolean {
  if (Object.hasOwn(slow.files, path)) return false;
  return PARTS.test(path) || RULES.some((rule) => path.startsWith(rule));
}

/** Says what was left out, by folder, with the number of its files. */
export function leftOut(paths: readonly string[]): string {
  const out = paths.filter((path) => !isQuick(path));
  const folders = Map.groupBy(out, (path) => folderOf(path));
  const named = Array.from(folders, ([folder, files]) => `${folder} (${files.length})`);
  return `left out: ${out.length} of ${paths.length} test files: ${named.join(", ")}; other time zones`;
}

function folderOf(path: string): string {
  return path
    .split("/")
    .slice(0, path.startsWith("tests/") ? 2 : 1)
    .join("/");
}
