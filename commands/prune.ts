/**
 * Runs `worker prune`: settled payments of before an instant are forgotten, but for their ids. A worker has
 * the ledger in memory, so none may run; a dry run only reads.
 */
import { statSync } from "node:fs";
import type { Database } from "bun:sqlite";
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { decimalFromCents } from "../shared/money.ts";
import { complain, say } from "../shared/say.ts";
import { openToRead } from "../worker/format.ts";
import { parseInstant } from "../worker/http/window.ts";
import { damageIn } from "../worker/journal/damage.ts";
import { lockJournal } from "../worker/journal/lock.ts";
import { planPrune, prune, stepsOf, type PrunePlan } from "../worker/journal/prune.ts";
import { openDatabase } from "../worker/journal/store.ts";
import { mb, Progress, type Unit } from "./backup/progress.ts";
import { refuseWithoutRoom } from "./backup/space.ts";
import { journalPath } from "./journal-path.ts";
import { table } from "./text-table.ts";

const USAGE = `usage: worker prune --before INSTANT [--dry-run] [--untold] [--vacuum]

Forgets settled payments that were requested before the instant: their rows of the ledger, their times
and attempts. Ids, amounts, processors and the decisions of operators stay, so that a repeated id is never
charged again; what is not settled stays as it is. Sums of windows that begin earlier are refused afterwards. No worker
may run. There is no way back but a backup: make one first (docs/RESTORE.md).

  --before INSTANT  as 2026-01-31T06:30:00-03:00, or with Z
  --dry-run         says what would be forgotten, and writes nothing; a worker may run
  --untold          forgets also what webhooks have not told a shop yet; without it that stays, by whole
                    blocks of 256, until it is told or the shop has ended the subscription
  --vacuum          writes the file anew afterwards, so that it becomes smaller; it needs its size twice as
                    room meanwhile, in the system's temporary folder and beside it. Without it the room is
                    used by new payments
  --help, --version

Exit code 0: done, or nothing to do. 1: it could not be done; what was interrupted goes on the next time.
`;

const LINE = {
  usage: USAGE,
  options: {
    before: { type: "string" },
    "dry-run": { type: "boolean" },
    untold: { type: "boolean" },
    vacuum: { type: "boolean" },
  },
} as const;

const ROWS: Unit = { name: "rows", say: (rows) => String(Math.round(rows)), last: "" };

export async function pruneByHand(args: readonly string[]): Promise<0> {
  const { values } = argumentsOrExit(LINE, args);
  const beforeMs = instantOf(values.before, Date.now());
  const path = journalPath(process.env, "worker prune");
  const how = { forgetsUntold: values.untold === true };
  if (values["dry-run"]) say(describe(path, planAt(path, beforeMs, how), "would be forgotten"));
  else pruneAt(path, beforeMs, how, values.vacuum === true);
  return 0;
}

function instantOf(given: string | undefined, nowMs: number): number {
  if (given === undefined) return refuseArguments(USAGE, "it is not said before which instant");
  const read = parseInstant("--before", given);
  if ("reason" in read) return refuseArguments(USAGE, read.reason);
  if (read.atMs > nowMs) return refuseArguments(USAGE, "--before lies in the future");
  return read.atMs;
}

type How = Parameters<typeof planPrune>[2];

function planAt(path: string, beforeMs: number, how: How): PrunePlan {
  using db = openToRead(path);
  return planPrune(db, beforeMs, how);
}

function pruneAt(path: string, beforeMs: number, how: How, isVacuum: boolean): void {
  const lock = lockJournal(path);
  try {
    // Throws for another format, which is not to be written to.
    openToRead(path).close();
    using db = openDatabase(path, "full");
    say(`journal ${path}: looking for damage\n`);
    const found = damageIn(db);
    if (found !== null) throw new Error(`journal ${path}: ${found}`);
    const plan = planPrune(db, beforeMs, how);
    forget(db, plan);
    say(describe(path, plan, "are forgotten"));
    if (isVacuum) vacuum(db, path);
    // The file is whole then without its log, which may stay behind.
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    say(sizeOf(db, path));
  } finally {
    lock.close();
  }
}

function forget(db: Database, plan: PrunePlan): void {
  const progress = new Progress(stepsOf(plan), performance.now(), complain, ROWS);
  for (const done of prune(db, plan)) progress.at(performance.now(), done);
}

function vacuum(db: Database, path: string): void {
  refuseWithoutRoom(path, statSync(path).size);
  say(`journal ${path}: being written anew\n`);
  db.run("VACUUM");
}

function describe(path: string, plan: PrunePlan, what: string): string {
  const { sums, attempts, moved, untold, bytes, exactFromMs } = plan;
  const kept = plan.kept - (untold.stay ? untold.payments : 0);
  const before = new Date(plan.beforeMs).toISOString();
  const payments = sums.reduce((all, sum) => all + sum.payments, 0);
  const cents = sums.reduce((all, sum) => all + sum.cents, 0);
  const exact = exactFromMs === null ? "the beginning" : new Date(exactFromMs).toISOString();
  const rows = sums.map((sum) => [sum.processor, sum.payments, decimalFromCents(sum.cents)]);
  const lines = [
    `journal ${path}: ${payments} payments of ${decimalFromCents(cents)}, requested before ${before}, ${what}`,
    `with ${attempts} attempts, about ${mb(bytes)} MB; their ids stay known`,
    `${kept} settled ones that are as old stay: sums go by whole blocks of 256`,
    ...(moved === 0 ? [] : [`${moved} among them that are dated later stay, behind the newest`]),
    ...(untold.payments === 0 ? [] : [untoldText(untold)]),
    `sums are exact from ${exact} on, and audits begin there`,
  ];
  const listed = rows.length === 0 ? "" : `\n${table(["PROCESSOR", "PAYMENTS", "AMOUNT"], rows)}`;
  return `${lines.join("\n")}\n${listed}`;
}

function untoldText({ payments, stay }: PrunePlan["untold"]): string {
  return stay
    ? `${payments} more stay: their shop was not told of them yet (worker operator webhooks); --untold forgets them`
    : `of ${payments} among them their shop was never told, and will not be`;
}

function sizeOf(db: Database, path: string): string {
  const value = (name: string) => (db.query(`PRAGMA ${name}`).values()[0] as [number])[0];
  const free = value("freelist_count") * value("page_size");
  return `the file has ${mb(statSync(path).size)} MB, of which ${mb(free)} MB are free for new payments\n`;
}
