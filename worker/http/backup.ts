import { Gauge, type Registry } from "prom-client";
import { newestBackupAtMs } from "../backup-note.ts";
import { readerWithin, TOO_LATE } from "./within.ts";

/** A disk that answers nothing holds up no metrics: they are given as they were. */
const READ_MS_MAX = 100;

export function registerBackupMetrics(registry: Registry, journal: string): void {
  let atMs: number | null = null;
  const read = readerWithin(READ_MS_MAX, () => newestBackupAtMs(journal));
  new Gauge({
    name: "papaleguas_backup_timestamp_seconds",
    help: "As of when the newest copy of the journal is; 0 when none is known",
    registers: [registry],
    async collect() {
      const found = await read();
      if (found !== TOO_LATE) atMs = found;
      this.set((atMs ?? 0) / 1_000);
    },
  });
}
