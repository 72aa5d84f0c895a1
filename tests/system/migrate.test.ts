/** Tests the upgrade of a journal from outside: by hand, by a start, and what is refused. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { version } from "../../package.json";
import { run } from "../../testing/process.ts";
import { bareEnv, fromSource, ROOT } from "../../testing/programs.ts";
import { siteFor, Stack } from "../../testing/stack.ts";
import { temporaryDirectory, temporaryFile } from "../../testing/temporary.ts";
import { FORMAT } from "../../worker/format.ts";
import { writtenBy } from "../../worker/journal/migrations.fixture.ts";

const STEPS = [
  "0001-tables",
  "0002-attempts-left-out",
  "0003-addresses",
  "0004-copies",
  "0005-pruned",
  "0006-unsettled",
  "0007-tariffs",
  "0008-carried",
  "0009-webhooks",
  "0010-codes",
  "0011-codes-apart",
];

function worker(path: string, ...args: string[]) {
  const env = bareEnv({
    JOURNAL: `sqlite:${path}`,
    PROCESSORS: "default=http://127.0.0.1:1;fee=0.05",
  });
  return run(fromSource("worker.ts", ...args), { cwd: ROOT, env });
}

test("a dry run says what would be done and writes nothing; the command does it, once", async () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  writtenBy("0230981", path);
  const before = readFileSync(path);

  const planned = await worker(path, "migrate", "--dry-run");
  expect([planned.code, planned.err]).toEqual([0, ""]);
  expect(planned.out).toContain(
    `format 0, with 48 payments; papa-leguas ${version} upgrades it to format ${FORMAT}`,
  );
  for (const step of STEPS) expect(planned.out).toMatch(new RegExp(`^${step} +less than`, "m"));
  expect(planned.out).toMatch(
    /^in all (?:less than a second|0 to 2 s), at \d+ rows a millisecond/m,
  );
  expect(readFileSync(path)).toEqual(before);
  expect(readdirSync(directory.path)).toEqual(["payments.db"]);

  const doctor = await worker(path, "doctor", "--json");
  expect(JSON.parse(doctor.out)).toMatchObject({
    findings: expect.arrayContaining([
      expect.objectContaining({
        name: "journal",
        verdict: "warning",
        figure: expect.stringContaining("it is of format 0"),
        fix: expect.stringContaining("worker migrate --dry-run"),
      }),
    ]),
  });

  const done = await worker(path, "migrate");
  expect([done.code, done.err]).toEqual([0, ""]);
  for (const step of STEPS) expect(done.out).toMatch(new RegExp(`^${step}: done in \\d+ ms$`, "m"));
  expect(done.out).toContain(`it has format ${FORMAT} now`);
  // The file is whole without its log.
  expect(readFileSync(path).readUInt32BE(60)).toBe(FORMAT);
  for (const args of [["migrate"], ["migrate", "--dry-run"]]) {
    const again = await worker(path, ...args);
    expect([again.code, again.out]).toEqual([0, expect.stringContaining("nothing to do")]);
  }
});

test("a start upgrades, says each step and answers for every payment; meanwhile the command is refused", async () => {
  await using stack = new Stack(await siteFor({ apis: 0, env: { JOURNAL_SYNC: "off" } }));
  writtenBy("0230981", stack.journalPath);
  await stack.worker.startAndWait();
  const lines = stack.worker.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.find(({ msg }) => msg === "the journal is being upgraded")).toMatchObject({
    from: 0,
    to: FORMAT,
  });
  const steps = lines.filter(({ msg }) => msg === "upgraded the journal");
  expect(steps.map(({ migration }) => migration)).toEqual(STEPS);
  for (const { durationMs } of steps) expect(durationMs).toBeNumber();

  const id = "4a7901b8-7d26-4d9d-aa19-000000000001";
  const known = await fetch(`${stack.workerHttp.url}/payments/${id}`);
  expect(await known.json()).toMatchObject({ status: "settled", amount: 10.07 });

  const refused = await worker(stack.journalPath, "migrate");
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("a worker is using it")]);
  expect((await worker(stack.journalPath, "migrate", "--dry-run")).out).toContain("nothing to do");
});

test("a newer format is refused by the start and by every command, with both versions", async () => {
  using file = temporaryFile();
  writtenBy("1668a0c", file.path);
  {
    using db = new Database(file.path);
    db.run("PRAGMA journal_mode = DELETE");
    db.run(`PRAGMA user_version = ${FORMAT + 1}`);
  }
  const before = readFileSync(file.path);
  for (const args of [[], ["migrate"], ["migrate", "--dry-run"], ["doctor"]]) {
    const { code, out, err } = await worker(file.path, ...args);
    expect([args, code]).toEqual([args, 1]);
    expect(out + err).toContain(
      `of format ${FORMAT + 1}, and this is papa-leguas ${version}, which knows formats up to ${FORMAT}`,
    );
  }
  expect(readFileSync(file.path)).toEqual(before);
});
