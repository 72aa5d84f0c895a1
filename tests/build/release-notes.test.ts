import { expect, test } from "bun:test";
import packageJson from "../../package.json";
import { ROOT } from "../../testing/programs.ts";
import { releaseNotes } from "./release-notes.ts";

const CHANGELOG = `# Changelog

All of it.

## Unreleased

- Not yet.

## [0.10.0] - 2026-12-01

### Money is safe

- It is.

## 0.1.0

- First.
`;

test.each([
  ["0.10.0", "# Papa-Léguas 0.10.0\n\n### Money is safe\n\n- It is.\n"],
  ["0.1.0", "# Papa-Léguas 0.1.0\n\n- First.\n"],
  ["0.2.0", "# Papa-Léguas 0.2.0 (unreleased)\n\n- Not yet.\n"],
])("notes of %s are its section, and nothing of another", (version, notes) => {
  expect(releaseNotes(CHANGELOG, version)).toBe(notes);
});

test("a changelog that has neither gives none", () => {
  expect(releaseNotes("# Changelog\n\n## 0.3.0\n\n- Third.\n", "0.2.0")).toBeNull();
});

test("the version of this tree has notes", async () => {
  const changelog = await Bun.file(`${ROOT}/CHANGELOG.md`).text();
  expect(releaseNotes(changelog, packageJson.version)).toContain("\n- ");
});
