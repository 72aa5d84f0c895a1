/** What is wrong with a journal's file. */
import type { Database } from "bun:sqlite";
import { disagreements } from "./copies.ts";
import { RESTORE } from "./restore.ts";

const FINDINGS_MAX = 3;

/** In one line; null when it is whole. About two seconds per million payments. */
export function damageIn(db: Database): string | null {
  try {
    const findings = findingsIn(db);
    return findings.length === 0 ? null : damage(findings.join("; "));
  } catch (error) {
    return damage((error as Error).message);
  }
}

/** The line about damage that was met. */
export function damage(found: string): string {
  return `it is damaged: ${found.replaceAll(/\s*\n\s*/g, " ")}; ${RESTORE}`;
}

function findingsIn(db: Database): string[] {
  const found = db.query(`PRAGMA integrity_check(${FINDINGS_MAX})`).values().flat() as string[];
  return found.length === 1 && found[0] === "ok" ? disagreements(db) : found;
}
