/** People alert on incidents: docs/OPERATIONS.md has a row for each, and code and page say the same. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { INCIDENTS } from "../shared/incidents/table.ts";
import { ROOT } from "../testing/programs.ts";

const pages = [
  ["docs/OPERATIONS.md", "Incidents"],
  ["docs/OPERATIONS.pt-br.md", "Incidentes"],
] as const;

async function rowsOf(path: string, heading: string): Promise<string[][]> {
  const page = await Bun.file(join(ROOT, path)).text();
  const section = page.split(`\n### ${heading}\n`)[1]?.split(/\n##/)[0] ?? "";
  const cells = (line: string) => line.slice(1, -1).split("|");
  return section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => cells(line).map((cell) => cell.trim()));
}

test.each(pages)(
  "every incident is a row of %s, and every row an incident, in the words of the log",
  async (path, heading) => {
    const known = Object.entries(INCIDENTS).map(([kind, { level, of, message }]) => {
      return [of === null ? `\`${kind}\`` : `\`${kind}\` (\`${of}\`)`, level, message];
    });
    const rows = await rowsOf(path, heading);
    expect(rows.map((cells) => cells.slice(0, 3)).sort()).toEqual(known.sort());
  },
);

test.each(pages)("every row of %s says what it means and what to do", async (path, heading) => {
  for (const cells of await rowsOf(path, heading)) {
    expect(cells).toHaveLength(5);
    for (const cell of cells.slice(3)) expect(cell.length).toBeGreaterThan(10);
  }
});

test("no two incidents have one message", () => {
  const messages = Object.values(INCIDENTS).map(({ message }) => message);
  expect(new Set(messages).size).toBe(messages.length);
});

test("every incident is begun by a test", async () => {
  const here = "tests/incidents.test.ts";
  const paths = Array.from(new Bun.Glob("{api,shared,tests,worker}/**/*.test.ts").scanSync(ROOT));
  const texts = await Promise.all(
    paths.filter((path) => path !== here).map((path) => Bun.file(join(ROOT, path)).text()),
  );
  const isNamed = (kind: string) => texts.some((text) => text.includes(kind));
  expect(Object.keys(INCIDENTS).filter((kind) => !isNamed(kind))).toEqual([]);
});
