/** A journal that is taken away while a worker has it ends that worker, before it says yes again. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import {
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
} from "node:fs";
import { systemClock, type Clock } from "../../shared/clock.ts";
import { accept, NAMES, temporaryDirectory, temporaryFile, uuid } from "./journal.fixture.ts";
import { openJournal } from "./turn.ts";

/** Opens a journal that reports when it is over, with time that passes when the test says so. */
async function opened(path: string) {
  const over = Promise.withResolvers<string>();
  let passedMs = 0;
  const clock: Clock = { ...systemClock, steadyMs: () => passedMs };
  const journal = await openJournal({ JOURNAL: path, JOURNAL_SYNC: "normal" }, NAMES, clock, {
    fatal: over.resolve,
  });
  const accepted = (seq: number) =>
    new Promise<unknown>((resolve) => journal.append(accept(seq), resolve));
  return {
    journal,
    accepted,
    over: over.promise,
    pass: (ms: number) => void (passedMs += ms),
    [Symbol.asyncDispose]: () => journal.close(),
  };
}

const replace = (path: string) => {
  copyFileSync(path, `${path}-new`);
  renameSync(`${path}-new`, path);
};

test.each([
  ["", "removed", rmSync],
  ["-wal", "removed", rmSync],
  ["-shm", "removed", rmSync],
  ["", "replaced", replace],
  ["-wal", "replaced", replace],
  ["-shm", "replaced", replace],
  ["", "cut short", (path: string) => truncateSync(path, 0)],
] as const)(
  "payments.db%s is noticed when it was %s, and nothing is taken any more",
  async (suffix, became, act) => {
    using file = temporaryFile();
    await using worker = await opened(file.path);
    expect(await worker.accepted(1)).toEqual({ kind: "done" });
    act(file.path + suffix);
    worker.pass(500);
    const isLogAlone = suffix !== "" && became === "removed";
    expect(await worker.over).toBe(
      `journal ${file.path}: ${file.path}${suffix} was ${became} while the worker ran; ${
        isLogAlone
          ? "start the worker again: it looks through the database, and goes on if that is whole"
          : "put it back, or restore a backup (docs/OPERATIONS.md#backup)"
      }`,
    );
    const { commits } = worker.journal.stats;
    void worker.accepted(2);
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    expect(worker.journal.commit(Number.POSITIVE_INFINITY)).toBe(false);
    expect(worker.journal.stats.commits).toBe(commits);
    expect(readFileSync(`${file.path}-trouble`, "utf8")).toContain(`was ${became} while`);
  },
);

test("a log that was removed is in the database when the worker ends", async () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  await using worker = await opened(path);
  await worker.accepted(1);
  rmSync(`${path}-wal`);
  rmSync(`${path}-shm`);
  worker.pass(500);
  await worker.over;
  expect(existsSync(`${path}-trouble`)).toBe(true);
  copyFileSync(path, directory.file("after.db"));
  await using again = await opened(directory.file("after.db"));
  expect(again.journal.head.nextSeq).toBe(2);
  using db = new Database(directory.file("after.db"));
  const hex = uuid(1).replaceAll("-", "");
  expect(db.query("SELECT lower(hex(id)) FROM payments").values()).toEqual([[hex]]);
});

test.each([
  ["to the end is lost, and what is left is refused", false],
  ["for a while is saved at the end", true],
])("a log that was removed while somebody goes on reading %s", async (_, isLeft) => {
  using file = temporaryFile();
  {
    const worker = await opened(file.path);
    await worker.accepted(1);
    using reader = new Database(file.path, { readonly: true });
    reader.run("BEGIN");
    reader.query("SELECT count(*) FROM payments").get();
    await worker.accepted(2);
    rmSync(`${file.path}-wal`);
    worker.pass(500);
    expect(await worker.over).toEndWith(
      "what was in it could not be saved; restore a backup (docs/OPERATIONS.md#backup)",
    );
    if (isLeft) reader.close();
    await worker[Symbol.asyncDispose]();
  }
  if (isLeft) {
    await using again = await opened(file.path);
    expect(again.journal.head.nextSeq).toBe(3);
  } else {
    await expect(opened(file.path)).rejects.toThrow(`journal ${file.path}: it is damaged: `);
  }
});

test("a journal behind a link is there as long as link and files are", async () => {
  using directory = temporaryDirectory();
  const [path, other] = [directory.file("link.db"), directory.file("other.db")];
  symlinkSync(directory.file("real.db"), path);
  await using worker = await opened(path);
  for (let n = 1; n < 4; n++) {
    worker.pass(500);
    expect(await worker.accepted(n)).toEqual({ kind: "done" });
  }
  copyFileSync(path, other);
  rmSync(path);
  symlinkSync(other, path);
  worker.pass(500);
  expect(await worker.over).toContain(`${path} was replaced while the worker ran`);
});

test("no journal is begun in the place of one that was removed under a worker", async () => {
  using file = temporaryFile();
  {
    await using worker = await opened(file.path);
    rmSync(file.path);
    worker.pass(500);
    await worker.over;
  }
  rmSync(`${file.path}-wal`, { force: true });
  await expect(opened(file.path)).rejects.toThrow(
    `journal ${file.path} cannot be opened: it is gone or empty, and ${file.path}-trouble says why: ` +
      "restore a backup (docs/OPERATIONS.md#backup), or remove the note to begin anew",
  );
  expect(existsSync(file.path)).toBe(false);
});

test("what was taken away while nothing is committed is noticed within a second", async () => {
  using directory = temporaryDirectory();
  const path = directory.file();
  await using worker = await opened(path);
  rmSync(path);
  worker.pass(1_000);
  expect(await worker.over).toContain("was removed");
});
