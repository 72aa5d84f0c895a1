import { Gauge, type Registry } from "prom-client";
import { newestBackupAtMs } from "../backup-note.ts";

/** A disk that answers nothing holds up no metrics: they are given as they were. */
const READ_MS_MAX = 100;

export function registerBackupMetrics(registry: Registry, journal: string): void {
  let atMs: number | null = null;
  let reading: Promise<void> | null = null;
  const read = async () => {
    atMs = await newestBackupAtMs(journal);
    reading = null;
  };
  new Gauge({
    name: "papaleguas_backup_timestamp_seconds",
    help: "As of when the newest copy of the journal is; 0 when none is known",
    registers: [registry],
    async collect() {
      await Promise.race([(reading ??= read()), Bun.sleep(READ_MS_MAX)]);
      this.set((atMs ?? 0) / 1_000);
    },
  });
}
