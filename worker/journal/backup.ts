/**
 * Makes a copy of a journal beside the worker that is at it, and looks through the copy.
 *
 *   the journal ── one reader ──► TO.partial ── marked, looked through, synced ──► TO
 *
 * Readers hold up no commit. While the journal is read no checkpoint may pass the moment at which the
 * reader began, so the log grows by what is committed meanwhile; the look and the last sync come after
 * it. The copy is synced as it is written: a commit that waits for the same disk waits for little.
 */
import { existsSync, fdatasyncSync, fstatSync } from "node:fs";
import type { Contents, OnBytes } from "./copy.ts";
import { Draft } from "./draft.ts";
import { SqliteConnection } from "../sqlite-connection.ts";

/** An instant before the copy is begun: everything that is durable by then is in it. */
export type Order = { readonly from: string; readonly to: string; readonly nowMs: number };
export type FromBackupThread =
  | { readonly kind: "written" }
  | { readonly kind: "whole"; readonly contents: Contents }
  | { readonly kind: "failed"; readonly reason: string };

const SYNC_MS = 100;

/** Gives an upper bound of the copy's size; throws when there is no journal. */
export function copyBytesOf(path: string): number {
  if (!existsSync(path)) throw new Error(`journal ${path}: there is no such file`);
  using db = new SqliteConnection(path, { readonly: true });
  const value = (name: string) => (db.query(`PRAGMA ${name}`).values()[0] as [number])[0];
  return (value("page_count") - value("freelist_count")) * value("page_size");
}

/** Rejects with one sentence, and leaves nothing at `to`, when there is no copy that is whole. */
export async function backUp({ from, to, nowMs }: Order, onBytes: OnBytes): Promise<Contents> {
  refuseExisting(to);
  using draft = new Draft(to);
  const thread = new Worker(new URL("./backup-thread.ts", import.meta.url).href);
  const { promise, resolve, reject } = Promise.withResolvers<Contents>();
  const syncing = setInterval(() => {
    fdatasyncSync(draft.fd);
    onBytes(fstatSync(draft.fd).size);
  }, SYNC_MS);
  thread.onerror = ({ message }) => reject(new Error(message));
  thread.onmessage = ({ data }: MessageEvent<FromBackupThread>) => {
    if (data.kind === "failed") return reject(new Error(data.reason));
    if (data.kind === "whole") return resolve(data.contents);
    clearInterval(syncing);
    onBytes(null);
  };
  thread.postMessage({ from, to: draft.path, nowMs } satisfies Order);
  try {
    const contents = await promise;
    refuseExisting(to);
    draft.publish();
    return contents;
  } finally {
    clearInterval(syncing);
    thread.terminate();
  }
}

function refuseExisting(path: string): void {
  if (existsSync(path)) throw new Error(`${path} is there already, and is not overwritten`);
}
