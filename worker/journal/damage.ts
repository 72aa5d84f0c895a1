import type { Database } from "bun:sqlite";

/** What is wrong with the file, in one line; null when it is whole. Half a second per million payments. */
export function damageIn(db: Database): string | null {
  let findings: string[];
  try {
    findings = db
      .query<{ quick_check: string }, []>("PRAGMA quick_check(3)")
      .all()
      .map((row) => row.quick_check);
  } catch (error) {
    findings = [(error as Error).message];
  }
  if (findings.length === 1 && findings[0] === "ok") return null;
  const found = findings.join("; ").replaceAll(/\s*\n\s*/g, " ");
  return `it is damaged: ${found}`;
}
