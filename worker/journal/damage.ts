/**
 * What is wrong with a journal's file. Damage is what was found, or what SQLite calls corrupt; any other
 * trouble (no descriptor, no memory, a disk that gives an error) says only that nobody could look.
 */
import type { Database } from "bun:sqlite";
import { isCorruption, isCorruptionCode } from "../corruption.ts";
import { disagreements } from "./copies.ts";
import { RESTORE } from "./restore.ts";

const FINDINGS_MAX = 3;

/**
 * In one line; null when it is whole. About two seconds per million payments. Throws when it could not
 * be looked through.
 */
export function damageIn(db: Database): string | null {
  try {
    const findings = findingsIn(db);
    return findings.length === 0 ? null : damage(findings.join("; "));
  } catch (error) {
    if (isCorruption(error)) return damage(error.message);
    throw error;
  }
}

/** The line about damage that was met. */
export function damage(found: string): string {
  return `it is damaged: ${found.replaceAll(/\s*\n\s*/g, " ")}; ${RESTORE}`;
}

function findingsIn(db: Database): string[] {
  const rows = db.query(`PRAGMA integrity_check(${FINDINGS_MAX})`).values().flat() as string[];
  const found = findingsOf(rows);
  return found.length === 0 ? disagreements(db) : found;
}

/** Rows of `integrity_check`, which counts a page that it could not read among its findings. */
export function findingsOf(rows: readonly string[]): string[] {
  if (rows.length === 1 && rows[0] === "ok") return [];
  const found = rows.filter((row) => !isUnread(row));
  if (found.length === 0) throw new Error(rows.join("; "));
  return found;
}

function isUnread(row: string): boolean {
  const code = /error code[ =](\d+)/.exec(row)?.[1];
  return code !== undefined && !isCorruptionCode(Number(code));
}
