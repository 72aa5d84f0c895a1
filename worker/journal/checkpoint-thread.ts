/** Copies finished commits from the log into the database, in a thread of its own, on a timer. */
import { Database } from "bun:sqlite";
import { fdatasyncSync } from "node:fs";
import type { JournalSync } from "./store.ts";

declare const self: Worker;

const CHECKPOINT_MS = 250;
/**
 * A longer log shall restart, which it does when all of it is copied; the journal copies the rest while
 * it commits nothing. So that this rest is short, rounds follow each other at once until a round takes
 * no longer than `REST_MS_MAX`, or the log is four times as long.
 */
const LOG_BYTES_MAX = 64 * 1024 * 1024;
const REST_MS_MAX = 8;
const LOG_BYTES_LAST = 4 * LOG_BYTES_MAX;

export type Start = {
  readonly path: string;
  /** Descriptor that the pipeline's thread holds: another one could not be closed without harm. */
  readonly fd: number;
  readonly sync: JournalSync;
};
export type FromThread =
  "open" | "log-too-long" | "works-again" | "closed" | { readonly failure: string };

type Result = { readonly log: number; readonly checkpointed: number };

let db: Database | null = null;
let pageBytes = 0;
let timer: Timer | null = null;
/** The database's descriptor. */
let file = -1;
let copied = 0;
let syncs = true;
let fails = false;

self.onmessage = ({ data }: MessageEvent<Start | "close">) => {
  if (data === "close") return close();
  db = new Database(data.path, { readwrite: true, create: false });
  db.run("PRAGMA busy_timeout = 1000");
  db.run("PRAGMA wal_autocheckpoint = 0");
  db.run(`PRAGMA synchronous = ${data.sync}`);
  pageBytes = db.query<{ page_size: number }, []>("PRAGMA page_size").get()!.page_size;
  file = data.fd;
  syncs = data.sync !== "off";
  timer = setTimeout(checkpoint, CHECKPOINT_MS);
  post("open");
};

function checkpoint(): void {
  const startMs = performance.now();
  let logBytes = 0;
  try {
    const result = db!.query<Result, []>("PRAGMA wal_checkpoint(PASSIVE)").get()!;
    logBytes = result.log * pageBytes;
    // SQLite syncs the database only when it has copied all of the log, which is once in a long while
    // and then the work of all of it: 100 ms and more in which the journal stands still.
    if (syncs && result.checkpointed !== copied) fdatasyncSync(file);
    copied = result.checkpointed;
    if (fails) post("works-again");
    fails = false;
  } catch (error) {
    // A full disk, say, loses nothing: the log keeps everything, and the next round tries again.
    fails = true;
    post({ failure: (error as Error).message });
  }
  const isAtOnce =
    logBytes > LOG_BYTES_MAX &&
    logBytes <= LOG_BYTES_LAST &&
    performance.now() - startMs > REST_MS_MAX;
  if (logBytes > LOG_BYTES_MAX && !isAtOnce) post("log-too-long");
  timer = setTimeout(checkpoint, isAtOnce ? 0 : CHECKPOINT_MS);
}

function close(): void {
  if (timer !== null) clearTimeout(timer);
  db?.close();
  db = null;
  post("closed");
}

function post(message: FromThread): void {
  self.postMessage(message);
}
