/** Looks through the journal once, in a thread of its own that gives way to all others. */
import { Database } from "bun:sqlite";
import { damageIn } from "./damage.ts";
import { stepBack } from "./libc.ts";

declare const self: Worker;

self.onmessage = ({ data: path }: MessageEvent<string>) => {
  stepBack();
  const db = new Database(path, { readonly: true });
  const damage = damageIn(db);
  db.close();
  self.postMessage(damage);
};
