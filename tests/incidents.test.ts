/** People alert on incidents: docs/OPERATIONS.md has a row for each, and code and page say the same. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { INCIDENTS } from "../shared/incidents/table.ts";
import { ROOT } from "../testing/programs.ts";

const page = await Bun.file(join(ROOT, "docs/OPERATIONS.md")).text();
const section = page.split("\n### Incidents\n")[1]?.split("\n### ")[0] ?? "";
const rows = section
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );

test("every incident is a row of the page, and every row an incident, in the words of the log", () => {
  const known = Object.entries(INCIDENTS).map(([kind, { level, of, message }]) => {
    return [of === null ? `\`${kind}\`` : `\`${kind}\` (\`${of}\`)`, level, message];
  });
  expect(rows.map((cells) => cells.slice(0, 3)).sort()).toEqual(known.sort());
});

test("every row says what it means and what to do", () => {
  for (const cells of rows) {
    expect(cells).toHaveLength(5);
    for (const cell of cells.slice(3)) expect(cell.length).toBeGreaterThan(10);
  }
});

test("no two incidents have one message", () => {
  const messages = Object.values(INCIDENTS).map(({ message }) => message);
  expect(new Set(messages).size).toBe(messages.length);
});
