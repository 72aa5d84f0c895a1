/**
 * A journal of settled payments, and a process that prunes it until it is killed in the middle of a
 * transaction: `bun prune.fixture.ts JOURNAL BEFORE_MS`.
 */
import { AT_MS, assigned, NAMES, settle } from "./journal.fixture.ts";
import { planPrune, prune } from "./prune.ts";
import { openDatabase, SqliteStore } from "./store.ts";

const AT_ONCE = 256;

/** Payment n is row n - 1; there are a multiple of 256. */
export function writeHistory(path: string, payments: number): void {
  const store = new SqliteStore(path, "off", NAMES, AT_MS);
  for (let n = 1; n <= payments; n += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, (_, i) => n + i);
    store.apply(some.map((seq) => assigned(seq)));
    store.apply(some.map((seq) => settle(seq, seq - 1)));
  }
  store.close();
}

if (import.meta.main) {
  const [path, beforeMs] = process.argv.slice(2) as [string, string];
  const db = openDatabase(path, "full");
  const steps = prune(db, planPrune(db, Number(beforeMs)), AT_ONCE);
  for (let step = 0; step < 3; step++) steps.next();
  db.run("BEGIN IMMEDIATE");
  db.run("DELETE FROM ledger");
  db.run("UPDATE payments SET requested_at_ms = NULL WHERE state = 4");
  process.kill(process.pid, "SIGKILL");
}
