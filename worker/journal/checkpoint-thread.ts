/** Copies finished commits from the log into the database, in a thread of its own, on a timer. */
import { Database } from "bun:sqlite";

declare const self: Worker;

const CHECKPOINT_MS = 250;
/** 4 KiB pages: 64 MiB of log. Beyond it the journal helps, so that the log can restart. */
const LOG_PAGES_MAX = 16_384;

type Result = { busy: number; log: number; checkpointed: number };

let db: Database | null = null;
let timer: Timer | null = null;

self.onmessage = ({ data }: MessageEvent<{ path: string; sync: string } | "close">) => {
  if (data === "close") return close();
  db = new Database(data.path, { readwrite: true, create: false });
  db.run("PRAGMA busy_timeout = 1000");
  db.run("PRAGMA wal_autocheckpoint = 0");
  db.run(`PRAGMA synchronous = ${data.sync}`);
  timer = setInterval(checkpoint, CHECKPOINT_MS);
};

function checkpoint(): void {
  try {
    const result = db?.query<Result, []>("PRAGMA wal_checkpoint(PASSIVE)").get();
    if (result && result.log > LOG_PAGES_MAX) self.postMessage("log-too-long");
  } catch {
    // A full disk, say: the log keeps everything, and the next round tries again.
  }
}

function close(): void {
  if (timer !== null) clearInterval(timer);
  db?.close();
  db = null;
  self.postMessage("closed");
}
