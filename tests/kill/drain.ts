import type { Child } from "../../testing/process.ts";

/** What the project promises about SIGTERM. */
const DRAIN_MS_MAX = 5_000;

/** Asks it to end. The complaint says what was not as promised, and is null when it was. */
export async function drain(
  service: Child,
): Promise<{ readonly tookMs: number; readonly complaint: string | null }> {
  const { code, signal, tookMs } = await service.stop(2 * DRAIN_MS_MAX);
  if (code === 0 && tookMs <= DRAIN_MS_MAX) return { tookMs, complaint: null };
  const how = `${signal ?? code} after ${tookMs.toFixed(0)} ms`;
  return { tookMs, complaint: `${service.name} did not drain, it ended with ${how}` };
}
