/**
 * The statements by which a journal's file is written: one for each transition, with what it may move from
 * (sqlite-moves.ts), and those of a commit itself. Places are numbered in the order in which store.ts
 * gives their values.
 */
import type { Database } from "bun:sqlite";
import { moveSql } from "./sqlite-moves.ts";

export type Statements = ReturnType<typeof prepare>;

/** Prepares all of them at one connection; they live as long as it. */
export function prepare(db: Database) {
  return {
    begin: db.prepare("BEGIN IMMEDIATE"),
    commit: db.prepare("COMMIT"),
    accept: db.prepare(
      `INSERT INTO payments (seq, id, amount_cents, state, accepted_at_ms, processor,
         requested_at_ms, sum, reference)
       VALUES (?, unhex(?, '-'), ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    ),
    stateOf: db.prepare("SELECT state FROM payments WHERE seq = ?"),
    assign: db.prepare(MOVE_SQL.assign),
    find: db.prepare(MOVE_SQL.find),
    release: db.prepare(MOVE_SQL.release),
    unknown: db.prepare(MOVE_SQL.unknown),
    reject: db.prepare(MOVE_SQL.reject),
    conflict: db.prepare(MOVE_SQL.conflict),
    settle: db.prepare(MOVE_SQL.settle),
    hold: db.prepare(MOVE_SQL.hold),
    resume: db.prepare(MOVE_SQL.resume),
    absent: db.prepare(MOVE_SQL.absent),
    address: db.prepare("UPDATE processors SET url = ? WHERE number = ?"),
    ask: db.prepare("UPDATE payments SET state = state WHERE seq = ?"),
    trust: db.prepare("DELETE FROM meta WHERE key IN ('restored_at_ms', 'backup_at_ms')"),
    automatic: db.prepare("DELETE FROM processor_modes WHERE processor = ?"),
    mode: db.prepare("INSERT INTO processor_modes VALUES (?, ?)"),
    intervention: db.prepare("INSERT INTO interventions VALUES (?, ?, ?, ?, ?, ?, ?)"),
    code: db.prepare("INSERT INTO codes VALUES (?, ?)"),
    ledger: db.prepare("INSERT INTO ledger VALUES (?, ?, ?, ?, ?)"),
    probe: db.prepare(
      `INSERT INTO meta VALUES ('probes', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1`,
    ),
    purgeRows: db.prepare("DELETE FROM ledger"),
    purgeBase: db.prepare(
      "INSERT OR REPLACE INTO meta VALUES ('base_row', ?), ('purged_at_ms', ?)",
    ),
    purgePruned: db.prepare("DELETE FROM meta WHERE key = 'pruned_before_ms'"),
  };
}

const ASSIGNED = { processor: "?1", requested_at_ms: "?2" };
const BELONGS_TO_NOBODY = { processor: "NULL", requested_at_ms: "NULL" };
/** Made once, and not at each start: a simulation has many. */
const MOVE_SQL = {
  assign: moveSql("assign", ASSIGNED),
  find: moveSql("find", ASSIGNED),
  release: moveSql("release", BELONGS_TO_NOBODY),
  unknown: moveSql("unknown"),
  reject: moveSql("reject"),
  conflict: moveSql("conflict"),
  settle: moveSql("settle", { settled_at_ms: "?1" }),
  hold: moveSql("hold"),
  resume: moveSql("resume"),
  absent: moveSql("absent", BELONGS_TO_NOBODY),
} as const;
