/** Tests that everything that is started knows its arguments, and does nothing when they are wrong. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import packageJson from "../../package.json";
import { commitIn } from "../../shared/version.ts";
import { run } from "../../testing/process.ts";
import { bareEnv, fromSource, ROOT } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";

/** Entry files that the scripts of package.json run. */
const scripts = Object.entries(packageJson.scripts).flatMap(([name, command]) => {
  const [, file] = /(?:^|&& |exec )bun (\S+\.ts)$/.exec(command) ?? [];
  return file === undefined ? [] : [[name, file, []] as const];
});
/** Commands that take a word are given one, so that the next is one too many. */
const WITH_WORD: Readonly<Record<string, string[]>> = {
  backup: ["backup", "file.db"],
  restore: ["restore", "file.db"],
};
/** Programs, and each command that the first line of their help names. */
const programs = await Promise.all(
  ["api", "worker", "simulator"].map(async (name) => {
    const { out } = await run(fromSource(`${name}.ts`, "--help"), { env: bareEnv() });
    const [, commands = ""] = /^usage: .*\[([a-z|]+)\]$/m.exec(out) ?? [];
    const before = commands.split("|").map((command) => WITH_WORD[command] ?? [command]);
    return [[], ...before].map(
      (words) => [[name, ...words].join(" "), `${name}.ts`, words] as const,
    );
  }),
);
const started: (readonly [name: string, file: string, before: readonly string[]])[] = [
  ...programs.flat(),
  ...scripts,
];

test("every script is looked at", () => {
  const names = scripts.map(([name]) => name);
  expect(names).toEqual(Object.keys(packageJson.scripts));
});

test("every program is looked at, and its commands", () => {
  expect(programs.map((one) => one.length > 1)).toEqual([true, true, true]);
});

describe.each(started)("%s", (_, file, before) => {
  const start = async (...args: string[]) => {
    using directory = temporaryDirectory();
    const env = bareEnv({ PORT: "0", HTTP_PORT: "0", LINK_PORT: "0" });
    const cwd = directory.path;
    const ended = await run(fromSource(file, ...before, ...args), { env, cwd });
    expect(readdirSync(cwd)).toEqual([]);
    return ended;
  };

  test.each([["frobnicate"], ["--frobnicate"], ["--verison"]])("takes no %s", async (argument) => {
    const { code, out, err } = await start(argument);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(/^[^\n]+ \(usage: [^\n]+\)\n$/);
    expect(err).toContain(argument);
    if (argument === "--verison") expect(err).toContain("did you mean --version?");
  });

  test("explains itself", async () => {
    const { code, out, err } = await start("--help");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^usage: [^\n]+\n\n[^]+\n$/);
  });

  test("says its version", async () => {
    const { code, out, err } = await start("--version");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const commit = commitIn(ROOT);
    expect(out).toBe(`papa-leguas ${packageJson.version}, commit ${commit}, Bun ${Bun.version}\n`);
  });
});
