/**
 * The file beside the journal that keeps the history over a restart. It is written aside and renamed, so
 * that it is always a whole one, and not synced: after a power cut it may be gone, or damaged, and nothing
 * but the page misses it. So nothing of it may hold up or end a worker.
 */
import { readFileSync, renameSync, statSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import * as v from "valibot";
import type { ToldHistory } from "../../shared/http-api/history.ts";
import type { Log } from "../../shared/log.ts";

const FORMAT = 1;
/** A day of 200 processors that all settle has 12 MB. */
const BYTES_MAX = 32 * 1024 * 1024;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const number = v.pipe(v.number(), v.finite());
const instant = v.pipe(v.string(), v.isoTimestamp());
const counts = v.record(v.string(), whole);
const minute = v.strictObject({
  at: instant,
  spanMs: number,
  accepted: whole,
  settled: counts,
  p50Ms: v.nullable(number),
  p99Ms: v.nullable(number),
  open: whole,
  unknown: whole,
});
const incident = v.strictObject({
  incident: v.string(),
  message: v.string(),
  level: v.picklist(["warn", "error"]),
  processor: v.nullable(v.string()),
  reason: v.nullable(v.string()),
  began: instant,
  ended: v.nullable(instant),
  cutShort: v.boolean(),
  durationMs: whole,
  times: whole,
  cost: counts,
});
const changed = { at: instant, processor: v.string(), cause: v.string() };
const breaker = v.picklist(["closed", "half-open", "open"]);
const mode = v.picklist(["auto", "drained", "forced"]);
const change = v.variant("kind", [
  v.strictObject({ ...changed, kind: v.literal("breaker"), from: breaker, to: breaker }),
  v.strictObject({ ...changed, kind: v.literal("mode"), from: mode, to: mode }),
]);
const FILE: v.GenericSchema<unknown, ToldHistory & { readonly format: number }> = v.strictObject({
  format: v.literal(FORMAT),
  at: instant,
  minutes: v.array(minute),
  incidents: v.array(incident),
  changes: v.array(change),
});

export class HistoryFile {
  readonly #path: string;

  constructor(journal: string) {
    this.#path = `${journal}-history`;
  }

  /** Reads what an earlier worker has left. What cannot be read is set aside, with one line. */
  read(log: Pick<Log, "warn">): ToldHistory | null {
    try {
      const { format: _, ...left } = v.parse(FILE, JSON.parse(this.#text()));
      return left;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      const reason = (error as Error).message;
      log.warn({ file: this.#path, reason, aside: this.#setAside() }, "the history is begun anew");
      return null;
    }
  }

  /** Rejects with the reason; what was there before stays then, and takes no more room. */
  async write(history: ToldHistory): Promise<void> {
    const aside = `${this.#path}.new`;
    try {
      await writeFile(aside, JSON.stringify({ format: FORMAT, ...history }));
      await rename(aside, this.#path);
    } catch (error) {
      await rm(aside, { force: true }).catch(() => {}); // The reason is the same.
      throw error;
    }
  }

  #text(): string {
    const stat = statSync(this.#path);
    if (!stat.isFile()) throw new Error("it is no file");
    if (stat.size > BYTES_MAX) throw new Error(`it has ${stat.size} bytes`);
    return readFileSync(this.#path, "utf8");
  }

  /** Gives the name that it has now; null where it cannot be renamed. */
  #setAside(): string | null {
    const aside = `${this.#path}.damaged`;
    try {
      renameSync(this.#path, aside);
      return aside;
    } catch {
      return null; // The next one to be written takes its place.
    }
  }
}
