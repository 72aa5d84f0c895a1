/**
 * Copies finished commits from the log into the database, in a thread of its own: every 250 ms while there
 * are any. After a round that has copied all of the log it sleeps until the journal says that the log has
 * grown; a flag in shared memory keeps that to one message a round.
 */
import type { Database } from "bun:sqlite";
import { fdatasyncSync } from "node:fs";
import { SqliteConnection } from "../sqlite-connection.ts";
import type { JournalSync } from "./store.ts";

declare const self: Worker;

const CHECKPOINT_MS = 250;
/** A round that meets another checkpoint, as an operator may make one, tries again. */
const BUSY_MS = 1_000;
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
  /** Holds 1 from the first commit after a round began to the beginning of the next one. */
  readonly isAsked: Int32Array<SharedArrayBuffer>;
};
export type FromThread =
  "open" | "log-too-long" | "works-again" | "closed" | { readonly failure: string };

type Result = { readonly log: number; readonly checkpointed: number };

let db: Database | null = null;
let pageBytes = 0;
let timer: Timer | null = null;
let isAsked: Start["isAsked"] | null = null;
let endedAtMs = Number.NEGATIVE_INFINITY;
/** The database's descriptor. */
let file = -1;
let copied = 0;
let syncs = true;
let fails = false;

self.onmessage = ({ data }: MessageEvent<Start | "grown" | "close">) => {
  if (data === "close") return close();
  if (data === "grown") return void (db && schedule(endedAtMs + CHECKPOINT_MS - performance.now()));
  db = new SqliteConnection(data.path, { readwrite: true, create: false }, BUSY_MS);
  db.run("PRAGMA wal_autocheckpoint = 0");
  db.run(`PRAGMA synchronous = ${data.sync}`);
  pageBytes = db.query<{ page_size: number }, []>("PRAGMA page_size").get()!.page_size;
  file = data.fd;
  syncs = data.sync !== "off";
  ({ isAsked } = data);
  schedule(CHECKPOINT_MS);
  post("open");
};

/** A round that is due already includes what would be asked for. */
function schedule(ms: number): void {
  timer ??= setTimeout(checkpoint, Math.max(0, ms));
}

function checkpoint(): void {
  const startMs = performance.now();
  let logBytes = 0;
  let isWhole = false;
  timer = null;
  // A commit from here on asks for the next round.
  Atomics.store(isAsked!, 0, 0);
  try {
    const result = db!.query<Result, []>("PRAGMA wal_checkpoint(PASSIVE)").get()!;
    logBytes = result.log * pageBytes;
    isWhole = result.checkpointed === result.log;
    // SQLite syncs the database only when it has copied all of the log, which is once in a long while
    // and then the work of all of it: 100 ms and more in which the journal stands still.
    if (syncs && result.checkpointed !== copied) fdatasyncSync(file);
    copied = result.checkpointed;
    if (fails) post("works-again");
    fails = false;
  } catch (error) {
    // A full disk, say, loses nothing: the log keeps everything, and the next round tries again.
    fails = true;
    isWhole = false;
    post({ failure: (error as Error).message });
  }
  const isAtOnce =
    logBytes > LOG_BYTES_MAX &&
    logBytes <= LOG_BYTES_LAST &&
    performance.now() - startMs > REST_MS_MAX;
  if (logBytes > LOG_BYTES_MAX && !isAtOnce) post("log-too-long");
  endedAtMs = performance.now();
  if (isAtOnce) schedule(0);
  else if (!isWhole) schedule(CHECKPOINT_MS);
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
