/** Looks through the journal whenever it is told to, in a thread of its own that gives way to all others. */
import { damageIn } from "./damage.ts";
import type { Looked } from "./integrity.ts";
import { stepBack } from "./libc.ts";
import { SqliteConnection } from "../sqlite-connection.ts";

declare const self: Worker;

stepBack();
self.onmessage = ({ data: path }: MessageEvent<string>) => post(look(path));
post("ready");

/** Looks through the file, and has closed it on return. */
function look(path: string): Looked {
  try {
    using db = new SqliteConnection(path, { readonly: true });
    return { damage: damageIn(db) };
  } catch (error) {
    return { failure: (error as Error).message };
  }
}

function post(message: Looked | "ready"): void {
  self.postMessage(message);
}
