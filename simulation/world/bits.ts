/**
 * Bits that turn over in a journal at rest, in a copy of it:
 *
 *   R22  a fact that has become another one is found before anything is built on it; a bit anywhere is found, or
 *        the payments, the ledger and what is open are what they were; and a whole journal is not called damaged
 *
 * A row of the ledger that has become another payment's is left out where both are of one amount, processor and
 * instant: nothing in the file tells them apart (docs/adr/0030).
 */
import { Database } from "bun:sqlite";
import { damageIn } from "../../worker/journal/damage.ts";
import type { Chance } from "./chance.ts";
import { readTables } from "./tables.ts";
import { Violation } from "./violation.ts";

/** A bit of them may be turned over: values stay whole numbers that the tables take. */
const FACTS: Readonly<Record<string, readonly string[]>> = {
  payments: [
    "amount_cents",
    "accepted_at_ms",
    "processor",
    "requested_at_ms",
    "settled_at_ms",
    "sum",
  ],
  ledger: ["processor", "requested_at_ms", "amount_cents", "seq"],
};
/** A row of the ledger that is what its payment says. */
const AGREES = `SELECT 1 FROM ledger JOIN payments AS p USING (seq) WHERE ledger.rowid = ? AND p.settled_at_ms IS NOT NULL
  AND p.processor = ledger.processor AND p.requested_at_ms = ledger.requested_at_ms AND p.amount_cents = ledger.amount_cents`;
const FACTS_TURNED = 8;
const BITS = 10;
const BYTES_MAX = 300_000;

export function checkBits(copy: Uint8Array, chance: Chance): void {
  if (copy.length > BYTES_MAX) return;
  checkFacts(copy, chance);
  checkAnyBit(copy, chance);
}

function checkFacts(copy: Uint8Array, chance: Chance): void {
  using db = Database.deserialize(copy);
  const found = damageIn(db);
  if (found !== null) fail(`a whole journal is called damaged: ${found}`);
  db.run("PRAGMA foreign_keys = OFF");
  for (let i = 0; i < FACTS_TURNED; i++) {
    const table = chance.pick(Object.keys(FACTS));
    const column = chance.pick(FACTS[table]!);
    const ids = db
      .query(`SELECT rowid FROM ${table} WHERE ${column} IS NOT NULL`)
      .values()
      .flat() as number[];
    if (ids.length === 0) continue;
    db.run("BEGIN");
    const bit = 2 ** chance.between(0, BITS);
    const turned = `max(1, (${column} | ${bit}) - (${column} & ${bit}))`;
    const row = chance.pick(ids);
    db.run(
      `UPDATE OR IGNORE ${table} SET ${column} = ${turned} WHERE rowid = ? AND ${column} <> ${turned}`,
      [row],
    );
    const isOther = db.query("SELECT changes() AS n").values().flat()[0] === 1;
    const isTwins = column === "seq" && db.query(AGREES).get(row) !== null;
    if (isOther && !isTwins && damageIn(db) === null)
      fail(`bit ${bit} of ${column} in ${table} is not seen`);
    db.run("ROLLBACK");
  }
}

/** A page is read where it is changed, if the file is read at all. */
function checkAnyBit(copy: Uint8Array, chance: Chance): void {
  const turned = Uint8Array.from(copy);
  const at = chance.between(0, turned.length - 1);
  turned[at]! ^= 1 << chance.between(0, 7);
  const before = factsIn(copy);
  let after: unknown;
  try {
    after = factsIn(turned);
  } catch {
    return;
  }
  if (!Bun.deepEquals(before, after))
    fail(`a bit of byte ${at} is not seen, and makes a difference`);
}

/** Throws where the file is called damaged. */
function factsIn(bytes: Uint8Array): unknown {
  using db = Database.deserialize(bytes);
  const found = damageIn(db);
  if (found !== null) throw new Error(found);
  const { payments, ledger } = readTables(db);
  const open = db.query("SELECT seq FROM unsettled ORDER BY seq").values();
  return { payments, ledger, open };
}

function fail(what: string): void {
  throw new Violation(`R22: ${what}`);
}
