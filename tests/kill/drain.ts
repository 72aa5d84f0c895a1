import type { Child } from "../../testing/process.ts";

/** Time that the project promises for SIGTERM. */
const DRAIN_MS_MAX = 5_000;

/** Asks a process to end. The complaint says how it broke the promise, and is null when it did not. */
export async function drain(
  service: Child,
): Promise<{ readonly tookMs: number; readonly complaint: string | null }> {
  const { code, signal, tookMs } = await service.stop(2 * DRAIN_MS_MAX);
  if (code === 0 && tookMs <= DRAIN_MS_MAX) return { tookMs, complaint: null };
  const how = `${signal ?? code} after ${tookMs.toFixed(0)} ms`;
  return { tookMs, complaint: `${service.name} did not drain, it ended with ${how}` };
}
