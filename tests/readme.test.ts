import { describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { apiSettings } from "../api/settings.ts";
import packageJson from "../package.json";
import { commonSettings, type SettingsTable } from "../shared/settings.ts";
import { simulatorSettings } from "../simulator/settings.ts";
import { workerSettings } from "../worker/settings.ts";
import { twinComplaints } from "./tidy/twins.ts";

const ROOT = resolve(import.meta.dir, "..");
const read = (path: string) => Bun.file(join(ROOT, path)).text();
const matches = (text: string, pattern: RegExp) =>
  [...new Set(Array.from(text.matchAll(pattern), ([, found]) => found as string))].sort();

const decisions = [...new Bun.Glob("docs/adr/*.md").scanSync(ROOT)].sort();
const pages = [
  "README.md",
  "README.pt-br.md",
  "CHANGELOG.md",
  ...new Bun.Glob("docs/*.md").scanSync(ROOT),
  ...decisions,
];
const documents = await Promise.all(pages.map(async (path) => ({ path, text: await read(path) })));
const textOf = (path: string) => documents.find((document) => document.path === path)?.text ?? "";

/** Pages for users: a word in capitals there is a setting. */
const OF_USERS = new Set([
  "README.md",
  "README.pt-br.md",
  "docs/OPERATIONS.md",
  "docs/OPERATIONS.pt-br.md",
]);

/** A table begins with the marker that names this command, and ends with the other one. */
const SETTINGS = /(<!-- settings: [^\n]* -->\n)[\s\S]*?(<!-- settings end -->)/;

function settingsTable(): string {
  const without = (table: SettingsTable) =>
    Object.fromEntries(Object.entries(table).filter(([name]) => !(name in commonSettings)));
  return [
    "| process | setting | default | meaning |",
    "| --- | --- | --- | --- |",
    ...rowsOf("api", without(apiSettings)),
    ...rowsOf("worker", without(workerSettings)),
    ...rowsOf("both", commonSettings),
  ]
    .map((line) => `${line}\n`)
    .join("");
}

function rowsOf(process: string, table: SettingsTable): string[] {
  return Object.entries(table).map(([name, entry]) => {
    const shown = entry.default === "" ? "none" : `\`${entry.default}\``;
    return `| ${process} | \`${name}\` | ${shown} | ${entry.meaning} |`;
  });
}

test("the settings table in the README is the one in the source (UPDATE=1 rewrites it)", async () => {
  const written = textOf("README.md");
  expect(written).toMatch(SETTINGS);
  const expected = written.replace(SETTINGS, (_, begin, end) => begin + settingsTable() + end);
  if (process.env["UPDATE"] === "1") await Bun.write(join(ROOT, "README.md"), expected);
  else expect(written).toBe(expected);
});

test("every setting that a page names exists", () => {
  const known: object = { ...apiSettings, ...workerSettings, ...simulatorSettings };
  /**
   * Words that are read by Bun, by this file, set by a login, or are names that SQLite and the kernel
   * have; then the variables of the Compose files, of the contest's script, and of an example's secret.
   */
  const others =
    /^(USER|BUN_.*|NODE_.*|SSL_CERT_FILE|MIMALLOC_.*|UPDATE|SIG[A-Z]+|SQLITE_.*)$|^(IMAGES|[A-Z]+_IMAGE|(GATEWAY|DEFAULT|FALLBACK|OPERATORS|SHOPS)_PORT|COMMIT|MAX_REQUESTS|TOKEN|STRIPE_SECRET_KEY)$/;
  for (const { path, text } of documents) {
    const named = [
      ...matches(text, /`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`/g),
      ...matches(text, /(?:^|[ `])([A-Z][A-Z0-9_]+)=/gm),
      ...(OF_USERS.has(path) ? matches(text, /`([A-Z]{2,})`/g) : []),
    ];
    const strange = named.filter((name) => !(name in known) && !others.test(name));
    expect({ path, strange }).toEqual({ path, strange: [] });
  }
});

test("every command that a page names exists, with the Bun that is pinned", () => {
  for (const { path, text } of documents) {
    const commands = matches(text, /\bbun(?:@[\d.]+)? run ([a-z][a-z-]*)/g);
    const strange = commands.filter((name) => !(name in packageJson.scripts));
    expect({ path, strange }).toEqual({ path, strange: [] });
    const versions = matches(text, /\bbun@([\d.]+\d)/g);
    expect(
      versions.filter((version) => version !== packageJson.devDependencies["bun-types"]),
    ).toEqual([]);
  }
  const listed = matches(textOf("README.md"), /^\| `bun run ([a-z-]+)[^`]*` \|/gm);
  expect(listed).toEqual(Object.keys(packageJson.scripts).sort());
});

test("every metric that a page names exists", async () => {
  const sources = [
    "api/metrics.ts",
    "worker/http/audit.ts",
    "worker/http/backup.ts",
    "worker/http/disk.ts",
    "worker/http/money-metrics.ts",
    "worker/http/server.ts",
    "worker/telemetry/metrics.ts",
  ];
  const source = (await Promise.all(sources.map(read))).join("");
  for (const { path, text } of documents) {
    const named = matches(text, /`papaleguas_([a-z_]*[a-z])(?:\{[^`]*\})?`/g);
    const missing = named.filter(
      (name) => !source.includes(`"papaleguas_${name}"`) && !source.includes(`"${name}"`),
    );
    expect({ path, missing }).toEqual({ path, missing: [] });
  }
});

describe("pages in two languages", () => {
  const page = (path: string) => ({ path, text: textOf(path) });
  const names = ["README", "docs/OPERATIONS", "docs/CONTEST"];
  const translationOf = (path: string) => path.replace(/md$/, "pt-br.md");
  const twins = names.flatMap((name) => [page(`${name}.md`), page(`${name}.pt-br.md`)]);
  const complaints = (path: string, text = textOf(path)) =>
    twinComplaints(
      { path, text },
      page(translationOf(path)),
      twins,
      // The README's table there is written from the source, in English.
      path === "README.md" ? ["Settings"] : [],
    );

  test.each(names)("%s and its translation have the same facts, section by section", (name) => {
    expect(complaints(`${name}.md`)).toEqual([]);
  });

  test.each([
    [
      "README.md",
      "## Figures\n",
      "### Figures\n",
      '"### Figures", which belongs after "Em operação"',
    ],
    [
      "README.md",
      "bun@1.4.5 run bench",
      "bun@1.4.5 run kill",
      "lacks `npx --yes bun@1.4.5 run kill`",
    ],
    ["README.md", "`PATIENCE_MS`", "its patience", "lacks `PATIENCE_MS`, which"],
    ["README.md", "](docs/SECURITY.md)", "](docs/UPGRADE.md)", "lacks a link to docs/SECURITY.md"],
    ["README.md", "](#what-is-guaranteed)", "](#http)", "lacks a link to README.md#http"],
    [
      "README.md",
      "OPERATIONS.md#audit)",
      "OPERATIONS.md#stop)",
      "lacks a link to docs/OPERATIONS.md#stop",
    ],
    ["README.md", "\n- **Forgetting.**", "\n**Forgetting.**", "lacks an item"],
    ["README.md", "\n| **Small.**", "\n**Small.**", "lacks a row with words in its first column"],
    [
      "docs/OPERATIONS.md",
      "### Disk full\n",
      "### Gone\n\n### Disk full\n",
      '"### Gone", which belongs after',
    ],
    [
      "docs/OPERATIONS.md",
      "| `clock-stepped` |",
      "| `new` |",
      'lacks a row of `new`, which "Incidents" has',
    ],
    ["docs/OPERATIONS.md", "up to 3.5 s", "up to 4.5 s", "lacks the number 4.5"],
    ["docs/CONTEST.md", "2. Make the", "Make the", "lacks a step 2."],
    ["docs/CONTEST.md", "docker compose build\n", "docker compose pull\n", "docker compose pull"],
  ])("%p: a change of %p to %p in it only is told", (path, from, to, told) => {
    const changed = textOf(path).replace(from, to);
    expect(changed).not.toBe(textOf(path));
    expect(complaints(path, changed).join("\n")).toContain(told);
  });
});

test("the list of decisions is complete, in order, and has their titles", () => {
  const titled = decisions.map((path, index) => {
    const title = /^# (.+)$/m.exec(textOf(path))?.[1] ?? "";
    expect({ path, number: Number.parseInt(title, 10) }).toEqual({ path, number: index + 1 });
    expect(path).toStartWith(`docs/adr/${String(index + 1).padStart(4, "0")}-`);
    return `- [${title}](${path.slice("docs/".length)})`;
  });
  const listed = textOf("docs/ARCHITECTURE.md")
    .split("\n")
    .filter((line) => line.includes("](adr/"));
  expect(listed).toEqual(titled);
});

test("every decision says what it answers, what follows and what was refused", () => {
  const parts = ["Context", "Decision", "Consequences", "Refused alternatives"];
  // The first decision is a list of packages, each with what it is in for and instead of what.
  for (const path of decisions.slice(1)) {
    const headings = matches(textOf(path), /^## (.+)$/gm);
    expect({ path, headings }).toEqual({ path, headings: parts.toSorted() });
  }
});
