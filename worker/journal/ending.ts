/**
 * Tells how the last worker at a journal ended. A process that is killed leaves the file to a kernel
 * that finishes every write; a machine that goes down may leave anything.
 */
import type { Database } from "bun:sqlite";
import { readFileSync } from "node:fs";

export type Ending = "clean" | "process" | "machine";

/** The key in `meta`, while a worker is at the journal: its value tells one boot from another. */
const KEY = "running";
const HEX_DIGITS = 12;

/** Reads it from a journal that no worker is at. */
export function lastEnding(db: Database, boot: number): Ending {
  const tables = db.query("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").all();
  if (tables.length === 0) return "clean";
  const row = db.query(`SELECT value FROM meta WHERE key = '${KEY}'`).values()[0];
  if (row === undefined) return "clean";
  return row[0] === boot ? "process" : "machine";
}

export function noteRunning(db: Database, boot: number): void {
  db.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", [KEY, boot]);
}

export function noteCleanEnd(db: Database): void {
  db.run("DELETE FROM meta WHERE key = ?", [KEY]);
}

/** A number that differs after the machine was down; 0 where it cannot be told. */
export function thisBoot(): number {
  try {
    const id = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").replaceAll("-", "");
    return Number.parseInt(id.slice(0, HEX_DIGITS), 16);
  } catch {
    return 0;
  }
}
