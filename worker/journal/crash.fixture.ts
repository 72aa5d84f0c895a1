/** A process that settles payments until it is killed, and reports after each commit how far it is. */
import { writeSync } from "node:fs";
import { accept, assign, NAMES, settle, uuid } from "./journal.fixture.ts";
import { SqliteStore, type JournalSync } from "./store.ts";

/** Gives the id of the nth payment of all that were ever begun at this journal. */
export const crashId = uuid;
export const PAYMENTS_PER_COMMIT = 5;

function run(path: string, sync: JournalSync): never {
  const store = new SqliteStore(path, sync, NAMES, Date.now());
  let { nextSeq: seq, nextRow: row } = store.head;
  for (;;) {
    const seqs = Array.from({ length: PAYMENTS_PER_COMMIT }, (_, n) => seq + n);
    store.apply(seqs.map((each) => accept(each, { correlationId: crashId(each) })));
    writeSync(1, seqs.map((each) => `accepted ${each}\n`).join(""));
    store.apply(seqs.flatMap((each, n) => [assign(each), settle(each, row + n)]));
    writeSync(1, seqs.map((each) => `settled ${each}\n`).join(""));
    seq += PAYMENTS_PER_COMMIT;
    row += PAYMENTS_PER_COMMIT;
    if (seq % 200 < PAYMENTS_PER_COMMIT) store.checkpoint();
  }
}

if (import.meta.main) run(process.argv[2] as string, process.argv[3] as JournalSync);
