/** Payments that a killed process has reported are there when the next process opens the journal. */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { crashId } from "./crash.fixture.ts";
import { NAMES, temporaryDirectory } from "./journal.fixture.ts";
import { SqliteStore, uuidFromHex } from "./store.ts";
import { Child } from "../../testing/process.ts";

const CYCLES = 10;
const ENTRY = new URL("./crash.fixture.ts", import.meta.url).pathname;

/** Kills the process once it has written so many lines; gives all whole lines that came out. */
async function runAndKill(path: string, sync: string, lines: number): Promise<string[]> {
  const child = new Child({
    command: [process.execPath, ENTRY, path, sync],
    onLine: () => {
      if (child.lines.length === lines) child.signal("SIGKILL");
    },
  });
  child.start();
  expect(await child.ended).toEqual({ code: null, signal: "SIGKILL" });
  // Every line is whole: a write of a few lines comes out as a whole, or not at all.
  return child.lines;
}

function idsIn(path: string): { accepted: Set<string>; settled: Set<string>; rows: number[] } {
  using db = new Database(path, { readonly: true });
  const ids = (sql: string) =>
    new Set((db.query(sql).values() as [string][]).map(([hex]) => uuidFromHex(hex)));
  return {
    accepted: ids("SELECT lower(hex(id)) FROM payments"),
    settled: ids("SELECT lower(hex(id)) FROM payments JOIN ledger USING (seq) WHERE state = 4"),
    rows: (db.query("SELECT row FROM ledger ORDER BY row").values() as [number][]).map(
      ([row]) => row,
    ),
  };
}

test.each(["full", "normal"])(
  "nothing that was acknowledged is lost when the process is killed, with JOURNAL_SYNC=%s",
  async (sync) => {
    using directory = temporaryDirectory();
    const path = directory.file();
    const said: string[] = [];
    let epoch = 0;
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const lines = await runAndKill(path, sync, 20 + 37 * cycle);
      expect(lines.length).toBeGreaterThanOrEqual(20);
      said.push(...lines);
      // The next process recovers the file that the killed one left.
      const store = new SqliteStore(path, sync as "full", NAMES, Date.now());
      expect(store.head.epoch).toBeGreaterThan(epoch);
      epoch = store.head.epoch;
      const { accepted, settled, rows } = idsIn(path);
      for (const line of said) {
        const [what = "", seq = ""] = line.split(" ");
        const ids = what === "settled" ? settled : accepted;
        if (!ids.has(crashId(Number(seq)))) throw new Error(`lost: ${line}, cycle ${cycle}`);
      }
      // Commits are whole: the ledger has no gap and the next row follows the last one.
      expect(rows).toEqual(rows.map((_, n) => n));
      expect(store.head.nextRow).toBe(rows.length);
      expect(store.head.nextSeq).toBe(accepted.size + 1);
      expect([...store.open()].length).toBe(accepted.size - settled.size);
      store.close();
    }
  },
);
