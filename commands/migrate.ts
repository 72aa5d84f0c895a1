/**
 * Runs `worker migrate`: brings the journal to this program's format, as a worker's start does, at a time
 * that somebody chooses, and looks through all of it for damage before. A dry run reads it beside whoever
 * works there, and writes nothing.
 */
import type { Database } from "bun:sqlite";
import { argumentsOrExit } from "../shared/arguments.ts";
import { say } from "../shared/say.ts";
import { VERSION } from "../shared/version.ts";
import { FORMAT, formatOf, openToRead, refuseUnknown } from "../worker/format.ts";
import { isPostgres, shownJournal } from "../worker/journal-url.ts";
import { damageIn } from "../worker/journal/damage.ts";
import { lockJournal } from "../worker/journal/lock.ts";
import { migrate, pendingIn, type Upgrade } from "../worker/journal/migrations.ts";
import { openDatabase } from "../worker/journal/store.ts";
import { describeRange, estimate, sumOf, type Counts, type Range } from "./migrate/estimate.ts";
import { journalNamed, journalPath } from "./journal-path.ts";
import { table } from "./text-table.ts";

const USAGE = `usage: worker migrate [--dry-run]

Brings the journal that JOURNAL names to this version's format, which the start of a worker does as
well. First it is looked through for damage; then each migration is one transaction, and whoever is
interrupted goes on where it was. No worker may run. There is no way back but a backup.

  --dry-run   says what would be done and how long it takes, and writes nothing; a worker may run
  --help, --version

Exit code 0: it has this version's format or, with --dry-run, can have it. 1: it cannot.
`;

const LINE = { usage: USAGE, options: { "dry-run": { type: "boolean" } } } as const;

/** Rows are read for so long to see how fast they can be, and so many between two looks at the clock. */
const SAMPLE_MS = 1_000;
const SLICE_ROWS = 50_000;
/** Looking for damage takes about so many walks over payments. */
const CHECK_WALKS = 10;

export async function migrateByHand(args: readonly string[]): Promise<0> {
  const isDryRun = argumentsOrExit(LINE, args).values["dry-run"] === true;
  const named = journalNamed(process.env);
  if (isPostgres(named)) await migrateDatabase(named, isDryRun);
  else if (isDryRun) say(planOf(journalPath(process.env, "worker migrate")));
  else migrateAt(journalPath(process.env, "worker migrate"));
  return 0;
}

function migrateAt(path: string): void {
  const lock = lockJournal(path);
  try {
    using db = openDatabase(path, "full");
    if (pendingIn(db).length === 0) return void say(`journal ${path}: ${NOTHING}\n`);
    say(`journal ${path}: looking for damage\n`);
    const found = damageIn(db);
    if (found !== null) throw new Error(`journal ${path}: ${found}`);
    migrate(db, (upgrade) => say(`${describe(path, upgrade)}\n`));
    // The file is whole then without its log, which may stay behind.
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    say(`journal ${path}: ${NOW}\n`);
  } finally {
    lock.close();
  }
}

/** Brings a database to this program's schema; loaded only for one. */
async function migrateDatabase(url: string, isDryRun: boolean): Promise<void> {
  const { migrateAlone } = await import("../worker/journal/postgres.ts");
  const { schema, pending } = await migrateAlone(url, isDryRun);
  const name = `journal ${shownJournal(url)}`;
  if (pending.length === 0)
    return void say(`${name}: it has schema ${schema}: there is nothing to do\n`);
  const what = isDryRun ? "would be done; nothing was written" : "done";
  say(`${name}: it had schema ${schema}; ${pending.join(", ")}: ${what}\n`);
}

const NOTHING = `it has format ${FORMAT}, that of papa-leguas ${VERSION}: there is nothing to do`;
const NOW = `it has format ${FORMAT} now, that of papa-leguas ${VERSION}`;

function describe(path: string, upgrade: Upgrade): string {
  if (upgrade.kind === "step") return `${upgrade.migration}: done in ${upgrade.durationMs} ms`;
  return `journal ${path}: being upgraded from format ${upgrade.from} to ${upgrade.to}`;
}

function planOf(path: string): string {
  using db = openToRead(path, refuseUnknown);
  const pending = pendingIn(db);
  if (pending.length === 0) return `journal ${path}: ${NOTHING}\n`;
  const counts = countsIn(
    db,
    pending.flatMap(({ walks }) => ["payments", ...walks]),
  );
  const rowsPerMs = rowsPerMsIn(db);
  const check = {
    name: "check",
    what: CHECKED,
    walks: Array<string>(CHECK_WALKS).fill("payments"),
  };
  const steps = [check, ...pending].map(({ name, what, walks }) => {
    return { name, what, range: estimate(walks, counts, rowsPerMs) };
  });
  const rows = steps.map(({ name, what, range }) => [name, describeRange(range), what]);
  return `journal ${path}: format ${formatOf(db)}, with ${counts.get("payments")} payments; \
papa-leguas ${VERSION} upgrades it to format ${FORMAT}

${table(["step", "takes", "afterwards"], rows)}
${total(steps.map(({ range }) => range))}, at ${Math.round(rowsPerMs)} rows a millisecond, as this file was \
read just now. Nothing was written.
`;
}

const CHECKED = "it is known that the file is whole";

function total(ranges: readonly Range[]): string {
  return `in all ${describeRange(sumOf(ranges))}`;
}

function countsIn(db: Database, tables: readonly string[]): Counts {
  const isThere = db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?");
  const known = [...new Set(tables)].filter((name) => isThere.get(name) !== null);
  return new Map(
    known.map((name) => [
      name,
      db.query(`SELECT count(*) FROM ${name}`).values()[0]?.[0] as number,
    ]),
  );
}

/** Reads payments, all of them or as many as there is time for. */
function rowsPerMsIn(db: Database): number {
  const slice = db.prepare(
    `SELECT count(*), max(seq), sum(amount_cents) FROM
     (SELECT * FROM payments WHERE seq > ? ORDER BY seq LIMIT ${SLICE_ROWS})`,
  );
  const startMs = performance.now();
  let [all, last]: [number, number | null] = [0, 0];
  while (last !== null && performance.now() - startMs < SAMPLE_MS) {
    const [[rows, max]] = slice.values(last) as [[number, number | null]];
    all += rows;
    last = max;
  }
  return Math.max(all, 1) / (performance.now() - startMs);
}
