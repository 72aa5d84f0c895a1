/**
 * Finds damage in a journal's file. Damage is a finding of the check, or an error that SQLite calls
 * corruption; any other trouble (no descriptor, no memory, a disk that gives an error) says only that
 * nobody could look.
 */
import type { Database } from "bun:sqlite";
import { isCorruption, isCorruptionCode } from "../corruption.ts";
import { disagreements } from "./copies.ts";
import { RESTORE } from "./restore.ts";

const FINDINGS_MAX = 3;

/**
 * Describes damage in one line; gives null when the file is whole. Takes about two seconds per million
 * payments. Throws when it could not be looked through.
 */
export function damageIn(db: Database): string | null {
  const found = damagedBy(db);
  return found === null ? null : damage(found);
}

/** Gives the same without what to do about it. */
export function damagedBy(db: Database): string | null {
  try {
    const findings = findingsIn(db);
    return findings.length === 0 ? null : findings.join("; ");
  } catch (error) {
    if (isCorruption(error)) return error.message;
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

/**
 * Keeps the findings among the rows of `integrity_check`, each of one line or more. The check counts a
 * page that it could not read among its findings; when there is no other, this throws.
 */
export function findingsOf(rows: readonly string[]): string[] {
  const lines = rows.flatMap((row) => row.split("\n"));
  if (lines.length === 1 && lines[0] === "ok") return [];
  const all = lines.filter((line) => !line.startsWith("*** in database "));
  const found = all.filter((line) => !isUnread(line));
  if (found.length === 0) throw new Error(all.join("; "));
  return found;
}

function isUnread(line: string): boolean {
  const code = /error code[ =](\d+)/.exec(line)?.[1];
  return code !== undefined && !isCorruptionCode(Number(code));
}
