/**
 * Looks into the journal's file, read-only: whether it and its log belong together, and how fast it
 * grows. SQLite replays whatever lies beside a database as its log, so a copy that was put back beside an
 * old log is a mixture of both, or another journal altogether. That is seen by looking twice, with the log
 * and without.
 */
import { constants, type Database } from "bun:sqlite";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { FORMAT, formatOf, openToRead } from "../../worker/format.ts";
import { damageIn } from "../../worker/journal/damage.ts";
import { refuseForeign } from "../../worker/ours.ts";
import { SqliteConnection } from "../../worker/sqlite-connection.ts";
import { metaOf } from "../../worker/journal/meta.ts";
import { whyMoved } from "../../worker/journal/moved.ts";
import { CHECKED_BYTES_MAX } from "../../worker/journal/store.ts";
import { troubleNote } from "../../worker/journal/trouble-note.ts";
import { ok, wrong, type Finding } from "./finding.ts";

const DAY_MS = 24 * 3_600_000;
/** A journal that has just begun says little about a day. */
const AGE_MS_MIN = 3_600_000;
const MOVING = "docs/CLUSTER.md#moving-a-journal";
const BACKUP = "docs/OPERATIONS.md#backup";

/** Judges a journal at which no worker is at work: one that is looks through it by itself. */
export function judgeJournal(path: string): Finding[] {
  const log = logOf(path);
  const bytes = bytesOf(path);
  if (bytes === 0) return bytesOf(log) === 0 ? [] : [lonely(path, log)];
  const note = readNote(path);
  if (note !== null) return [wrong("journal", `the last worker ended: ${note}`, BACKUP)];
  if (bytes + bytesOf(log) > CHECKED_BYTES_MAX || isNewer(path)) return [];
  const found = damageOf(() => open(path));
  const hasLog = bytesOf(log) > 0;
  if (found === null) {
    if (hasLog && !isContinued(path)) return [mixed(path, log, "has other payments with it")];
    const movedAtMs = movedAtMsOf(path);
    if (movedAtMs !== null) return [wrong("journal", whyMoved(movedAtMs), MOVING)];
    return [ok("journal", `${path} is whole${hasLog ? ", and so is its log" : ""}`)];
  }
  const isWholeAlone = hasLog && damageOf(() => openWithoutLog(path)) === null;
  return [isWholeAlone ? mixed(path, log, "is damaged with it") : wrong("journal", found, BACKUP)];
}

/** A newer format is said by whoever reads the journal (addresses.ts); nobody here can look through it. */
function isNewer(path: string): boolean {
  try {
    using db = open(path);
    return formatOf(db) > FORMAT;
  } catch {
    return false; // Looking through it finds what keeps it from being read.
  }
}

function movedAtMsOf(path: string): number | null {
  using db = open(path);
  return metaOf(db, "moved_at_ms");
}

/** True when the first and the last payment of the file alone are there with its log too: ids stay for ever. */
function isContinued(path: string): boolean {
  try {
    using alone = openWithoutLog(path);
    using all = open(path);
    const ends = alone.query(
      "SELECT seq, hex(id) FROM payments WHERE seq IN ((SELECT min(seq) FROM payments), (SELECT max(seq) FROM payments))",
    );
    const idOf = all.query("SELECT hex(id) FROM payments WHERE seq = ?");
    const rows = ends.values() as [number, string][];
    return rows.every(([seq, id]) => idOf.values(seq)[0]?.[0] === id);
  } catch {
    return true; // A file that a checkpoint was writing when it ended is whole with its log only.
  }
}

function lonely(path: string, log: string): Finding {
  const figure = `${path} is gone or empty, and its log ${log} is not`;
  return wrong("journal's log", figure, BACKUP);
}

function mixed(path: string, log: string, becomes: string): Finding {
  const figure = `${log} does not belong to ${path}, or is damaged: the file is whole without it and ${becomes}`;
  const fix = `mv ${log} ${log}.foreign  # only if the file was put back from a copy; ${BACKUP}`;
  return wrong("journal's log", figure, fix);
}

/** Bytes that a day adds at the rate of the last one; null when nothing can be said. */
export function growthPerDay(path: string, nowMs: number): number | null {
  if (!existsSync(path)) return null;
  try {
    using db = openToRead(path);
    return growthIn(db, nowMs);
  } catch {
    return null; // The journal is judged elsewhere.
  }
}

function growthIn(db: Database, nowMs: number): number | null {
  const number = (sql: string, ...values: number[]) =>
    (db.query(sql).values(...values)[0]?.[0] ?? null) as number | null;
  const acceptedFrom = (seq: number) =>
    number("SELECT accepted_at_ms FROM payments WHERE seq >= ? ORDER BY seq LIMIT 1", seq);
  const first = number("SELECT min(seq) FROM payments");
  const last = number("SELECT max(seq) FROM payments");
  if (first === null || last === null) return null;
  const bytes = number("PRAGMA page_count")! * number("PRAGMA page_size")!;
  let [low, high] = [first, last + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((acceptedFrom(middle) ?? nowMs) < nowMs - DAY_MS) low = middle + 1;
    else high = middle;
  }
  const ageMs = Math.max(AGE_MS_MIN, nowMs - (acceptedFrom(first) ?? nowMs));
  const ofLastDay = (last + 1 - low) * Math.max(1, DAY_MS / ageMs);
  return (bytes / (last + 1 - first)) * ofLastDay;
}

/** Damage of a file of any format that is known. */
function damageOf(opens: () => Database): string | null {
  try {
    using db = opens();
    refuseForeign(db);
    return damageIn(db);
  } catch (error) {
    return (error as Error).message;
  }
}

function open(path: string): Database {
  return new SqliteConnection(path, { readonly: true });
}

/** SQLite asks for no log of a file that nobody changes. */
function openWithoutLog(path: string): Database {
  const { href } = pathToFileURL(realpathSync(path));
  return new SqliteConnection(
    `${href}?immutable=1`,
    constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI,
  );
}

function logOf(path: string): string {
  return `${existsSync(path) ? realpathSync(path) : path}-wal`;
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function readNote(path: string): string | null {
  const note = troubleNote(path);
  return existsSync(note) ? readFileSync(note, "utf8").trim() : null;
}
