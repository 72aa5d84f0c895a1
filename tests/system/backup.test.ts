/** Copies are made of a worker's journal under load, and put back, by commands as an operator has them. */
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { eachOf } from "../../testing/each.ts";
import { Child, run, type Ending } from "../../testing/process.ts";
import { bareEnv, fromSource } from "../../testing/programs.ts";
import { Stack } from "../../testing/stack.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";

const directory = temporaryDirectory();
const copy = directory.file("copy.db");

let stack: Stack;
/** A payment that is in the copy. */

beforeAll(async () => {
  stack = await Stack.start({ env: { JOURNAL_SYNC: "off" } });
  await until("the gateway is ready", () => stack.gateway.isReady());
});

afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const command = (journal: string, ...args: string[]) =>
  run(fromSource("worker.ts", ...args), { env: bareEnv({ JOURNAL: `sqlite:${journal}` }) });
const ids = (count: number) => Array.from({ length: count }, () => crypto.randomUUID());
const pay = (some: string[]) => eachOf(some, (id) => stack.gateway.pay(id, 1_990));
const states = async (some: string[]) =>
  new Set(await eachOf(some, (id) => stack.gateway.stateOf(id)));

test("a copy made under load has all that was answered before it began, and works elsewhere", async () => {
  const before = ids(200);
  expect(new Set(await pay(before))).toEqual(new Set([202]));
  await until("they are settled", async () => {
    return [...(await states(before))].join() === "settled";
  });
  const window = { fromMs: 0, toMs: Date.now() };
  const sums = await stack.gateway.summary(window);
  expect(await stack.workerHttp.metric("papaleguas_backup_timestamp_seconds")).toBe("0");

  const backup = command(stack.journalPath, "backup", copy);
  const ended = new AbortController();
  void backup.then(() => ended.abort());
  const meanwhile: (number | null)[] = [];
  while (!ended.signal.aborted) meanwhile.push(...(await pay(ids(20))));
  expect(new Set(meanwhile)).toEqual(new Set([202]));
  const made = await backup;
  expect(made).toMatchObject({ code: 0 });
  expect(made.out).toMatch(/copy\.db: \d+ payments, \d+ of them open, as of \S+Z; .* whole, in/);
  const behind = await stack.workerHttp.metric("papaleguas_backup_timestamp_seconds");
  expect(Number(behind) * 1_000).toBeGreaterThanOrEqual(window.toMs);
  expect(made.out).toContain(`as of ${new Date(Number(behind) * 1_000).toISOString()};`);

  const refused = await command(stack.journalPath, "restore", copy);
  expect(refused).toMatchObject({ code: 1, out: "" });
  expect(refused.err).toEndWith(" to where JOURNAL says: a worker is using it\n");
  await stack.worker.kill();
  const withLog = await command(stack.journalPath, "restore", copy);
  expect(withLog.code).toBe(1);
  expect(withLog.err).toMatch(/-wal is there, with payments that no copy has: .+ \(mv \S+ \S+\)/);

  const elsewhere = directory.file("elsewhere.db");
  const restored = await command(elsewhere, "restore", copy);
  expect(restored).toMatchObject({ code: 0, out: expect.stringContaining("is restored: ") });
  stack.configure({ JOURNAL: `sqlite:${elsewhere}` });
  await stack.worker.startAndWait();
  await until("the gateway is ready", () => stack.gateway.isReady());
  expect(await states(before)).toEqual(new Set(["settled"]));
  expect(await stack.gateway.summary(window)).toEqual(sums);
  expect((await stack.worker.stop()).code).toBe(0);
});

test("a copy with another figure is refused, and so is a name that is taken", async () => {
  const spoilt = directory.file("spoilt.db");
  copyFileSync(copy, spoilt);
  {
    // A bit that turns over somewhere in the file may be in a place that is free.
    using db = new Database(spoilt);
    db.run("PRAGMA journal_mode = MEMORY");
    expect(db.run("UPDATE ledger SET amount_cents = amount_cents + 1").changes).toBeGreaterThan(0);
  }
  const bytes = readFileSync(spoilt);
  const place = directory.file("other.db");
  const { code, err } = await command(place, "restore", spoilt);
  expect({ code, err: err.split("\n").at(-2) }).toMatchObject({
    code: 1,
    err: expect.stringContaining(
      "spoilt.db is not restored to where JOURNAL says: the copy is damaged: ",
    ),
  });
  expect(existsSync(place)).toBe(false);
  const again = await command(copy, "backup", spoilt);
  expect(again).toMatchObject({ code: 1, err: expect.stringContaining("is there already") });
  expect(readFileSync(spoilt).equals(bytes)).toBe(true);
});

/** Starts a copy, and ends it by the signal while it is being written; again, when it was faster. */
async function endedOnItsWay(to: string, signal: "SIGKILL" | "SIGTERM"): Promise<Ending> {
  const env = bareEnv({ JOURNAL: `sqlite:${copy}` });
  await using child = new Child({ command: fromSource("worker.ts", "backup", to), env });
  const watcher = watch(directory.path, (_, name) => {
    if (name === basename(`${to}.partial`)) child.signal(signal);
  });
  child.start();
  child.untilReady().catch(() => {});
  const ending = await child.ended;
  watcher.close();
  if (ending.code !== 0) return ending;
  rmSync(to);
  return endedOnItsWay(to, signal);
}

const named = (to: string) =>
  readdirSync(directory.path).filter((name) => name.startsWith(basename(to)));

test("a copy that is killed on its way has no name, and is not in the way of the next", async () => {
  const to = directory.file("killed.db");
  expect(await endedOnItsWay(to, "SIGKILL")).toMatchObject({ signal: "SIGKILL" });
  expect(named(to)).toContain("killed.db.partial");
  expect(named(to)).not.toContain("killed.db");
  expect(await command(copy, "backup", to)).toMatchObject({ code: 0 });
  expect(named(to)).toEqual(["killed.db"]);
});

test("a copy that is ended by a signal leaves nothing", async () => {
  const to = directory.file("ended.db");
  expect(await endedOnItsWay(to, "SIGTERM")).toEqual({ code: 143, signal: null });
  expect(named(to)).toEqual([]);
});

test("one copy after the other: a failed round is a line, old ones go, SIGTERM ends it", async () => {
  const [folder, journal] = [directory.file("copies"), directory.file("payments.db")];
  mkdirSync(folder);
  const old = ["01", "02", "03"].map((day) => `payments-202601${day}T000000Z.db`);
  for (const name of [...old, `${old[0]}.partial`, "payments.db"]) {
    writeFileSync(join(folder, name), "an old one");
  }
  const args = ["backup", "--to", folder, "--every", "1s", "--keep", "2"];
  const env = bareEnv({ JOURNAL: `sqlite:${journal}` });
  await using loop = await Child.start({ command: fromSource("worker.ts", ...args), env });
  const failed = await loop.untilLine((line) => line.includes("backup failed"));
  expect(JSON.parse(failed)).toMatchObject({ level: 50, reason: expect.stringContaining(journal) });
  copyFileSync(copy, journal);
  const made = JSON.parse(await loop.untilLine((line) => line.includes("backed up")));
  expect(made).toMatchObject({ process: "backup", to: expect.stringContaining(folder) });
  for (const at of [made.newestAt, made.backupAt]) expect(new Date(at).toISOString()).toBe(at);
  expect(await loop.stop()).toMatchObject({ code: 0 });
  const kept = readdirSync(folder).sort();
  expect(kept).not.toContain(`${old[0]}.partial`);
  expect(kept).toContain("payments.db");
  const copies = kept.filter((name) => name.startsWith("payments-"));
  expect(copies).toHaveLength(2);
  expect(copies.at(-1)! > old[2]!).toBe(true);
});
