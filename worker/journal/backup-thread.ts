/** Writes a copy of the journal and looks through it, in a thread that gives way to all others. */
import type { FromBackupThread, Order } from "./backup.ts";
import { contentsOf, mark } from "./copy.ts";
import { stepBack } from "./libc.ts";
import { refuseForeign } from "../ours.ts";
import { SqliteConnection } from "../sqlite-connection.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<Order>) => {
  try {
    stepBack();
    write(data);
    post({ kind: "written" });
    post({ kind: "whole", contents: contentsOf(data.to) });
  } catch (error) {
    post({ kind: "failed", reason: (error as Error).message });
  }
};

/**
 * Reads the journal in one statement, and so as of one moment. SQLite's backup call in steps would begin
 * anew with every commit of the worker.
 */
function write({ from, to, nowMs }: Order): void {
  {
    using db = new SqliteConnection(from, { readonly: true });
    refuseForeign(db);
    db.run("VACUUM INTO ?", [to]);
  }
  mark(to, "backup_at_ms", nowMs);
}

function post(message: FromBackupThread): void {
  self.postMessage(message);
}
