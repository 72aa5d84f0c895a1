import { expect, test } from "bun:test";
import { join } from "node:path";
import { judgeRules } from "./rules.ts";

const ROOT = join(import.meta.dir, "../..");
const config = await Bun.file(join(ROOT, "haproxy.cfg")).text();

test.each(["haproxy.cfg", "deploy/haproxy.cfg"])("our own %s has every rule", async (path) => {
  const judged = judgeRules(await Bun.file(join(ROOT, path)).text());
  expect(judged.filter(({ verdict }) => verdict !== "ok")).toEqual([]);
});

test.each([
  ["readiness of APIs", "uri /readyz"],
  ["whole requests", "option http-buffer-request"],
  ["repeats", "retry-on conn-failure"],
  ["length of bodies", "status 413"],
  ["paths in normal form", "path_sub"],
  ["event streams", "set-timeout server"],
])("without its rule, or with it behind a #, %s are missed", (name, words) => {
  expect(config.split(words)).toHaveLength(2);
  const without = config.split("\n").map((line) => (line.includes(words) ? `# ${line}` : line));
  const missed = judgeRules(without.join("\n")).filter(({ verdict }) => verdict === "warning");
  expect(missed.map((one) => one.name)).toEqual([`load balancer: ${name}`]);
  // The line that mends it is taken for the rule.
  const mended = missed[0]!.fix!.replaceAll("; ", "\n");
  expect(judgeRules(`${without.join("\n")}\n${mended}`)).toEqual(judgeRules(config));
});

test("a rule that lets operators' calls through to everybody is wrong", () => {
  const open = `${config}\n    use_backend worker if { path_beg /operator/ }\n`;
  expect(judgeRules(open).filter(({ verdict }) => verdict === "wrong")).toMatchObject([
    { name: "load balancer: operators' calls", figure: expect.stringContaining("/operator/") },
  ]);
});
