/**
 * The number of the journal's format: programs know by it whether they can read a file at all. It stands
 * twice, as `user_version` in the file's header and as `schema` in `meta`, where programs of before the
 * number look, which refuse another one than 1.
 *
 *   0        a file without tables, or a journal of before the number, whatever it has
 *   1 to 11  what the migration of that number leaves (worker/journal/migrations/)
 *   more     a later program's, refused before anything is written
 */
import type { Database } from "bun:sqlite";
import { existsSync, statSync } from "node:fs";
import { VERSION } from "../shared/version.ts";
import { refuseDatabase } from "./journal-url.ts";
import { refuseForeign, tablesOf } from "./ours.ts";
import { SqliteConnection } from "./sqlite-connection.ts";

export const FORMAT = 11;

/** A journal that a start or `worker migrate` is to upgrade before it can be read. */
export class OlderFormat extends Error {}

export function formatOf(db: Database): number {
  const [[format]] = db.query("PRAGMA user_version").values() as [[number]];
  return format;
}

/** Throws with one sentence. */
function refuseNewer(db: Database): void {
  const format = formatOf(db);
  if (format <= FORMAT) return;
  throw new Error(
    `it is of format ${format}, and this is papa-leguas ${VERSION}, which knows formats up to ${FORMAT}: \
start the version that wrote it, or a later one`,
  );
}

/**
 * Opens a journal's file beside the process that writes it, through a connection that cannot write.
 * Throws with one sentence, also when `check` refuses what it is: most readers know only this format.
 */
export function openToRead(path: string, check = refuseOther): Database {
  refuseDatabase(path, "what was asked");
  if (!existsSync(path)) throw new Error(`journal ${path}: there is no such file`);
  let db: Database | null = null;
  try {
    db = new Reading(path);
    check(db);
    return db;
  } catch (error) {
    db?.close();
    throw new Error(`journal ${path} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** A connection that only reads; the empty log that SQLite makes for it is gone when it is closed. */
class Reading extends SqliteConnection {
  readonly #path: string;
  readonly #hadLog: boolean;

  constructor(path: string, hadLog = existsSync(`${path}-wal`)) {
    super(path, { readonly: true });
    this.#path = path;
    this.#hadLog = hadLog;
  }

  override close(): void {
    super.close();
    if (!this.#hadLog) dropEmptyLog(this.#path);
  }
}

/** The last connection takes the log away as it is closed, if it may write: a restore refuses one that lies about. */
function dropEmptyLog(path: string): void {
  try {
    if (statSync(`${path}-wal`).size > 0) return;
    using db = new SqliteConnection(path, { readwrite: true, create: false });
    tablesOf(db);
  } catch {
    // Whoever works there now takes it away at the end, or nobody may write there.
  }
}

/** Throws with one sentence for what no program of this version may touch: somebody else's, or a later one's. */
export function refuseUnknown(db: Database): void {
  refuseForeign(db);
  refuseNewer(db);
}

function refuseOther(db: Database): void {
  refuseUnknown(db);
  const format = formatOf(db);
  if (format === FORMAT) return;
  if (tablesOf(db).length === 0) throw new Error("it is an SQLite database without tables");
  throw new OlderFormat(
    `it is of format ${format}, and papa-leguas ${VERSION} reads format ${FORMAT}: \
a worker's start upgrades it, and so does worker migrate`,
  );
}
