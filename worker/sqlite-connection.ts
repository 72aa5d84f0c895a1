/**
 * A connection to a journal's file that is over when it is closed. Bun's own lives on while a prepared
 * statement of it does, and at the end of its thread or process makes a checkpoint that locks everybody
 * out: commits of a worker, and the last note of one that ends, were refused meanwhile.
 */
import { Database } from "bun:sqlite";

/** Time that a connection waits for another one's lock, if it is not told otherwise. */
const BUSY_MS = 5_000;

export class SqliteConnection extends Database {
  constructor(path: string, options: ConstructorParameters<typeof Database>[1], busyMs = BUSY_MS) {
    super(path, options);
    this.run(`PRAGMA busy_timeout = ${busyMs}`);
  }

  /** Finalizes all statements. Throws when SQLite cannot close the file. */
  override close(): void {
    super.close(true);
  }
}
