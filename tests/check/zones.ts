/**
 * Selects the tests that run once more in other time zones: those beside the source that write an
 * instant out. The others deal in milliseconds, which no zone changes.
 */

/** Zones that are a quarter of an hour off, or have another date for hours. */
export const ZONES = ["Asia/Kathmandu", "America/Sao_Paulo"] as const;

const ELSEWHERE = /^(tests|bench)\//;
const INSTANT = /\btoISOString\b|\bDate\.(?:UTC|parse)\b|\b\d{4}-\d\d-\d\dT\d\d/;

export function dependsOnZone(path: string, text: string): boolean {
  return !ELSEWHERE.test(path) && INSTANT.test(text);
}
