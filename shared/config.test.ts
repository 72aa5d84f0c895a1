import { afterEach, expect, test } from "bun:test";
import { applyConfig, parseConfig, placeOf } from "./config.ts";
import { describeInForce, strangerIn, warningOf } from "./config-check.ts";
import { commonSettings, integer, readSettings, setting, text } from "./settings.ts";
import { temporaryFile } from "../testing/temporary.ts";

function parsed(content: string): Record<string, string> | string {
  const result = parseConfig(content);
  if (!result.ok) return `${result.line}: ${result.reason}`;
  return Object.fromEntries([...result.entries].map(([name, { value }]) => [name, value]));
}

test.each([
  ["A=1\nB=2\n", { A: "1", B: "2" }],
  ["A=1\r\nB=2", { A: "1", B: "2" }],
  ["# a comment\n  ; another\n\n \t\nA=1", { A: "1" }],
  ["  A = 1 2 \t", { A: "1 2" }],
  ["A=", { A: "" }],
  ["A=a=b#c;d # e", { A: "a=b#c;d # e" }],
  ["A='  b \\n \" $C '", { A: '  b \\n " $C ' }],
  ['A="  b \' \\" \\\\ \\$ \\` \\n "', { A: "  b ' \" \\ $ ` \\n " }],
  ["A=a\\\\b\\c", { A: "a\\bc" }],
  ["A=$HOME`ls`", { A: "$HOME`ls`" }],
  ["A=it's", { A: "it's" }],
])("%j is %p, as with systemd", (content, values) => {
  expect(parsed(content)).toEqual(values);
});

test.each([
  ["A=1\nhush", "2: there is no = in it"],
  ["\nexport A=1", "2: export is a word of shells: only NAME=value stands here"],
  ["aHVzaA==", "1: what stands before = is no name of a setting, in capitals"],
  ["=hush", "1: what stands before = is no name of a setting, in capitals"],
  ["A=1\n#\nA=2", "3: A is there already, in line 1"],
  ['A="hush', "1: A: a quote or a \\ at its end has nothing that ends it in this line"],
  ["A='hush' # no", "1: A: a quote or a \\ at its end has nothing that ends it in this line"],
  ["A=hush\\\nB=1", "1: A: a quote or a \\ at its end has nothing that ends it in this line"],
])("the mistake in %j is said with its line, and without its value", (content, sentence) => {
  expect(parsed(content)).toBe(sentence);
  expect(sentence).not.toContain("hush");
});

const table = { ...commonSettings, PORT: setting("80", "", integer(0, 99)), LIST: anyText() };
function anyText() {
  return setting("", "", text());
}

function fileOf(content: string, mode = 0o600) {
  const result = parseConfig(content);
  if (!result.ok) throw new Error(result.reason);
  return { path: "a.env", mode, entries: result.entries };
}

test("a name that is none is said with what it may have been", () => {
  const known = Object.keys(table);
  expect(strangerIn(fileOf("PORT=1\nLINK_SECERT=a"), known)).toBe(
    "a.env:2: there is no setting LINK_SECERT here; did you mean LINK_SECRET?",
  );
  expect(strangerIn(fileOf("PORT=1\nLINK_SECRET=a"), known)).toBeNull();
});

test.each([
  ["LINK_SECRET=a", 0o644, "LINK_SECRET"],
  ["LIST=a=http://a;fee=0;audit-token=hush\nLINK_SECRET=a", 0o604, "LIST, LINK_SECRET"],
  ["LIST=postgres://ana:hush@host/db", 0o644, "LIST"],
  ["LIST=postgres://ana@host/db", 0o644, null],
  ["LINK_SECRET=a", 0o640, null],
  ["LINK_SECRET=\nPORT=1", 0o644, null],
])("a file with %p that is %o warns of %p", (content, mode, names) => {
  const warning = warningOf(fileOf(content, mode), table);
  if (names === null) expect(warning).toBeNull();
  else expect(warning).toContain(`has secrets (${names}) that everybody may read`);
});

test("a password in a URL is not among the settings in force", () => {
  expect(describeInForce({ LIST: anyText() }, { LIST: "postgres://ana:hu@sh@host:5/db" })).toBe(
    "LIST  environment  postgres://ana:set@host:5/db\n",
  );
});

/** The file belongs to the process, which other tests share. */
afterEach(() => applyConfig([], {}));

test("the environment wins where it has something, and each setting tells where it is from", async () => {
  using file = temporaryFile();
  await Bun.write(
    file.path,
    "LINK_SECRET=hush\nLIST=a;audit-token=hush,b\nPORT=100\nLOG_LEVEL=warn\n",
  );
  const env: Record<string, string> = { LOG_LEVEL: "error", LIST: "", PORT: "7" };
  const argv = ["bun", "api.ts", "settings", "--config", file.path];
  applyConfig(argv, env);
  expect(argv).toEqual(["bun", "api.ts", "settings"]);
  expect(env).toEqual({
    LINK_SECRET: "hush",
    LIST: "a;audit-token=hush,b",
    PORT: "7",
    LOG_LEVEL: "error",
  });
  const width = `${file.path}:1`.length;
  expect(describeInForce({ ...table, OTHER: anyText() }, env)).toBe(
    [
      `LINK_SECRET  ${file.path}:1  set`,
      `LOG_LEVEL    ${"environment".padEnd(width)}  error`,
      `PORT         ${"environment".padEnd(width)}  7`,
      `LIST         ${file.path}:2  a;audit-token=set,b`,
      `OTHER        ${"default".padEnd(width)}  not set`,
      "",
    ].join("\n"),
  );
  expect(placeOf("PORT")).toBeNull();
  expect(readSettings({ LIST: setting("", "", integer(0, 1), "secret") }, env)).toEqual({
    ok: false,
    reason: `${file.path}:2: LIST: the value given is not a whole number from 0 to 1`,
  });
});
