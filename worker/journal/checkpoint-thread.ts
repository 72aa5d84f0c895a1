/**
 * Copies finished commits from the log into the database, in a thread of its own, on a timer.
 *
 * First of all it looks for damage in a file for which that takes too long before the start. Until it
 * is through the log grows by what is committed meanwhile, as behind every reader; the look is one
 * statement, so nothing of it stays open, and the first checkpoint takes all of it.
 */
import { Database } from "bun:sqlite";
import { damageIn } from "./damage.ts";
import type { JournalSync } from "./store.ts";

declare const self: Worker;

const CHECKPOINT_MS = 250;
/** 4 KiB pages: 64 MiB of log. Beyond it the journal helps, so that the log can restart. */
const LOG_PAGES_MAX = 16_384;

export type Start = {
  readonly path: string;
  readonly sync: JournalSync;
  readonly isChecked: boolean;
};
export type FromThread = "log-too-long" | "closed" | { readonly damage: string };

type Result = { busy: number; log: number; checkpointed: number };

let db: Database | null = null;
let timer: Timer | null = null;

self.onmessage = ({ data }: MessageEvent<Start | "close">) => {
  if (data === "close") return close();
  db = new Database(data.path, { readwrite: true, create: false });
  db.run("PRAGMA busy_timeout = 1000");
  db.run("PRAGMA wal_autocheckpoint = 0");
  db.run(`PRAGMA synchronous = ${data.sync}`);
  const damage = data.isChecked ? null : damageIn(db);
  if (damage !== null) post({ damage });
  timer = setInterval(checkpoint, CHECKPOINT_MS);
};

function checkpoint(): void {
  try {
    const result = db?.query<Result, []>("PRAGMA wal_checkpoint(PASSIVE)").get();
    if (result && result.log > LOG_PAGES_MAX) post("log-too-long");
  } catch {
    // A full disk, say: the log keeps everything, and the next round tries again.
  }
}

function close(): void {
  if (timer !== null) clearInterval(timer);
  db?.close();
  db = null;
  post("closed");
}

function post(message: FromThread): void {
  self.postMessage(message);
}
