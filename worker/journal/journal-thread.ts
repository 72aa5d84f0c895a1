/** The journal's thread: owns the database for its whole life and answers commands in order. */
import {
  sparseResults,
  unpackTransitions,
  type JournalCommand,
  type JournalReply,
} from "./protocol.ts";
import type { Database } from "bun:sqlite";
import { lockJournal } from "./lock.ts";
import { SqliteStore } from "./store.ts";

declare const self: Worker;

let store: SqliteStore | null = null;
let checkpointer: Worker | null = null;
let lock: Database | null = null;

self.onmessage = ({ data }: MessageEvent<JournalCommand>) => {
  try {
    answer(data);
  } catch (error) {
    reply({ kind: "failed", reason: (error as Error).message });
  }
};

function answer(command: JournalCommand): void {
  switch (command.kind) {
    case "start":
      lock = lockJournal(command.path);
      store = new SqliteStore(command.path, command.sync, command.processors, Date.now());
      checkpointer = startCheckpointer(command.path, command.sync);
      return reply({ kind: "started", head: store.head });
    case "commit":
      return commit(started(), command.packed);
    case "open":
      return reply({ kind: "open", payments: [...started().open()] });
    case "rows":
      return reply({ kind: "rows", rows: started().ledger.rows(command.fromRow, command.toRow) });
    case "totals": {
      const { ledger, head } = started();
      const totals = ledger.totals(command.fromRow, command.toRow, head.processors.length);
      return reply({ kind: "totals", totals });
    }
    case "close":
      return close();
  }
}

function commit(into: SqliteStore, packed: Uint8Array): void {
  const startMs = performance.now();
  try {
    const results = sparseResults(into.apply(unpackTransitions(packed)));
    reply({ kind: "committed", ...results, durationMs: performance.now() - startMs });
  } catch (error) {
    reply({ kind: "commit-failed", reason: (error as Error).message });
  }
}

/** A thread of its own, so that copying pages and syncing the database stall no acknowledgement. */
function startCheckpointer(path: string, sync: string): Worker {
  const worker = new Worker(new URL("./checkpoint-thread.ts", import.meta.url).href);
  // Commits came faster than it could follow; one checkpoint between two commits lets the log restart.
  worker.onmessage = ({ data }) => {
    if (data === "log-too-long") store?.checkpoint();
    else if (data === "closed") closed();
  };
  worker.postMessage({ path, sync });
  return worker;
}

/** First the checkpointer lets go of the file, then we do: a thread that holds it is never killed. */
function close(): void {
  if (checkpointer === null) closed();
  else checkpointer.postMessage("close");
}

function closed(): void {
  store?.close();
  store = null;
  lock?.close();
  reply({ kind: "closed" });
}

function started(): SqliteStore {
  if (store === null) throw new Error("the journal is not open");
  return store;
}

function reply(message: JournalReply): void {
  self.postMessage(message);
}
