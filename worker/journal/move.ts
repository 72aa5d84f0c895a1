/**
 * Moves a journal from a file into an empty database, or back. No worker runs at either, and none can
 * start meanwhile. The target is written in one go: what was interrupted has left nothing there, and is
 * begun anew. Then both are counted and compared, and the source is marked, so that no worker starts on
 * what is left there: its open payments would be charged from two places. Whoever is interrupted between
 * target and mark finds at the next try that the same journal is there already, and only marks the source.
 */
import { existsSync, statSync } from "node:fs";
import type { Database } from "bun:sqlite";
import type { Clock } from "../../shared/clock.ts";
import { openToRead } from "../format.ts";
import { damageIn } from "./damage.ts";
import { Draft } from "./draft.ts";
import { lockJournal, lockPlace } from "./lock.ts";
import { metaOf } from "./meta.ts";
import { whyMoved } from "./moved.ts";
import { TABLE_NAMES } from "./move/facts.ts";
import {
  isEmptyDatabase,
  lockDatabase,
  sourceIn,
  tallyOfDatabase,
  writeDatabase,
} from "./move/postgres.ts";
import { sourceOf, tallyOfFile, writeFile } from "./move/sqlite.ts";
import { countOf, differenceOf, type Tally } from "./move/tally.ts";
import { checkDatabase } from "./postgres/checks.ts";
import { Connection } from "./postgres/connection.ts";
import {
  migratePostgres,
  POSTGRES_MIGRATIONS,
  refuseLater,
  schemaOf,
} from "./postgres/migrations.ts";
import { openDatabase } from "./store.ts";

export type MoveOptions = {
  readonly clock: Clock;
  /** Takes a database without a synchronous standby. */
  readonly allowSingle: boolean;
  /** Told how many payments of how many are written. */
  readonly told: (done: number, all: number) => void;
};

export type Moved = {
  readonly tally: Tally;
  /** The target had it already, from a move that was interrupted at its very end. */
  readonly wasThere: boolean;
};

/** Moves a file into a database. Rejects with one sentence, and the source is as it was then. */
export async function moveToDatabase(
  path: string,
  url: string,
  { clock, allowSingle, told }: MoveOptions,
): Promise<Moved> {
  if (!existsSync(path)) throw new Error("the file is not there");
  const lock = lockJournal(path);
  const connection = new Connection(url, Number.POSITIVE_INFINITY);
  try {
    // Throws for another format, which is not to be read here.
    openToRead(path).close();
    using db = openDatabase(path, "full");
    refuseUnfit(db);
    const ours = await tallyOfFile(db);
    await checkDatabase(connection, clock, allowSingle);
    await migratePostgres(connection);
    let wasThere = false;
    await connection.together(async (ask) => {
      await lockDatabase(ask);
      wasThere = !(await isEmptyDatabase(ask));
      if (!wasThere) await writeDatabase(ask, sourceOf(db), TABLE_NAMES, counter(ours, told));
      refuseOther(ours, await tallyOfDatabase(ask), wasThere);
    });
    db.run("INSERT OR REPLACE INTO meta VALUES ('moved_at_ms', ?)", [clock.wallMs()]);
    db.run("PRAGMA wal_checkpoint(TRUNCATE)");
    return { tally: ours, wasThere };
  } finally {
    connection.drop();
    lock.close();
  }
}

/** Moves a database into a file. Rejects with one sentence, and the source is as it was then. */
export async function moveToFile(
  url: string,
  path: string,
  { clock, told }: MoveOptions,
): Promise<Moved> {
  const connection = new Connection(url, Number.POSITIVE_INFINITY);
  using _ = lockPlace(path);
  const log = `${path}-wal`;
  if (bytesOf(path) === 0 && bytesOf(log) > 0) {
    throw new Error(`${log} is there: the log of another journal`);
  }
  try {
    const schema = await schemaOf((...question) => connection.ask(...question));
    refuseLater(schema);
    if (schema < POSTGRES_MIGRATIONS.length) {
      throw new Error(
        schema === 0 ? "the database is empty" : "run worker migrate on the database first",
      );
    }
    const found: Moved[] = [];
    await connection.together(async (ask) => {
      await lockDatabase(ask);
      const [meta] = await ask<{ at: number | null }>("SELECT moved_at_ms::float8 AS at FROM meta");
      if (meta!.at !== null) throw new Error(whyMoved(meta!.at));
      const theirs = await tallyOfDatabase(ask);
      const wasThere = bytesOf(path) > 0;
      if (wasThere) {
        using db = openToRead(path);
        refuseOther(theirs, await tallyOfFile(db), true);
      } else {
        using draft = new Draft(path);
        using db = openDatabase(draft.path, "off");
        await writeFile(db, sourceIn(ask), TABLE_NAMES, counter(theirs, told));
        refuseOther(theirs, await tallyOfFile(db), false);
        const damage = damageIn(db);
        if (damage !== null) throw new Error(damage);
        db.run("PRAGMA wal_checkpoint(TRUNCATE)");
        db.close();
        draft.publish();
      }
      await ask("UPDATE meta SET moved_at_ms = $1::bigint", [clock.wallMs()]);
      found.push({ tally: theirs, wasThere });
    });
    return found[0]!;
  } finally {
    connection.drop();
  }
}

function refuseUnfit(db: Database): void {
  const movedAtMs = metaOf(db, "moved_at_ms");
  if (movedAtMs !== null) throw new Error(whyMoved(movedAtMs));
  if (metaOf(db, "backup_at_ms") !== null && metaOf(db, "restored_at_ms") === null) {
    throw new Error(
      "the file is a copy of worker backup: put it in place by worker restore, and move that",
    );
  }
  const damage = damageIn(db);
  if (damage !== null) throw new Error(damage);
}

/** Throws when the target has something else; `wasThere` says that it was not written just now. */
function refuseOther(source: Tally, target: Tally, wasThere: boolean): void {
  const difference = differenceOf(source, target);
  if (difference === null) return;
  if (wasThere) throw new Error("the target is not empty: a journal is moved into an empty one");
  throw new Error(`what was written is not what was read: ${difference}`);
}

function counter({ payments }: Tally, told: MoveOptions["told"]): (some: number) => void {
  const all = countOf(payments);
  let done = 0;
  return (some) => told((done += some), all);
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
