/**
 * Journals that earlier commits wrote (migrations/fixtures/), and a process that upgrades one until it is
 * killed in the middle of a migration: `bun migrations.fixture.ts JOURNAL MIGRATION`.
 */
import type { Database } from "bun:sqlite";
import { readFileSync, writeFileSync } from "node:fs";
import { migrate, pendingIn } from "./migrations.ts";
import type { Migration } from "./migrations/migration.ts";
import { openDatabase } from "./store.ts";

/** The first commits whose journals differ from those before: oldest first. */
export const COMMITS = [
  "0230981",
  "8f1714e",
  "9e026ea",
  "24864be",
  "1668a0c",
  "ed6acbe",
  "1a4e971",
  "74c8fb1",
  "6620176",
  "7bcba84",
  "a156bc7",
  "8e45d63",
] as const;
/** Formats of those that have a number. */
export const FORMATS: ReadonlyMap<string, number> = new Map([
  ["ed6acbe", 4],
  ["1a4e971", 5],
  ["74c8fb1", 6],
  ["6620176", 7],
  ["7bcba84", 8],
  ["a156bc7", 9],
  ["8e45d63", 10],
]);

/** Puts the journal that a commit wrote at `path`. */
export function writtenBy(commit: (typeof COMMITS)[number], path: string): void {
  const packed = new URL(`./migrations/fixtures/${commit}.db.gz`, import.meta.url);
  writeFileSync(path, Bun.gunzipSync(readFileSync(packed)));
}

/** Gives what SQLite knows of tables and indexes, whatever the space between words. */
export function schemaOf(db: Database): unknown {
  const rows = db.query("SELECT name, sql FROM sqlite_schema ORDER BY name").values();
  const tight = (rows as [string, string | null][]).map(([name, sql]) => [
    name,
    sql?.replaceAll(/\s+/g, " ").replaceAll(/ ?([(),]) ?/g, "$1"),
  ]);
  const numbers = ["user_version", "application_id"].map((pragma) =>
    db.query(`PRAGMA ${pragma}`).values().flat(),
  );
  return [numbers, ...tight];
}

if (import.meta.main) {
  const [path, name] = process.argv.slice(2) as [string, string];
  const db = openDatabase(path, "off");
  const pending = pendingIn(db);
  const at = pending.findIndex((migration) => migration.name === name);
  const fatal = pending[at] as Migration;
  const up = () => {
    fatal.up(db);
    process.kill(process.pid, "SIGKILL");
  };
  migrate(db, () => {}, pending.with(at, { ...fatal, up }));
}
