/** Shows how much room the journal's disk has: read when somebody asks, also while the pipeline stands still. */
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { Gauge, type Registry } from "prom-client";
import { readerWithin, TOO_LATE } from "./within.ts";

const DISK_MS_MAX = 500;

export function registerDiskMetrics(registry: Registry, journal: string): void {
  const read = readerWithin(DISK_MS_MAX, () => freeBytes(dirname(journal)));
  new Gauge({
    name: "papaleguas_journal_disk_free_bytes",
    help: "Room on the journal's disk",
    registers: [registry],
    async collect() {
      const free = await read();
      if (free === null || free === TOO_LATE) this.remove();
      else this.set(free);
    },
  });
}

/** Null when it cannot be read. */
async function freeBytes(folder: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}
